"""Study files: arms x grid x replicates over one base, checked as a whole before anything runs.

    study:
      base: acute
      arms: {untreated: {}, low: {therapy: {msc: {dose: 1e5, day: 7, route: intrathecal}}}}
      grid: {time.step: [6 min, 12 min]}
      replicates: 8

Every other section of the file is laid over the base for all runs. Each arm is written as a scenario of its own, so that
anybody can run it by hand; values of the grid and seeds come as ``--set`` and ``--seed``.
"""

import itertools
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import PlainValidator

from abm.config import Config, ConfigError, load
from abm.config.conditions import read_out_units
from abm.config.errors import Problems, hint
from abm.config.expected import refuse
from abm.config.files import LIBRARY, SCHEMA, SUFFIXES, scenario_names
from abm.config.flow import flow
from abm.config.model import Name, Part
from abm.config.readouts_schema import units
from abm.config.sections import Reader
from abm.config.tree import Branch, Leaf, Row, branch, find, is_null
from abm.config.yaml_reader import read_tree
from experiments.arms import Arm, Scenario
from experiments.calibration.goals import Calibration
from experiments.ensemble import Job
from experiments.folders import RUNS
from experiments.parameters import quantities
from experiments.sensitivity.sampling import Sample
from experiments.varied import SECTIONS, Varied

STUDIES = "studies"
OF_THE_FILE = ("schema", "study", *SECTIONS, "name", "title", "purpose")
OF_AN_ARM = ("extends", "crossed")
NOT_HERE = {
    "extends": "name the scenario in study.base, and what an arm adds to it in study.arms.<arm>.extends",
    "seed": "study.replicates gives the seeds",
}
MOST_RUNS = 100_000
NAME = re.compile(r"\w[\w.-]*")

Point = tuple[tuple[str, Any], ...]  # dotted key and value, of every key of the grid


def _replicates(raw: Any) -> int | list[int]:
    """Read a number of replicates, or their seeds."""
    numbers = raw if isinstance(raw, list) else [raw]
    whole = all(isinstance(each, int) and not isinstance(each, bool) and each >= 0 for each in numbers)
    if not whole or not (isinstance(raw, list) or 1 <= raw <= MOST_RUNS):
        raise refuse(
            (
                (),
                f"{{key}} = {{value}} must be a number of runs from 1 to {MOST_RUNS}, or a list of seeds such as [1, 2, 5]",
            )
        )
    return raw


class Section(Part):
    """What stands under ``study:``."""

    base: str = "acute"
    arms: dict[Name, dict[str, Any]]
    grid: dict[str, list[Any]] = {}
    replicates: Annotated[int | list[int], PlainValidator(_replicates)] = 1
    measures: list[str] = []
    control: str | None = None


@dataclass(frozen=True)
class StudyRun:
    """One run of a study: its arm, its point of the grid, its seed, and how it is made."""

    arm: str
    point: Point
    seed: int
    job: Job


@dataclass(frozen=True)
class Study:
    """A study as its file gives it.

    units    every read-out that any arm has
    command  that makes its runs: study, sensitivity or calibrate
    sample   the points to try in place of the grid, where its file has a section ``sensitivity``; those tried until now of
             a ``calibration``
    """

    name: str
    title: str
    purpose: str
    base: str
    control: str
    seeds: tuple[int, ...]
    grid: Mapping[str, Sequence[Any]]
    measures: tuple[str, ...]
    arms: Mapping[str, Arm]
    common: Scenario
    units: Mapping[str, str]
    command: str = "study"
    sample: Sample | None = None
    calibration: Calibration | None = None

    @property
    def keys(self) -> list[str]:
        """What differs between the points at which an arm is run."""
        return list(self.grid) if self.sample is None else [each.key for each in self.sample.parameters]

    @property
    def folder(self) -> Path:
        """Where the record of this study is kept."""
        return Path(RUNS) / STUDIES / self.name

    def write(self, folder: Path) -> dict[Path, list[str]]:
        """Write a scenario for each arm. Return where each line of these files comes from."""
        (folder / "arms").mkdir(parents=True, exist_ok=True)
        files = {folder / "common.yaml": self.common}
        files |= {_arm_file(folder, arm): each.scenario for arm, each in self.arms.items()}
        return {file.resolve(): scenario.write(file) for file, scenario in files.items()}

    def points(self, arm: str) -> list[Point]:
        """Return the points of the grid, or of the sample, at which an arm is run; one without keys where it is not crossed."""
        if self.sample is not None and self.arms[arm].crossed:
            return self.sample.points
        grid = self.grid if self.arms[arm].crossed else {}
        return [tuple(zip(grid, values)) for values in itertools.product(*grid.values())]

    def runs(self, folder: Path | None = None) -> list[StudyRun]:
        """Return all runs, replicate by replicate, with the scenarios of the arms in ``folder``."""
        folder = self.folder if folder is None else folder
        return [
            StudyRun(arm, point, seed, _job(_arm_file(folder, arm), arm, point, seed, self._name(point, number)))
            for seed in self.seeds
            for arm in self.arms
            for number, point in enumerate(self.points(arm), start=1)
        ]

    def _name(self, point: Point, number: int) -> list[str]:
        """Name a point for people: a sampled one by its number."""
        return described(point) if self.sample is None or not point else [f"point {number}"]


