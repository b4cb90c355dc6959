"""docs/validation.md: what the model was expected to do and what it does.  python -m experiments.targets_page

Written from the newest finished runs of ``remyelin targets``. Every number and every verdict comes from the runs; what
people say about them stands in the files of the plan.
"""

import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from experiments import targets_judge as judge
from experiments.provenance import code_version
from experiments.tables import markdown
from experiments.targets_course_page import course_sections
from experiments.targets_figures import arms_figure, mechanisms_figure
from experiments.targets_plan import Line, Plan, finished, read_plan, references
from experiments.targets_table import Result, courses, results
from experiments.targets_words import expected, number, simulated

PAGE = Path(__file__).parents[1] / "docs" / "validation.md"
TUNED = re.compile(r"\bdeparture\b")
VERDICTS = (judge.IN, judge.OUT, judge.UNCERTAIN, judge.PROXY, judge.NOT_ASSESSABLE, judge.NOT_RUN)
WORDS = {
    judge.IN: "as expected",
    judge.OUT: "**opposite**",
    judge.UNCERTAIN: "not resolved",
    judge.NOT_ASSESSABLE: "not assessable",
    judge.NOT_RUN: "not run",
}


def main() -> None:
    """Write the page from the runs that are there."""
    plan = read_plan()
    print(f"wrote {write(plan, finished(plan))}", file=sys.stderr)


def write(plan: Plan, runs: Mapping[str, Mapping[int, Any]], page: Path = PAGE) -> Path:
    """Write the page and its figures from the finished runs of each condition and seed."""
    figures = page.with_suffix("")
    figures.mkdir(parents=True, exist_ok=True)
    text = "\n".join(_Page(plan, runs, figures).lines())
    page.write_text(text.rstrip() + "\n", encoding="utf-8")
    return page


