"""What there is and where it comes from: the commands that read configs and print, and compute nothing.

The functions on top do the work and can be called from a notebook; ``register`` adds the commands that print their answers.
"""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from experiments.sources import SETTING, SHAPE, citations, summary, values

DEFAULT_SCENARIO = "acute"


# --- scenarios ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Scenario:
    """A scenario of the library in brief."""

    name: str
    title: str
    days: float
    size: str
    purpose: str


def scenarios() -> list[Scenario]:
    """List the scenarios that come with remyelin."""
    from abm.config import load
    from abm.config.files import scenario_names

    return [_brief(load(name)) for name in scenario_names()]


def _brief(config: Any) -> Scenario:
    size = " x ".join(f"{float(length) / 1000:g}" for length in config.grid.size) + " mm"
    return Scenario(config.name, config.title or "", float(config.time.days) / 24, size, config.purpose or "")


def new_scenario(name: str, file: str | Path) -> Path:
    """Write a commented template that changes scenario ``name``; a file that is there is never touched."""
    from abm.config import ConfigError, load
    from abm.config.files import LIBRARY
    from abm.config.json_schema import FILE

    load(name)
    file = Path(file)
    text = (LIBRARY / "templates" / "scenario.yaml").read_text(encoding="utf-8")
    text = re.sub(r"(?m)^extends: .*$", lambda _: f"extends: {_base_for(name, file)}", text, count=1)
    text = (
        f"# yaml-language-server: $schema={FILE}\n{text}"  # editors that know YAML complete and check while one types
    )
    try:
        with file.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        raise ConfigError([f"{file}: this file is there already and is left as it is; choose another name"]) from None
    except OSError as error:
        raise ConfigError([f"{file}: cannot be written ({error.strerror})"]) from None
    return file


def _base_for(name: str, file: Path) -> str:
    """Say how ``file`` extends ``name``: by name, or by a path from its own folder."""
    from abm.config.files import scenario_names

    if name in scenario_names():
        return name
    path = Path(os.path.relpath(name, file.parent)).as_posix()
    return path if path.startswith("../") else f"./{path}"


# --- differences --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Difference:
    """One value that two configs do not share; empty where a config does not have it."""

    key: str
    first: str
    second: str


def differences(first: str | Path, second: str | Path) -> list[Difference]:
    """List what differs between two configs; each is a scenario, a file or the folder of a run."""
    return differing(open_config(first), open_config(second))


def differing(first: Any, second: Any) -> list[Difference]:
    """List the values that two loaded configs do not share."""
    one, other = (dict(_leaves(config.resolved())) for config in (first, second))
    keys = [key for key in {**one, **other} if key not in ("name", "title", "purpose")]
    return [Difference(key, one.get(key, ""), other.get(key, "")) for key in keys if one.get(key) != other.get(key)]


def open_config(given: str | Path) -> Any:
    """Load a scenario by name, a file, or the config of a run folder; a name wins over a folder of that name."""
    from abm.config import ConfigError, load
    from abm.config.files import scenario_names

    folder = Path(given)
    if str(given) in scenario_names() or not folder.is_dir():
        return load(str(given))
    for file in (folder / "resolved.yaml", folder / "config.yaml"):
        if file.is_file():
            return load(file)
    raise ConfigError([f"{folder}: is no run folder; it has neither resolved.yaml nor config.yaml"])


