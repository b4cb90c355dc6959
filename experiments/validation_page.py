"""docs/validation.md: what the model was expected to do and what it does, written from the runs of the validation study.

Every number and every verdict comes from the runs; what people say about them stands in ``validation.yaml``.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from experiments.tables import markdown, short
from experiments.validation_figures import course_figure, shift_figure
from experiments.validation_readings import (
    COUNTING_ERRORS,
    TOLERATED_DRIFT,
    Course,
    Sample,
    Shift,
    drifts,
    mass_budget,
    sample,
    verdict,
)

PAGE = Path(__file__).parents[1] / "docs" / "validation.md"
ALLOWED_MASS_ERROR = 1e-5  # of the contract
TITLES = {"acute": "Acute lesion", "healthy": "Healthy tissue", "lpc": "Lysolecithin lesion", "cuprizone": "Cuprizone"}


def write(plan: Mapping[str, Any], runs: Mapping[str, Sequence[Any]], page: Path = PAGE) -> Path:
    """Write the page and its figures from the finished runs of each study; a study without runs says so."""
    figures = page.with_suffix("")
    figures.mkdir(parents=True, exist_ok=True)
    text = "\n".join(_Page(plan, runs, figures).lines())
    page.write_text(text + "\n", encoding="utf-8")
    return page


def number(value: float) -> str:
    """Write three significant digits; a dash for what does not exist."""
    return short(float(f"{value:.3g}")) if math.isfinite(value) else "–"


def mean_and_sd(found: Sample) -> str:
    """Write ``12.3 (0.4, n 8)``, and in how many runs there was no value."""
    if not len(found.known):
        return f"none in {len(found.values)}"
    missing = f"; none in {found.missing} more" if found.missing else ""
    return f"{number(found.mean)} ({number(found.sd)}, n {len(found.known)}{missing})"


def expected(limits: Mapping[str, float], unit: str) -> str:
    """Write what is expected: ``10 to 18 day``, ``at least 1``."""
    low, high = (number(limits[key]) if key in limits else "" for key in ("from", "to"))
    words = f"{low} to {high}" if low and high else f"at least {low}" if low else f"at most {high}"
    return f"{words} {unit}".strip()


class _Page:
    """The courses of all runs, and the lines written from them."""

    def __init__(self, plan: Mapping[str, Any], runs: Mapping[str, Sequence[Any]], figures: Path):
        self.plan, self.runs, self.figures = plan, runs, figures
        self.courses = {name: Course.all_of(found) for name, found in runs.items()}

    @cached_property
    def targets(self) -> dict[str, dict[str, tuple[Mapping[str, Any], Sample]]]:
        """What was read for each target, by study."""
        return {
            study: {label: (target, sample(self.courses[study], target["read"])) for label, target in targets.items()}
            for study, targets in self.plan["targets"].items()
            if self.courses.get(study)
        }

    @cached_property
    def shifts(self) -> dict[str, dict[str, Shift]]:
        """How far each read-out of each variant moved."""
        robustness = self.plan["robustness"]
        base = self.courses.get(robustness["base"], [])
        moved: dict[str, dict[str, Shift]] = {}
        for variant, against in robustness["variants"].items():
            if base and self.courses.get(variant) and self.courses.get(against):
                moved[variant] = {
                    label: Shift(
                        sample(self.courses[against], reading),
                        sample(self.courses[variant], reading),
                        sample(base, reading).sd,
                    )
                    for label, reading in robustness["readouts"].items()
                }
        return moved

    def lines(self) -> Iterator[str]:
        yield "<!-- written by `make validation` from its runs; prose stands in experiments/validation.yaml -->"
        yield "# Validation"
        yield ""
        yield from self.opening()
        yield from self.how_to_read()
        for study in self.plan["targets"]:
            yield from self.study(study)
        yield from self.robustness()
        yield from self.well_mixed()
        yield from self.mass()
        yield from self.provenance()

    # --- what holds and what does not -------------------------------------------------------------------------------------

    def opening(self) -> Iterator[str]:
        judged = [
            (TITLES[study], label, target, found)
            for study, targets in self.targets.items()
            for label, (target, found) in targets.items()
            if "expected" in target
        ]
        out = [each for each in judged if verdict(each[3], each[2]["expected"]) == "out"]
        yield f"In the mean over seeds {len(judged) - len(out)} of {len(judged)} targets hold."
        if out:
            yield "These do not:\n"
            for title, label, target, found in out:
                limits = expected(target["expected"], target.get("unit", ""))
                yield f"- {title}: {_lower(label)}: expected {limits}, simulated {mean_and_sd(found)}"
            yield ""
        strayed = self.strayed()
        if strayed:
            yield f"Of healthy cells these kinds drift further than allowed: {', '.join(strayed)}."
        elif self.courses.get("healthy"):
            yield "No kind of healthy cell drifts further than allowed."
        if self.shifts:
            every = [shift for moved in self.shifts.values() for shift in moved.values()]
            beyond = sum(shift.verdict == "beyond" for shift in every)
            chance = sum(shift.by_chance for shift in every)
            yield (
                f"Of {len(every)} comparisons of robustness {len(every) - beyond} are within the spread over seeds and "
                f"{beyond} beyond it; with so few seeds chance alone would put about {chance:.1f} beyond."
            )
        absent = [name for name in self.plan["studies"] if not self.courses.get(name)]
        if absent:
            yield f"\n**Not run yet: {', '.join(absent)}.**"
        yield ""

    def strayed(self) -> list[str]:
        """Name the kinds of healthy cells that drift further than allowed."""
        courses = self.courses.get("healthy")
        return [drift.kind for drift in drifts(courses) if drift.verdict == "out"] if courses else []

    def how_to_read(self) -> Iterator[str]:
        yield "A read-out is taken from each run, then its mean over seeds is judged; `sd` is the standard deviation over"
        yield "seeds. The verdict `in` or `out` is computed: the mean within the limits, and a value in every run. Rows are"
        yield "those of the face-validity table the project was given; where a target gives no number (*largely*, *mostly*),"
        yield "the limit was set before the runs. Read-outs are taken every 6 hours, those of single venules every 12."
        yield "They are defined in [readouts.md](readouts.md); figures show the mean and the range of all seeds."
        yield ""
        yield "**Calibrated.** Values of the configs were moved, within their ranges, in view of the rows marked *seen*: there"
        yield "agreement is consistency, not evidence. They are these:"
        yield ""
        yield from self.by_calibration(True)
        yield ""
        yield "Not in view of these:"
        yield ""
        yield from self.by_calibration(False)
        yield ""
        yield "For the remaining rows this was not recorded. What was moved is listed under"
        yield "[departures from the reference](model.md#departures-from-the-reference)."
        yield ""

    def by_calibration(self, seen: bool) -> Iterator[str]:
        """The targets that values were set in view of, or those they were not."""
        for study, targets in self.plan["targets"].items():
            labels = [_lower(label) for label, target in targets.items() if target.get("seen") is seen]
            if labels:
                yield f"- {TITLES[study]}: {'; '.join(labels)}"

    # --- studies ----------------------------------------------------------------------------------------------------------

    def study(self, study: str) -> Iterator[str]:
        yield f"## {TITLES[study]}"
        yield ""
        yield self.plan["about"][study]
        yield ""
        if study not in self.targets:
            yield "No run yet.\n"
            return
        rows = []
        for label, (target, found) in self.targets[study].items():
            unit, limits = target.get("unit", ""), target.get("expected")
            marks = [f"row {target['row']}"] if "row" in target else []
            marks += ["*seen*"] if target.get("seen") else []
            rows.append(
                (
                    f"{label}, {unit}" if unit else label,
                    expected(limits, "") if limits else "reported only",
                    mean_and_sd(found),
                    f"**{verdict(found, limits)}**" if limits else "",
                    ", ".join(marks),
                )
            )
        yield from markdown(("target", "expected", "simulated: mean (sd, n seeds)", "verdict", ""), rows)
        yield ""
        if study == "healthy":
            yield from self.counts()
        course_figure(self.figures / f"{study}.png", self.courses[study], self.plan["panels"][study])
        yield f"![Course of the study {study}: mean and range over seeds]({self.figures.name}/{study}.png)"
        yield ""
        yield from self.remark(study)

    def counts(self) -> Iterator[str]:
        """The counts of healthy tissue at the start and at the end."""
        yield f"Counts at the end may differ from those at the start by {TOLERATED_DRIFT:.0%} or by {COUNTING_ERRORS} standard"
        yield "errors of counting noise in the mean over seeds, whichever is more."
        yield ""
        rows = [
            (drift.kind, number(drift.start), number(drift.end), f"± {number(drift.allowed)}", f"**{drift.verdict}**")
            for drift in drifts(self.courses["healthy"])
        ]
        yield from markdown(("kind", "cells at the start", "at the end", "may differ by", "verdict"), rows)
        yield ""

    def remark(self, study: str) -> Iterator[str]:
        if study in self.plan["remarks"]:
            yield self.plan["remarks"][study]
            yield ""

    def robustness(self) -> Iterator[str]:
        yield "## Robustness"
        yield ""
        yield self.plan["about"]["robustness"]
        yield ""
        if not self.shifts:
            yield "No run yet.\n"
            return
        robustness = self.plan["robustness"]
        base = self.courses[robustness["base"]]
        labels = robustness["labels"]
        yield "Each variant: its mean, and in brackets how far that lies from what it is compared with, in standard deviations of"
        yield "the base over seeds ± the standard error of the difference. `within`: less than one; **beyond**: more, or a value"
        yield "missing in a run."
        yield ""
        rows = []
        for label, reading in robustness["readouts"].items():
            cells = [label, mean_and_sd(sample(base, reading))]
            cells += [_shifted(moved[label]) for moved in self.shifts.values()]
            rows.append(cells)
        yield from markdown(("read-out", f"base (sd, n {len(base)})", *(labels[name] for name in self.shifts)), rows)
        yield ""
        seeds = ", ".join(f"{labels[name]} {len(self.courses[name])}" for name in self.shifts)
        against = [
            f"{labels[name]} is compared with {labels[other]}"
            for name, other in robustness["variants"].items()
            if name in self.shifts and other != robustness["base"]
        ]
        yield f"Seeds: base {len(base)}, {seeds}. {_upper('; '.join(against)) + '.' if against else ''}"
        yield ""
        shift_figure(self.figures / "robustness.png", self.shifts, labels)
        yield f"![Shift of each read-out in each variant, in standard deviations]({self.figures.name}/robustness.png)"
        yield ""
        yield from self.remark("robustness")

    # --- the reference, the books, and who computed ----------------------------------------------------------------------

    def well_mixed(self) -> Iterator[str]:
        yield "## Beside the well-mixed lesion"
        yield ""
        yield "The project was given a reference without space, the *well-mixed lesion*: the same laws in one volume, thirteen"
        yield "ordinary differential equations. Its numbers stand in `experiments/validation.yaml`. Ours are taken within 400 µm of"
        yield "the venule (acute), in the plaque (LPC) and in all tissue (cuprizone); shares are of the healthy state."
        yield ""
        used: list[str] = []
        for study, entries in self.plan["well_mixed"].items():
            courses = self.courses.get(study)
            if not courses:
                continue
            rows = []
            for label, entry in entries.items():
                why = entry.get("why", "")
                used += [why] if why and why not in used else []
                found = sample(courses, entry["read"])
                rows.append((label, number(entry["value"]), mean_and_sd(found), why))
            yield f"**{TITLES[study]}**"
            yield ""
            yield from markdown(("", "well-mixed", "simulated: mean (sd, n seeds)", "why they differ"), rows)
            yield ""
        for why in used:
            yield f"- *{why}*: {self.plan['why'][why].strip()}"
        yield ""
        yield from self.remark("well_mixed")

    def mass(self) -> Iterator[str]:
        yield "## Mass budget"
        yield ""
        courses = self.courses.get("acute")
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

    def provenance(self) -> Iterator[str]:
        runs = [run for found in self.runs.values() for run in found]
        if not runs:
            return
        versions = sorted({run.info["code_version"] for run in runs})
        machines = sorted({f"{run.info['machine']['processor']}, {run.info['machine']['cores']} cores" for run in runs})
        days = sorted({run.info["sessions"][-1]["begun"][:10] for run in runs})
        hours = sum(run.info["wall_s"] for run in runs) / 3600
        yield "## Runs"
        yield ""
        rows = [
            (
                name,
                f"`{self.plan['studies'][name]['scenario']}`",
                ", ".join(str(run.info["seed"]) for run in found),
                number(sum(run.info["wall_s"] for run in found) / len(found) / 60),
            )
            for name, found in self.runs.items()
            if found
        ]
        yield from markdown(("study", "scenario", "seeds", "minutes a run"), rows)
        yield ""
        yield f"{len(runs)} runs, {number(hours)} hours of one thread each, two at a time, on {'; '.join(machines)};"
        yield f"{' to '.join(dict.fromkeys((days[0], days[-1])))}; code version {', '.join(f'`{each}`' for each in versions)}."
        if len(versions) > 1:
            yield "**The runs come from different versions of the code.**"


def _shifted(shift: Shift) -> str:
    size = f"{shift.size:+.1f} ± {shift.error:.1f}" if math.isfinite(shift.error) else "–"
    word = shift.verdict if shift.verdict == "within" else f"**{shift.verdict}**"
    missing = f", none in {shift.variant.missing}" if shift.variant.missing else ""
    return f"{number(shift.variant.mean)} ({size}{missing}) {word}"


def _lower(label: str) -> str:
    return label if label[:2].isupper() or label[1:2].isdigit() else label[0].lower() + label[1:]


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