def _arm_file(folder: Path, arm: str) -> Path:
    return folder / "arms" / f"{arm}.yaml"


def _job(file: Path, arm: str, point: Point, seed: int, name: Sequence[str]) -> Job:
    overrides = tuple(f"{key}={flow(value)}" for key, value in point)
    return Job(", ".join([arm, *name, f"seed {seed}"]), str(file), overrides, seed)


def described(point: Point) -> list[str]:
    """Write a point of the grid for people: the last word of each key, and its value."""
    return [f"{key.rpartition('.')[2]} {shown(value)}" for key, value in point]


def shown(value: Any) -> str:
    """Write a value of the grid for people."""
    return f"{value:g}" if isinstance(value, float) else flow(value).strip('"')


# --- reading --------------------------------------------------------------------------------------------------------------


def study_names() -> list[str]:
    """List the studies that come with remyelin."""
    return sorted(path.stem for path in (LIBRARY / STUDIES).glob("*.yaml"))


def find_file(given: str) -> Path:
    """Find a study by name or path."""
    if given.endswith(SUFFIXES) or "/" in given:
        return Path(given).expanduser()
    file = LIBRARY / STUDIES / f"{given}.yaml"
    if given not in study_names():
        advice = f"{hint(given, study_names())} (a file of your own needs its path, such as ./mine.yaml)"
        raise ConfigError([f"unknown study '{given}'; {advice}"])
    return file


def is_study(given: str) -> bool:
    """Whether a name or a file is that of a study rather than of a scenario."""
    if given in study_names():
        return given not in scenario_names()
    try:
        text = Path(given).expanduser().read_text(encoding="utf-8")
    except (OSError, ValueError, RuntimeError):
        return False
    tree = read_tree(text, given, Problems())
    return tree is not None and "study" in tree.items


def read_study(given: str, check: bool = True) -> Study:
    """Read a study by name or path. Raises ConfigError with every problem of the file and of every arm.

    check   also load every arm; without it, a study can be listed but not run
    """
    file = find_file(given)
    problems = Problems()
    try:
        tree = read_tree(file.read_text(encoding="utf-8"), str(file), problems)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigError([f"{file}: cannot be read ({reason})"]) from None
    study = _Draft(file, tree, problems).study(check) if tree is not None else None
    problems.stop_if_any()
    assert study is not None
    return study


