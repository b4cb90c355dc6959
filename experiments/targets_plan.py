"""The plan of the face-validity table: conditions and their runs, rows, mechanisms; and the runs that are there."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from experiments.ensemble import Job

ROOT = Path("runs/targets")
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Condition:
    """A scenario with overrides, run with seeds 1 to ``seeds``; the first ``quick`` of them are enough for a quick look."""

    name: str
    about: str
    scenario: str
    overrides: tuple[str, ...]
    seeds: int
    quick: int = 0

    def jobs(self, seeds: int, root: Path) -> list[Job]:
        """Return its runs."""
        place = root / self.name
        numbers = range(1, seeds + 1)
        return [Job(f"{self.name}, seed {seed}", self.scenario, self.overrides, seed, place) for seed in numbers]


@dataclass(frozen=True)
class Line:
    """A line of a table: what is read of which conditions, what is expected, and how well that is known.

    row     number in the face-validity table, or the name of another table
    times   what the estimate is multiplied with
    share   limits within which a run counts
    """

    row: int | str
    condition: str
    readout: str
    read: Sequence[Any]
    unit: str = ""
    expected: Mapping[str, float] = field(default_factory=dict)
    reported: str = ""
    standing: str = ""
    source: tuple[str, ...] = ()
    seen: bool | None = None
    against: str = ""
    less: str = ""
    compare: str = ""
    share: tuple[float, float] | None = None
    times: float = 1.0
    proxy: str = ""
    consistency: str = ""
    note: str = ""
    why: str = ""  # what is known of why it is missed

    @property
    def is_held_out(self) -> bool:
        """Whether it was looked up, no value was set in view of it, and no part of its answer is an input."""
        return self.seen is False and self.standing == "looked up" and not self.consistency

    @property
    def conditions(self) -> list[str]:
        """The conditions it needs."""
        return [name for name in (self.condition, self.against, self.less) if name]


@dataclass(frozen=True)
class Plan:
    """Everything that stands in the files of the plan."""

    conditions: dict[str, Condition]
    rows: list[Line]
    course: list[Line]
    mechanisms: list[Line]
    titles: Mapping[str, str]
    extra: Mapping[str, Any]  # of the page: figures, the well-mixed lesion, remarks

    def lines(self) -> list[Line]:
        """All lines of all tables."""
        return [*self.rows, *self.course, *self.mechanisms]

    def jobs(self, quick: bool = False, root: Path = ROOT) -> list[Job]:
        """Return the runs that are needed, condition by condition."""
        every = self.conditions.values()
        return [job for each in every for job in each.jobs(each.quick if quick else each.seeds, root)]


def read_plan(folder: Path = HERE) -> Plan:
    """Read the plan."""
    main, rows, extra = (_read(folder / f"{name}.yaml") for name in ("targets", "targets_rows", "targets_course"))
    conditions = {name: _condition(name, spec, main["output"]) for name, spec in main["conditions"].items()}
    mechanisms = main["mechanisms"]
    order = [each for on in conditions.values() for each in (on, *_without(on, mechanisms))]
    return Plan(
        {each.name: each for each in order},
        [_line(number, {**row, **line}) for number, row in rows["rows"].items() for line in row["lines"]],
        [
            _line("course", {"condition": name, "readout": label, **line})
            for name, lines in extra["course"].items()
            for label, line in lines.items()
        ],
        list(_mechanism_lines(mechanisms)),
        extra["titles"],
        extra,
    )


def _read(path: Path) -> dict[str, Any]:
    from ruamel.yaml import YAML

    return YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))


def references() -> dict[str, str]:
    """Return how each reference of the library is cited."""
    from abm.config.files import LIBRARY

    return {key: entry["cite"] for key, entry in _read(LIBRARY / "references.yaml")["references"].items()}


def flat(overrides: Iterable[str | list[str]]) -> tuple[str, ...]:
    """Lay out overrides in one list; those that conditions share stand in the plan as a list within a list."""
    return tuple(word for each in overrides for word in ([each] if isinstance(each, str) else flat(each)))


def _condition(name: str, spec: Mapping[str, Any], output: Sequence[str]) -> Condition:
    overrides = (*output, *flat(spec["overrides"]))
    return Condition(name, spec["about"], spec["scenario"], overrides, spec["seeds"], spec.get("quick", 0))


def _without(on: Condition, mechanisms: Mapping[str, Any]) -> Iterator[Condition]:
    """Make a condition for each mechanism that is looked at in an arm, in which it is off."""
    for name, arms in mechanisms["rows"].items():
        if on.name in arms:
            overrides = (*on.overrides, *mechanisms["on"][on.name]["overrides"], f"therapy.msc.mechanisms.{name}=off")
            about = f"As {on.name}, without {name}."
            yield Condition(without(on.name, name), about, on.scenario, overrides, mechanisms["on"][on.name]["seeds"])


def without(on: str, mechanism: str) -> str:
    """Return the name of the condition that is as another with one mechanism off."""
    return f"{on}_without_{mechanism}"


def _mechanism_lines(mechanisms: Mapping[str, Any]) -> Iterator[Line]:
    for name, arms in mechanisms["rows"].items():
        for on, readouts in arms.items():
            for label, (column, direction, *why) in readouts.items():
                yield Line(
                    row=name,
                    condition=on,
                    against=without(on, name),
                    compare="ratio",
                    readout=label,
                    read=("mean", column, *mechanisms["on"][on]["window"]),
                    unit="ratio",
                    expected={"to": 1.0} if direction == "less" else {"from": 1.0},
                    why="".join(why),
                )


def _line(row: int | str, spec: Mapping[str, Any]) -> Line:
    given: dict[str, Any] = {name: _frozen(value) for name, value in spec.items() if name != "lines"}
    return Line(row=row, **given)


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


# --- runs -----------------------------------------------------------------------------------------------------------------


def finished(plan: Plan, root: Path = ROOT) -> dict[str, dict[int, Any]]:
    """Return the newest finished run of each condition and seed, as far as there are any."""
    from abm.run_folder import INFO, Run

    found: dict[str, dict[int, Any]] = {}
    for name, condition in plan.conditions.items():
        files = sorted((root / name).glob(f"*/{INFO}"), key=lambda path: path.stat().st_mtime)
        runs = [Run.load(file.parent) for file in files]
        done = {run.info["seed"]: run for run in runs if run.info["status"] == "done"}
        found[name] = {seed: done[seed] for seed in sorted(done) if seed <= condition.seeds}
    return found