def _leaves(node: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Walk what ``Config.resolved`` gives: a dotted key and the text of each value."""
    if isinstance(node, list):
        yield key, ", ".join(text for each in node for _, text in _leaves(each))
    elif isinstance(node, Mapping) and "value" in node and "where" in node:
        yield key, _text(node)
    elif isinstance(node, Mapping) and node:
        for name, below in node.items():
            yield from _leaves(below, f"{key}.{name}" if key else str(name))
    else:
        yield key, str(node)


def _text(leaf: Mapping[str, Any]) -> str:
    value, unit = leaf["value"], leaf.get("unit")
    number = f"{value:.12g}" if isinstance(value, float) else str(value)
    return f"{number} {unit}" if unit and unit != "1" else number


# --- laws ---------------------------------------------------------------------------------------------------------------


def law_lines(config: Any, kind: str | None = None) -> Iterator[str]:
    """Write the laws of one kind, or of all, as equations with the numbers, units and sources under each."""
    from abm.config import ConfigError
    from abm.config.errors import hint
    from experiments.equations import equation, in_order, signal_line, signals_of
    from experiments.tables import plain

    if kind is not None and kind not in config.laws:
        left_out = "is left out of" if kind in config.known_kinds else "has no laws in"
        raise ConfigError([f"'{kind}' {left_out} scenario '{config.name}'; {hint(kind, config.laws)}"])
    found = values(config)
    for owner in [kind] if kind is not None else config.laws:
        yield f"--- {owner} ---"
        for name, law in in_order(config.laws[owner]):
            yield ""
            yield from equation(name, law)
            start = f"laws.{owner}.{name}."
            rows = [
                (value.key.removeprefix(start), value.text, value.range, value.source or "-", value.note)
                for value in found
                if value.key.startswith(start) and value.source not in (SHAPE, SETTING)
            ]
            yield from (f"      {line}" for line in plain(("number", "value", "range", "source", "note"), rows)[1:])
        derived = sorted(signals_of(config.laws[owner]) & set(config.signals))
        if derived:
            yield ""
            yield "where"
            yield from (
                f"  {signal_line(name, config.signals[name], {*config.fields, *config.cells})}" for name in derived
            )
        yield ""


# --- commands -----------------------------------------------------------------------------------------------------------

ScenarioArgument = Annotated[str, typer.Argument(metavar="[S]", help="A scenario's name, or a YAML file.")]


def show_scenarios() -> None:
    """List the scenarios:  remyelin scenarios"""
    from experiments.tables import print_table

    rows = [(each.name, each.title, f"{each.days:g}", each.size, each.purpose) for each in scenarios()]
    print_table(("scenario", "title", "days", "size", "purpose"), rows)


def show(
    scenario: Annotated[str, typer.Argument(metavar="S", help="A scenario's name, a YAML file, or a run folder.")],
    resolved: Annotated[bool, typer.Option("--resolved", help="Every value, with unit, source and origin.")] = False,
) -> None:
    """Print a scenario as it is written, or with every value it comes to:  remyelin show acute --resolved"""
    given = Path(scenario) / "config.yaml"
    config = open_config(given if not resolved and given.is_file() else scenario)
    typer.echo((config.resolved_text() if resolved else config.source_text).rstrip("\n"))


def validate(file: Annotated[str, typer.Argument(metavar="FILE", help="A YAML file, or a scenario's name.")]) -> None:
    """Check a file and say every mistake at once:  remyelin validate my_study.yaml"""
    from abm.doses_in_tissue import dose_lines, never_given
    from experiments.study_plan import is_study, read_study

    if is_study(file):
        plan = read_study(file)
        runs = len(plan.runs())
        if plan.calibration is not None:  # its points are not known before
            runs = plan.calibration.trials * len(plan.arms) * len(plan.seeds)
        typer.echo(
            f"{file} is valid: a study of {len(plan.arms)} arms and {runs} runs; remyelin {plan.command} makes them"
        )
        return
    config = open_config(file)
    brief = _brief(config)
    typer.echo(f"{file} is valid: {brief.size}, {brief.days:g} days, {config.n_steps} steps; {summary(values(config))}")
    for line in dose_lines(config):
        typer.echo(line)
    for sentence in never_given(config):
        typer.echo(f"warning: {sentence}", err=True)


def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The scenario to start from.")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write; it must not be there yet.")],
) -> None:
    """Write a commented scenario of your own:  remyelin new acute my_lesion.yaml"""
    written = new_scenario(name, file)
    typer.echo(f"wrote {written}; edit it, then: remyelin validate {written}")


def diff(
    first: Annotated[str, typer.Argument(metavar="A", help="A scenario, a YAML file, or a run folder.")],
    second: Annotated[str, typer.Argument(metavar="B", help="Another.")],
) -> None:
    """Say what differs between two configs or runs:  remyelin diff acute demo"""
    from experiments.tables import print_table

    found = differences(first, second)
    if not found:
        typer.echo(f"no value differs between {first} and {second}")
        return
    print_table(("key", first, second), [(each.key, each.first or "-", each.second or "-") for each in found])


def params(
    scenario: ScenarioArgument = DEFAULT_SCENARIO,
    missing_source: Annotated[bool, typer.Option("--missing-source", help="Only values without a source.")] = False,
) -> None:
    """List every value with unit, range and source:  remyelin params acute --missing-source"""
    from experiments.tables import print_table

    found = values(open_config(scenario))
    chosen = [value for value in found if value.source is None] if missing_source else found
    rows = [(value.key, value.text, value.range, value.source or "-", value.note) for value in chosen]
    if rows:
        print_table(("key", "value", "range", "source", "note"), rows)
    typer.echo(summary(found) if rows else f"no value is without a source; {summary(found)}")


def laws(
    kind: Annotated[
        str | None, typer.Argument(metavar="[KIND]", help="A kind of cell, astrocytes, tissue or venule.")
    ] = None,
    scenario: ScenarioArgument = DEFAULT_SCENARIO,
) -> None:
    """Print the laws of a kind as equations:  remyelin laws macrophage"""
    for line in law_lines(open_config(scenario), kind):
        typer.echo(line)


def cite(
    scenario: Annotated[str, typer.Argument(metavar="S", help="A scenario, a YAML file, or a run folder.")],
    bibtex: Annotated[bool, typer.Option("--bibtex", help="As BibTeX.")] = False,
) -> None:
    """Print the literature that a scenario or a run rests on:  remyelin cite acute --bibtex"""
    from experiments.tables import print_table

    config = open_config(scenario)
    found = citations(config)
    if bibtex:
        typer.echo("\n\n".join(citation.bibtex for citation in found))
        return
    rows = [(each.key, str(each.n_numbers), str(each.n_effects), each.text, each.supports) for each in found]
    print_table(("key", "numbers", "effects", "reference", "supports"), rows)
    typer.echo(summary(values(config)))


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("scenarios")(show_scenarios)
    for command in (show, validate, new, diff, params, laws, cite):
        app.command()(command)
