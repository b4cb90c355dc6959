"""From the runs of a sensitivity study to its table and its figure."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from experiments.collect import write_table
from experiments.compare import WHEN
from experiments.failures import Refused
from experiments.sensitivity.figure import draw
from experiments.sensitivity.indices import ABOUT, Effect, difference, effects, frame, names, outcomes
from experiments.study import states
from experiments.study_plan import Study
from experiments.tables import short
from experiments.words import plain


@dataclass(frozen=True)
class Analysis:
    """The effects of a study, and the files that hold them. left  runs that are not done"""

    study: Study
    found: Sequence[Effect]
    table: Path
    figure: Path
    left: int

    def shown(self, most: int) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """Headings and rows for people: the parameters that decide most of what the runs come to at their end."""
        assert self.study.sample is not None
        numbers = names(self.study.sample.method)
        seen: dict[tuple[str, str], int] = {}
        rows = []
        for each in self.found:
            key = each.what, each.measure
            if each.when == "end" and seen.setdefault(key, 0) < most:
                seen[key] += 1
                unit = plain(each.unit) if each.unit != "1" else ""
                rows.append((*key, unit, each.parameter, *(short(each.numbers[name]) for name in numbers)))
        return ("of", "read-out", "unit", "value", *numbers), rows


def analysed(study: Study) -> Analysis:
    """Read the runs of a study, and write what they show. Raises Refused where too few are done."""
    assert study.sample is not None
    states_now = states(study)
    left = sum(not now.is_done for _, now in states_now)
    found = list(effects(study, outcomes(study, states_now)))
    if not found:
        raise Refused(f"too few runs are done to show anything: {left} of {len(states_now)} are left")
    table, figure = study.folder / "sensitivity.csv", study.folder / "sensitivity.png"
    write_table(frame(found), table)
    labels = {arm: each.label for arm, each in study.arms.items()}
    labels |= {difference(study, arm): f"{label} − {labels[study.control]}" for arm, label in labels.items()}
    draw(figure, found, study.sample.method, study.title, labels)
    return Analysis(study, found, table, figure, left)


def told(analysis: Analysis) -> list[str]:
    """What is to be said below the table."""
    assert analysis.study.sample is not None
    lines = [
        f"{ABOUT[analysis.study.sample.method]}",
        f"at the end; {', '.join(list(WHEN.values())[1:])}: see the table",
    ]
    if analysis.left:
        lines.append(f"{analysis.left} runs are not done: what belongs to them is left out")
    return [*lines, str(analysis.table), str(analysis.figure)]
