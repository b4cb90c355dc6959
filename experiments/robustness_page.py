"""The page docs/robustness.md and its figure."""

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from experiments.figure_style import COLOURS, MARKERS, SHADE, STYLE, save
from experiments.robustness import Sample, Shift, sample, shifts
from experiments.tables import markdown
from experiments.targets_readings import Course
from experiments.targets_words import number

PAGE = Path(__file__).parents[1] / "docs" / "robustness.md"
STRIP = 0.6  # share of a line of the figure that its markers take


def write(plan: Mapping[str, Any], runs: Mapping[str, Sequence[Any]], page: Path = PAGE) -> Path:
    """Write the page and its figure from the finished runs of each study."""
    figure = page.parent / "validation" / "robustness.png"
    figure.parent.mkdir(parents=True, exist_ok=True)
    text = "\n".join(_lines(plan, runs, figure))
    page.write_text(text.rstrip() + "\n", encoding="utf-8")
    return page


def mean_and_sd(found: Sample) -> str:
    """Write ``12.3 (0.4, n 8)``, and in how many runs there was no value."""
    if not len(found.known):
        return f"none in {len(found.values)}"
    missing = f"; none in {found.missing} more" if found.missing else ""
    return f"{number(found.mean)} ({number(found.sd)}, n {len(found.known)}{missing})"


def _lines(plan: Mapping[str, Any], runs: Mapping[str, Sequence[Any]], figure: Path) -> Iterator[str]:
    courses = {name: list(Course.all_of(dict(enumerate(found))).values()) for name, found in runs.items()}
    moved = shifts(plan, courses)
    yield "<!-- written by `python -m experiments.robustness` from its runs; prose stands in experiments/robustness.yaml -->"
    yield "# Robustness"
    yield ""
    yield plan["about"].strip()
    yield ""
    if not moved:
        yield "No run yet."
        return
    yield from _counts(moved)
    yield "Each variant: its mean, and in brackets how far that lies from what it is compared with, in standard deviations of"
    yield "the base over seeds ± the standard error of the difference. `within`: less than one; **beyond**: more, or a value"
    yield "missing in a run. Read-outs are defined in [readouts.md](readouts.md)."
    yield ""
    base, labels = courses[plan["base"]], plan["labels"]
    rows = [
        [label, mean_and_sd(sample(base, reading)), *(_shifted(each[label]) for each in moved.values())]
        for label, reading in plan["readouts"].items()
    ]
    yield from markdown(("read-out", f"base (sd, n {len(base)})", *(labels[name] for name in moved)), rows)
    yield ""
    yield from _seeds(plan, courses, moved)
    shift_figure(figure, moved, labels)
    yield f"![Shift of each read-out in each variant, in standard deviations]({figure.parent.name}/{figure.name})"
    yield ""
    yield plan["remark"].strip()
    yield ""
    yield from _provenance([run for found in runs.values() for run in found])


def _counts(moved: Mapping[str, Mapping[str, Shift]]) -> Iterator[str]:
    every = [shift for each in moved.values() for shift in each.values()]
    beyond, chance = sum(shift.verdict == "beyond" for shift in every), sum(shift.by_chance for shift in every)
    yield f"Of {len(every)} comparisons {len(every) - beyond} are within the spread over seeds and {beyond} beyond it; with so few"
    yield f"seeds chance alone would put about {chance:.1f} beyond."
    yield ""


def _seeds(plan: Mapping[str, Any], courses: Mapping[str, Sequence[Course]], moved: Mapping[str, Any]) -> Iterator[str]:
    labels, base = plan["labels"], plan["base"]
    seeds = ", ".join(f"{labels[name]} {len(courses[name])}" for name in moved)
    against = [
        f"{labels[name]} is compared with {labels[other]}"
        for name, other in plan["variants"].items()
        if name in moved and other != base
    ]
    said = "; ".join(against)
    yield f"Seeds: base {len(courses[base])}, {seeds}. {said[:1].upper() + said[1:] + '.' if said else ''}".rstrip()
    yield ""


def _provenance(runs: Sequence[Any]) -> Iterator[str]:
    versions = sorted({run.info["code_version"] for run in runs})
    days = sorted({run.info["sessions"][-1]["begun"][:10] for run in runs})
    hours = sum(run.info["wall_s"] for run in runs) / 3600
    yield f"{len(runs)} runs, {number(hours)} hours of one thread each; {' to '.join(dict.fromkeys((days[0], days[-1])))};"
    yield f"code version {', '.join(f'`{each}`' for each in versions)}."


def _shifted(shift: Shift) -> str:
    size = f"{shift.size:+.1f} ± {shift.error:.1f}" if math.isfinite(shift.error) else "–"
    word = shift.verdict if shift.verdict == "within" else f"**{shift.verdict}**"
    missing = f", none in {shift.variant.missing}" if shift.variant.missing else ""
    return f"{number(shift.variant.mean)} ({size}{missing}) {word}"


def shift_figure(path: Path, moved: Mapping[str, Mapping[str, Shift]], labels: Mapping[str, str]) -> None:
    """Draw how far each read-out of each variant moved, in standard deviations over seeds, with two standard errors."""
    readouts = list(next(iter(moved.values())))
    with matplotlib.rc_context(STYLE):
        figure = Figure((9, 0.5 * len(readouts) + 1.4), layout="constrained")
        axes = figure.subplots()
        axes.axvspan(-1, 1, color=SHADE, zorder=0, label="the spread over seeds")
        for index, (variant, each) in enumerate(moved.items()):
            y = np.arange(len(readouts)) + STRIP * (index / max(1, len(moved) - 1) - 0.5)
            sizes = np.array([each[name].size for name in readouts])
            errors = np.array([2 * each[name].error for name in readouts])
            there = np.isfinite(sizes)
            axes.errorbar(
                sizes[there],
                y[there],
                xerr=np.nan_to_num(errors[there]),
                fmt=MARKERS[index % len(MARKERS)],
                color=COLOURS[index % len(COLOURS)],
                markersize=5,
                linewidth=1,
                label=labels[variant],
            )
        axes.set_yticks(np.arange(len(readouts)), readouts)
        axes.set_ylim(len(readouts) - 0.5, -0.5)
        axes.set_xlabel("shift of the mean, in sd over the seeds of the base; bars: 2 standard errors")
        axes.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
        save(figure, path)
