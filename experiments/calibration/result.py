"""What a calibration found: a table of all points, and a scenario with the best."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from abm.config.files import SCHEMA
from abm.config.flow import flow
from experiments.arms import replace_text
from experiments.calibration.search import Trial
from experiments.collect import write_table
from experiments.study_plan import Study
from experiments.tables import short
from experiments.words import plain

TABLE, SCENARIO = "calibrate.csv", "calibrated.yaml"


def write(study: Study, trials: Sequence[Trial], found: Trial) -> tuple[Path, Path]:
    """Write the table of all points, best first, and a scenario that extends the base with the best values."""
    import pandas

    rows = [
        {"trial": number, "miss": trial.miss, **trial.found, **dict(trial.point)}
        for number, trial in enumerate(trials, 1)
    ]
    table, scenario = study.folder / TABLE, study.folder / SCENARIO
    write_table(pandas.DataFrame(rows).sort_values("miss", kind="stable"), table)
    note = f"calibrated by the study {study.name}: {len(trials)} points, miss {found.miss:.3g}"
    head = {"schema": SCHEMA, "title": f"{study.title}, calibrated", "extends": study.base}
    lines = [f"{key}: {flow(value)}" for key, value in head.items()]
    tree: dict[str, Any] = {}
    for key, value in found.point:
        *above, name = key.split(".")
        below = tree
        for part in above:
            below = below.setdefault(part, {})
        below[name] = {"value": value, "source": "assumed", "note": note}
    replace_text(scenario, "\n".join([*lines, *_lines(tree)]) + "\n")
    return table, scenario


def _lines(tree: dict[str, Any], indent: str = "") -> Iterator[str]:
    for key, value in tree.items():
        if "source" in value:
            yield f"{indent}{key}: {flow(value)}"
        else:
            yield f"{indent}{key}:"
            yield from _lines(value, indent + "  ")


def goals(study: Study, found: Trial) -> list[tuple[str, ...]]:
    """A row for each goal: what was wanted, and what the best point came to."""
    assert study.calibration is not None
    rows = list[tuple[str, ...]]()
    for goal in study.calibration.goals:
        unit = plain(goal.unit) if goal.unit != "1" else ""
        wanted = f"{short(goal.value)} ± {short(goal.within)}"
        rows.append((goal.name, goal.arm, goal.measure, goal.when, unit, wanted, short(found.found[goal.name])))
    return rows
