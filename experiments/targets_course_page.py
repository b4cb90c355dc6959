"""The part of docs/validation.md on the course of untreated lesions: further checks, the well-mixed lesion, the books."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from experiments import targets_judge as judge
from experiments.tables import markdown
from experiments.targets_figures import course_figure
from experiments.targets_plan import Line, Plan
from experiments.targets_readings import Course
from experiments.targets_table import Arms, result, results
from experiments.targets_words import expected, number, simulated

ALLOWED_MASS_ERROR = 1e-5  # of the contract
TOLERATED_DRIFT, COUNTING_ERRORS = 0.02, 3  # of the contract


def course_sections(plan: Plan, arms: Arms, figures: Path) -> Iterator[str]:
    """Write a section for each condition that is looked at by itself, then the comparisons."""
    yield "## Dose"
    yield ""
    yield from _checks([line for line in plan.course if line.condition not in plan.titles], arms)
    for name, title in plan.titles.items():
        courses = list(arms.get(name, {}).values())
        yield f"## {title}"
        yield ""
        yield plan.conditions[name].about
        yield ""
        if not courses:
            yield "No run yet.\n"
            continue
        yield from _checks([line for line in plan.course if line.condition == name], arms)
        if name == "healthy":
            yield from _counts(courses)
        course_figure(figures / f"{name}.png", courses, plan.extra["panels"][name])
        yield f"![Course of {name}: mean and range over seeds]({figures.name}/{name}.png)"
        yield ""
        if name in plan.extra["remarks"]:
            yield from (plan.extra["remarks"][name].strip(), "")
    yield from _well_mixed(plan, arms)
    yield from _mass(list(arms.get("acute", {}).values()))


def _checks(lines: Sequence[Line], arms: Arms) -> Iterator[str]:
    """Further checks of a condition, judged as the rows of the table are."""
    rows = [
        (
            f"{each.line.readout}, {each.line.unit}" if each.line.unit else each.line.readout,
            _expected(each.line),
            simulated(each),
            str(each.found.n),
            f"**{each.verdict}**" if each.verdict else "",
            "; ".join([*(["*seen*"] if each.line.seen else []), *each.remarks]),
        )
        for each in results(lines, arms)
    ]
    yield from markdown(("read-out", "expected", "simulated [95 %]", "n", "verdict", "note"), rows)
    yield ""


def _expected(line: Line) -> str:
    limits = expected(line.expected) or "reported only"
    return f"{limits} ({line.reported})" if line.reported else limits


# --- healthy tissue -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Drift:
    """A count of healthy cells at the start and at the end, means over seeds, and how far it may move."""

    kind: str
    start: float
    end: float
    seeds: int

    @property
    def allowed(self) -> float:
        """2 % of the start, or three standard errors of counting noise in the mean, whichever is more."""
        noise = math.sqrt(max(self.start, 1) / self.seeds)
        return max(TOLERATED_DRIFT * self.start, COUNTING_ERRORS * noise)

    @property
    def verdict(self) -> str:
        return judge.IN if abs(self.end - self.start) <= self.allowed else judge.OUT


def drifts(courses: Sequence[Course]) -> list[Drift]:
    """Return the drift of every kind that healthy tissue has at the start or at the end."""
    kinds = [name for name in courses[0].table if name.startswith("count.") and name != "count.neuron"]
    found = []
    for name in kinds:
        start, end = (float(np.mean([course.table[name].iloc[row] for course in courses])) for row in (0, -1))
        if start or end:
            found.append(Drift(name.removeprefix("count."), start, end, len(courses)))
    return found


def _counts(courses: Sequence[Course]) -> Iterator[str]:
    yield f"Counts at the end may differ from those at the start by {TOLERATED_DRIFT:.0%} or by {COUNTING_ERRORS} standard"
    yield "errors of counting noise in the mean over seeds, whichever is more."
    yield ""
    rows = [
        (drift.kind, number(drift.start), number(drift.end), f"± {number(drift.allowed)}", f"**{drift.verdict}**")
        for drift in drifts(courses)
    ]
    yield from markdown(("kind", "cells at the start", "at the end", "may differ by", "verdict"), rows)
    yield ""


# --- the reference and the books ------------------------------------------------------------------------------------------


def _well_mixed(plan: Plan, arms: Arms) -> Iterator[str]:
    yield "## Beside the well-mixed lesion"
    yield ""
    yield "The project was given a reference without space, the *well-mixed lesion*: the same laws in one volume, thirteen"
    yield "ordinary differential equations. Its numbers stand in `experiments/targets_course.yaml`. Ours are taken within"
    yield "400 µm of the venule (acute), in the plaque (LPC) and in all tissue (cuprizone); shares are of the healthy state."
    yield ""
    used: dict[str, None] = {}
    for name, entries in plan.extra["well_mixed"].items():
        if not arms.get(name):
            continue
        rows = []
        for label, entry in entries.items():
            why = entry.get("why", "")
            used |= {why: None} if why else {}
            found = result(Line("well mixed", name, label, entry["read"]), arms)
            rows.append((label, number(entry["value"]), simulated(found), str(found.found.n), why))
        yield f"**{plan.titles[name]}**"
        yield ""
        yield from markdown(("", "well-mixed", "simulated [95 %]", "n", "why they differ"), rows)
        yield ""
    yield from (f"- *{why}*: {plan.extra['why'][why].strip()}" for why in used)
    yield ""


def mass_budget(courses: Sequence[Course]) -> dict[str, tuple[float, float]]:
    """Return for each field the largest error of its books over runs and days, and the largest share that was clamped."""
    found = {}
    for field in courses[0].run.info["budgets"]:
        errors = [course.table[f"mass_error.{field}"].abs().max() for course in courses]
        books = [course.run.info["budgets"][field] for course in courses]
        clamped = [abs(book["clamped"]) / book["secreted"] if book["secreted"] else 0.0 for book in books]
        found[field] = float(max(errors)), float(max(clamped))
    return found


def _mass(courses: Sequence[Course]) -> Iterator[str]:
    yield "## Mass budget"
    yield ""
    if not courses:
        yield "No run yet.\n"
        return
    books = mass_budget(courses)
    worst = max(error for error, _ in books.values())
    holds = "holds" if worst <= ALLOWED_MASS_ERROR else "does **not** hold"
    yield f"What the books of a field miss may be {number(ALLOWED_MASS_ERROR)} of what was secreted: this {holds} in the acute"
    yield f"runs, where the largest error over all fields, days and {len(courses)} seeds is {number(worst)}."
    yield ""
    rows = [(field, number(error), number(clamped)) for field, (error, clamped) in books.items()]
    yield from markdown(("field", "largest error, of the secreted", "clamped to zero, of the secreted"), rows)
    yield ""
