"""Putting a report together: what is known of the runs goes into ``page.html``, where all text is escaped."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from experiments.budget import HEADINGS
from experiments.labels import arm_names
from experiments.provenance import code_version
from experiments.report import charts, facts, readings
from experiments.report.stills import film, stills
from experiments.tables import short
from experiments.words import written

GENERATOR = "remyelin report"  # by which a page of this command is known
DASHES = {"-": "none", "--": "7 4", "-.": "9 3 2 3", ":": "2 3"}  # styles of lines, as SVG has them


def page_of(runs: Sequence[Any]) -> str:
    """Return the page about one run, or about several side by side. Raises Refused where they do not fit together."""
    names = arm_names(list(runs))
    pictures = stills(runs)
    moving = film(runs)
    return _template().render(
        generator=f"{GENERATOR} {code_version()}",
        title=" and ".join(dict.fromkeys(run.config.title or run.name for run in runs)),
        purpose=runs[0].config.purpose or "",
        runs=[facts.about(run, name) for run, name in zip(runs, names)],
        lines=[(colour, DASHES[style]) for colour, style in charts.looks(runs)],
        sources=_sources(runs),
        numbers=_numbers(runs[0]) if len(runs) == 1 else [],
        compared=_compared(runs) if len(runs) > 1 else None,
        pictures=[*pictures, *([moving] if moving else [])],
        first_shown=min(1, len(pictures) - 1),
        figures=_figures(runs),
        marks=charts.marks_words(runs),
        kymographs=charts.kymographs(runs, names),
        events=[facts.events(run) for run in runs],
        warnings=[facts.warnings(run) for run in runs],
        differences=facts.differences(runs),
        budgets=[facts.budgets(run) for run in runs],
        headings=HEADINGS,
        most_missed=short(facts.MOST_MISSED),
        literature=facts.literature(runs),
        provenance=[facts.provenance(run) for run in runs],
    )


def _template() -> Any:
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    ).get_template("page.html")


def _numbers(run: Any) -> list[dict[str, str]]:
    """The key numbers of one run: at its end, and when they were worst."""
    last = charts.last_day([run])
    return [
        {
            "words": reading.words,
            "number": reading.number(reading.at(run, last)),
            "unit": reading.unit,
            "about": reading.about,
            "extreme": reading.extreme(run),
        }
        for reading in readings.key_readings([run])
    ]


def _compared(runs: Sequence[Any]) -> dict[str, Any]:
    """The key numbers of several runs on the last day that all have reached, and how far each lies from the first."""
    day = min(charts.last_day([run]) for run in runs)
    rows = []
    for reading in readings.key_readings(runs):
        first, *others = (reading.at(run, day) for run in runs)
        cells = [(reading.number(value), reading.change(value, first)) for value in others]
        rows.append((reading, [(reading.number(first), ""), *cells]))
    return {"day": written(day), "rows": rows}


def _sources(runs: Sequence[Any]) -> list[tuple[str, str, int]]:
    """Sources of the values of the run that has the most of them."""
    return max((facts.source_counts(run) for run in runs), key=lambda counts: sum(count for _, _, count in counts))


def _figures(runs: Sequence[Any]) -> list[tuple[str, str, list[charts.Chart]]]:
    """The figures over days: a heading, a sentence, and the charts of each group."""
    groups = (
        ("Course of the lesion", "", readings.lesion_readings(runs)),
        ("Cells", "How many there are.", readings.cell_readings(runs)),
        ("Fields", "Concentrations, mean of all that is simulated.", readings.field_readings(runs)),
        ("Read-outs of this configuration", "", readings.own_readings(runs)),
    )
    return [(heading, words, charts.courses(rows, runs)) for heading, words, rows in groups if rows]