class _Page:
    """The courses of all runs, and the lines written from them."""

    def __init__(self, plan: Plan, runs: Mapping[str, Mapping[int, Any]], figures: Path):
        self.plan, self.runs, self.figures = plan, runs, figures
        self.arms = courses(runs)

    @cached_property
    def rows(self) -> list[Result]:
        return results(self.plan.rows, self.arms)

    def lines(self) -> Iterator[str]:
        yield "<!-- written by `python -m experiments.targets_page` from runs; prose stands in experiments/targets*.yaml -->"
        yield "# Validation"
        yield ""
        yield from self.opening()
        yield from self.table()
        yield from self.misses()
        yield from self.calibration()
        yield from self.mechanisms()
        yield from course_sections(self.plan, self.arms, self.figures)
        yield from self.provenance()
        yield from self.sources()

    def opening(self) -> Iterator[str]:
        counts = Counter(each.verdict for each in self.rows)
        told = ", ".join(f"{counts[name]} *{name}*" for name in VERDICTS if counts[name])
        yield f"The face-validity table the project was given, its 25 rows in {len(self.rows)} read-outs: {told}."
        proxies = Counter(
            judge.sign_of(each.found, each.line.expected) for each in self.rows if each.verdict == judge.PROXY
        )
        if proxies:
            yield f"Of the proxies: {', '.join(f'{count} {name}' for name, count in proxies.items())}."
        yield "The same table comes from `remyelin targets`; [robustness.md](robustness.md) has half steps, half voxels and 3D."
        yield "Not for clinical use."
        yield ""
        yield "A value is the mean over seeds with its 95 % interval (t over seeds). Arms are paired by seed: a ratio is that of"
        yield "the means, its interval the t interval of its paired linearisation; that of a share of runs is Wilson's. Verdicts"
        yield "are computed: `in` and `out` by the mean; `uncertain` where the interval is wider than the expected range, or holds"
        yield "the end of a range that has but one; `proxy` where the trial or clinical measure does not exist in one lesion and"
        yield "only sign and order of what stands for it count; `not assessable` where nothing stands for it. No effect, where"
        yield "none is expected, counts as much as an effect. *Standing* says whether the expectation was looked up, recalled, or"
        yield "computed, mostly with the well-mixed lesion, a reference without space. Limits that stand in no source (`±`, a"
        yield "factor of 2 for row 7, 10 to 30 % for row 16) were set before the runs. Read-outs: [readouts.md](readouts.md)."
        yield ""

    # --- the table --------------------------------------------------------------------------------------------------------

    def table(self) -> Iterator[str]:
        yield "## The face-validity table"
        yield ""
        columns = (
            "row",
            "condition",
            "read-out",
            "expected",
            "simulated [95 %]",
            "n",
            "verdict",
            "standing, source",
            "note",
        )
        yield from markdown(columns, [self.cells(each) for each in self.rows])
        yield ""

    def cells(self, each: Result) -> tuple[str, ...]:
        line = each.line
        label = f"{line.readout}, {line.unit}" if line.unit and line.unit != "ratio" else line.readout
        limits = f"{expected(line.expected)} ({line.reported})"
        known = ", ".join((line.standing, *(f"[{key}](#sources)" for key in line.source)))
        names = " / ".join(f"`{name}`" for name in line.conditions)
        said = "; ".join(remark for remark in each.remarks if not remark.startswith("why: "))
        return (
            str(line.row),
            names,
            label,
            limits,
            simulated(each),
            str(each.found.n),
            f"**{each.verdict}**",
            known,
            said,
        )

    def misses(self) -> Iterator[str]:
        """What is out, and what is known of why."""
        missed = [each for each in self.rows if each.is_missed]
        if not missed:
            return
        yield "## What is missed, and why"
        yield ""
        for each in missed:
            line = each.line
            why = line.why or "Not known."
            yield f"- **Row {line.row}**, {line.readout}: {expected(line.expected)} expected, {simulated(each)} found. {why}"
        yield ""

    # --- what was calibrated ----------------------------------------------------------------------------------------------

    def calibration(self) -> Iterator[str]:
        held = [line for line in self.plan.rows if line.is_held_out]
        numbers = dict.fromkeys(line.row for line in held)
        yield "## Calibrated, and held out"
        yield ""
        yield f"**Held out.** No value was set in view of these {len(numbers)} looked-up rows: {_listed(held)}."
        yield ""
        seen = [line for line in (*self.plan.rows, *self.plan.course) if line.seen]
        yield "**Seen.** Values were moved, within their ranges but for [a share](model.md#departures-from-the-reference), in view"
        yield "of these, or of row 17 the reading; agreement there is consistency, not evidence:"
        yield f"{_listed(seen)}; of the course {_labels(seen)}. The well-mixed lesion was itself calibrated before: TGF-b of MSC,"
        yield "how far PGE2 cuts TNF, differentiation of precursors, TNF of M1, IL-17 of Th17, the half-life of PGE2 in a dish,"
        yield "and the volumes over which a dose spreads."
        yield ""
        yield "**Tuned keys**, with their reasons under [departures from the reference](model.md#departures-from-the-reference):"
        yield ""
        yield from (f"- `{key}`" for key in self.tuned())
        yield ""

    def tuned(self) -> list[str]:
        """Return the keys whose value departs from the reference, over all scenarios of the plan."""
        from abm.config import load
        from experiments.sources import values

        found: dict[tuple[str, str], str] = {}
        for scenario in dict.fromkeys(each.scenario for each in self.plan.conditions.values()):
            for value in values(load(scenario)):
                if TUNED.search(value.note):
                    found.setdefault((value.where, value.note), value.key)
        return sorted(set(found.values()))

    # --- mechanisms -------------------------------------------------------------------------------------------------------

    def mechanisms(self) -> Iterator[str]:
        yield "## What each mechanism of MSC does"
        yield ""
        found = results(self.plan.mechanisms, self.arms)
        yield "MSC with all mechanisms on, over the same with one off: the read-out that it should move, mean of the days shown."
        yield "Below 1: less with the mechanism. `msc_it` and `eae_it` are lesions given 1e6 MSC intrathecally, the others dishes."
        yield ""
        rows = [
            (
                f"`{each.line.row}`",
                f"`{each.line.condition}`",
                f"{each.line.readout}, days {each.line.read[-2]} to {each.line.read[-1]}",
                "less" if "to" in each.line.expected else "more",
                simulated(each),
                str(each.found.n),
                WORDS.get(each.verdict, each.verdict),
            )
            for each in found
        ]
        yield from markdown(
            ("mechanism", "arm", "read-out", "expected with it", "with / without [95 %]", "n", "found"), rows
        )
        yield ""
        for each in found:
            if each.line.why and each.verdict in (judge.OUT, judge.UNCERTAIN):
                yield f"- `{each.line.row}`, {each.line.readout}: {each.line.why}."
        yield ""
        if any(each.found.n > 1 for each in found):
            mechanisms_figure(self.figures / "mechanisms.png", found)
            yield f"![Each mechanism with and without]({self.figures.name}/mechanisms.png)"
            yield ""
        arms = self.plan.extra["arms"]
        shown = {label: list(self.arms.get(name, {}).values()) for name, label in arms["labels"].items()}
        if all(shown.values()):
            arms_figure(self.figures / "arms.png", shown, arms["panels"])
            yield f"![MSC by two routes beside no treatment: mean and range over seeds]({self.figures.name}/arms.png)"
            yield ""

    # --- who computed -----------------------------------------------------------------------------------------------------

    def provenance(self) -> Iterator[str]:
        yield "## Runs"
        yield ""
        runs = [run for seeds in self.runs.values() for run in seeds.values()]
        if not runs:
            yield "None yet.\n"
            return
        rows = [
            (f"`{name}`", each.about, f"`{each.scenario}`", *self.cost(name))
            for name, each in self.plan.conditions.items()
        ]
        yield from markdown(("condition", "what it is", "scenario", "seeds", "minutes a run"), rows)
        yield ""
        versions = sorted({run.info["code_version"] for run in runs})
        machines = sorted({f"{run.info['machine']['processor']}, {run.info['machine']['cores']} cores" for run in runs})
        days = sorted({run.info["sessions"][-1]["begun"][:10] for run in runs})
        hours = sum(run.info["wall_s"] for run in runs) / 3600
        yield f"{len(runs)} runs, {number(hours)} hours of one thread each, on {'; '.join(machines)};"
        yield f"{' to '.join(dict.fromkeys((days[0], days[-1])))}; code version {', '.join(f'`{each}`' for each in versions)}."
        if len(versions) > 1:
            yield "**The runs come from different versions of the code.**"
        if (now := code_version()) not in versions:
            yield f"**The code is `{now}` by now**; [CHANGELOG.md](../CHANGELOG.md) has what differs since."

    def sources(self) -> Iterator[str]:
        known = references()
        yield "\n## Sources"
        yield ""
        yield from (f"- {key}: {known[key]}" for key in sorted({key for line in self.plan.rows for key in line.source}))

    def cost(self, name: str) -> tuple[str, str]:
        runs = self.runs.get(name, {})
        if not runs:
            return "not run", ""
        return ", ".join(map(str, runs)), number(sum(run.info["wall_s"] for run in runs.values()) / len(runs) / 60)


def _listed(lines: Sequence[Line]) -> str:
    """Name the rows of the table among some lines, by number and with their sources."""
    rows = dict.fromkeys((line.row, line.source) for line in lines if isinstance(line.row, int))
    return ", ".join(f"{row} ({', '.join(source)})" if source else str(row) for row, source in rows)


def _labels(lines: Sequence[Line]) -> str:
    return "; ".join(line.readout[0].lower() + line.readout[1:] for line in lines if line.row == "course")


if __name__ == "__main__":
    main()