class _Draft:
    """Builds a study from its tree."""

    def __init__(self, file: Path, tree: Branch, problems: Problems):
        self.file, self.tree, self.problems = file, tree, problems
        self.varied = Varied(tree, problems)

    def study(self, check: bool) -> Study | None:
        """Check the file, then what every arm comes to; None where the file itself cannot be read."""
        arms = branch(branch(self.tree, "study"), "arms")
        for name, node in list(arms.items.items()):
            if is_null(node):  # "untreated:" says as much as "untreated: {}"
                arms.put(name, Branch({}, arms.keys[name]))
        section = self._section()
        name = _text(self.tree, "name") or self.file.stem
        if not NAME.fullmatch(name):
            self._refuse(("name",), f"name = '{name}' must be letters, digits, _ and -: it names a folder")
        if section is None:
            return None
        base = self._beside(section.base, find(self.tree, ("study", "base"))[1])
        if base is None:
            return None
        common = self.tree.without(*OF_THE_FILE, *NOT_HERE)
        made = Study(
            name=name,
            title=_text(self.tree, "title") or name,
            purpose=_text(self.tree, "purpose"),
            base=section.base,
            control=section.control or next(iter(section.arms)),
            seeds=_seeds(section.replicates),
            grid=section.grid,
            measures=tuple(section.measures),
            arms={arm: self._arm(arm, node) for arm, node in arms.items.items() if isinstance(node, Branch)},
            common=Scenario([base], "", f"{name}, all arms", common),
            units={},
            command=self.varied.name or "study",
        )
        config = self._loaded(base) if check else None
        return made if len(self.problems) or config is None else self._checked(made, config)

    def _refuse(self, path: tuple[str, ...], sentence: str) -> None:
        self.problems.add(find(self.tree, path)[1], sentence)

    def _section(self) -> Section | None:
        """Read what stands under ``study:``."""
        schema = self.tree.items.get("schema")
        if not isinstance(schema, Leaf) or schema.value != SCHEMA:
            self._refuse(("schema",), f"schema must be {SCHEMA}; write 'schema: {SCHEMA}' at the top")
        for key, advice in NOT_HERE.items():
            if key in self.tree.items:
                self._refuse((key,), f"'{key}' has no place in a study: {advice}")
        node = self.tree.items.get("study")
        if node is None or is_null(node):
            self.problems.add(f"{self.file}:1", "is no study: it has no section 'study' (base, arms, grid, replicates)")
            return None
        section = Reader(self.tree, self.problems).read(Section, node, ("study",))
        if section is None:
            return None
        if not section.arms:
            self._refuse(("study", "arms"), "study.arms has no arm; write for example 'untreated: {}'")
        elif section.control is not None and section.control not in section.arms:
            advice = hint(section.control, section.arms)
            self._refuse(("study", "control"), f"study.control = '{section.control}' is no arm; {advice}")
        for key, values in section.grid.items():
            if not values or len({flow(value) for value in values}) < len(values):
                self._refuse(("study", "grid", key), f"study.grid.{key} must be a list of values, each once")
        seeds = _seeds(section.replicates)
        if not seeds or len(set(seeds)) < len(seeds):
            self._refuse(("study", "replicates"), "study.replicates must be a number, or a list of seeds, each once")
        return section if section.arms else None

    def _beside(self, given: str, where: str) -> str | None:
        """Give a name of the library as it is, and the whole path of a file beside the study."""
        if not (given.endswith(SUFFIXES) or "/" in given):
            return given
        path = (self.file.parent / Path(given).expanduser()).resolve()
        if not path.is_file():
            self.problems.add(where, f"'{given}': there is no such file (paths are relative to the study)")
            return None
        return str(path)

    def _loaded(self, base: str) -> Config | None:
        try:
            return load(base)
        except ConfigError as error:
            for message in error.messages:
                self._refuse(("study", "base"), f"study.base: {message}")
            return None

    def _arm(self, arm: str, node: Branch) -> "Arm":
        for key, advice in NOT_HERE.items():
            if key in node.items and key not in OF_AN_ARM:
                self.problems.add(node.keys[key], f"study.arms.{arm}: '{key}' has no place in an arm: {advice}")
        above, crossed = [], True
        for key in OF_AN_ARM:
            entry = node.items.get(key)
            for each in entry.items if isinstance(entry, Row) else [entry] if entry is not None else []:
                value = each.value if isinstance(each, Leaf) else None
                if key == "crossed":
                    crossed = self._switch(f"study.arms.{arm}.crossed", value, node.keys[key])
                elif not isinstance(value, str):
                    self.problems.add(node.keys[key], f"study.arms.{arm}.extends must be names, or paths of files")
                elif (found := self._beside(value, each.where)) is not None:
                    above.append(found)
        label = _text(node, "title") or arm.replace("_", " ")
        own = node.without(*OF_AN_ARM, "name", "title", "purpose")
        return Arm(label, crossed, Scenario(["../common.yaml", *above], "", label, own))

    def _switch(self, key: str, value: Any, where: str) -> bool:
        if value not in ("on", "off", True, False):
            self.problems.add(where, f"{key} must be on or off: whether the arm is run at every point of the grid")
        return value not in ("off", False)

    def _checked(self, study: Study, base: Config) -> Study:
        """Load every arm at every point of the grid, as the runs will; say what is wrong where it is written."""
        arms = {arm: replace(each, scenario=replace(each.scenario, name=base.name)) for arm, each in study.arms.items()}
        study = replace(study, arms=arms, common=replace(study.common, name=base.name))
        known = measure_units(base)
        with tempfile.TemporaryDirectory(prefix="remyelin-") as scratch:
            origins = study.write(Path(scratch))
            study = self._varied(study, Path(scratch))
            first, tried = study.seeds[0], study if study.sample is None else replace(study, sample=study.sample.ends)
            for run in (run for run in tried.runs(Path(scratch)) if run.seed == first):
                try:
                    known |= measure_units(load(run.job.scenario, overrides=run.job.overrides))
                except ConfigError as error:
                    for message in error.messages:
                        self.problems.add(*self._origin(message, origins, run))
        self._measures(study, known)
        if study.calibration is not None:
            study = replace(study, calibration=self.varied.goals(study.calibration, study.control, study.arms, known))
        return replace(study, units=known)

    def _varied(self, study: Study, folder: Path) -> Study:
        """Put what a section of the file varies in place of the grid."""
        if self.varied.section is None:
            return study
        try:
            sample = self.varied.sample(quantities(load(str(_arm_file(folder, study.control)))), study.grid)
        except ConfigError:  # told where all arms are loaded
            return study
        return replace(study, sample=sample, calibration=self.varied.calibration())

    def _origin(self, message: str, origins: Mapping[Path, list[str]], run: StudyRun) -> tuple[str, str]:
        """Give the line of the study file that a message about a written scenario comes from."""
        section = ("study", "grid") if self.varied.name is None else (self.varied.name, "parameters")
        for key, _ in run.point:
            if message.startswith(f"--set {key}="):
                return find(self.tree, (*section, key))[1], f"{'.'.join(section)}: {message.partition(': ')[2]}"
        place = re.match(r"(.*?):(\d+): ", message)
        if place is None:
            return find(self.tree, ("study", "arms", run.arm))[1], f"arm '{run.arm}': {message}"
        lines = next((origins[path] for path in _paths(place[1]) if path in origins), None)
        where = f"{place[1]}:{place[2]}" if lines is None else lines[int(place[2]) - 1]
        return where, message[place.end() :]

    def _measures(self, study: Study, known: Mapping[str, str]) -> None:
        for number, measure in enumerate(study.measures):
            if measure not in known:
                advice = hint(measure, known)
                self._refuse(
                    ("study", "measures", str(number)), f"study.measures: '{measure}' is no read-out; {advice}"
                )


def measure_units(config: Config) -> dict[str, str]:
    """Give every read-out of a config its unit."""
    fields = {name: field.unit for name, field in config.fields.items()}
    found = read_out_units(fields, config.cells) | units(config.readouts, fields)
    if len(config.grid.size) == 3:  # what is an area in a slab is a volume there
        found = {name: "mm^3" if unit == "mm^2" else unit for name, unit in found.items()}
    return found


def _paths(shown: str) -> Iterator[Path]:
    """Give the files that a message may mean: it names them from the library's parent or from here."""
    for root in (LIBRARY.resolve().parent, Path.cwd()):
        yield (root / shown).resolve()


def _seeds(replicates: int | list[int]) -> tuple[int, ...]:
    return tuple(range(1, replicates + 1)) if isinstance(replicates, int) else tuple(replicates)


def _text(tree: Branch, key: str) -> str:
    node = tree.items.get(key)
    return " ".join(node.value.split()) if isinstance(node, Leaf) and isinstance(node.value, str) else ""
