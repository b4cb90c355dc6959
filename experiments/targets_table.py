"""The lines of the plan, estimated from runs and judged."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from experiments import targets_judge as judge
from experiments.targets_judge import Estimate
from experiments.targets_plan import Line
from experiments.targets_readings import EVENTS, Course

Arms = Mapping[str, Mapping[int, Course]]  # by condition, then by seed
NOTHING = Estimate(math.nan, math.nan, math.nan, 0)


def courses(runs: Mapping[str, Mapping[int, Any]]) -> dict[str, dict[int, Course]]:
    """Return the courses of runs; those of one condition share one config, in all but its seed."""
    return {name: Course.all_of(seeds) for name, seeds in runs.items()}


@dataclass(frozen=True)
class Result:
    """A line, what was found, and the verdict on it."""

    line: Line
    found: Estimate
    verdict: str
    lacking: str = ""  # a read-out that the runs do not have

    @property
    def is_missed(self) -> bool:
        """Whether what was expected was not found, also by an interval too wide to judge."""
        if self.verdict in (judge.OUT, judge.NOT_ASSESSABLE):
            return True
        return self.verdict != judge.NOT_RUN and judge.falls_short(self.found, self.line.expected)

    @cached_property
    def remarks(self) -> list[str]:
        """What is to be said beside the verdict, computed and from the plan."""
        line, found, said = self.line, self.found, []
        if self.verdict == judge.NOT_RUN:
            said.append(f"needs {', '.join(line.conditions)}")
        elif self.verdict == judge.PROXY:
            said.append(judge.sign_of(found, line.expected))
        elif self.verdict == judge.NOT_ASSESSABLE and not line.proxy:
            said.append(f"the runs have no {self.lacking}" if self.lacking else "no value")
        if found.missing:
            said.append(f"no value in {found.missing} of {found.missing + found.n} runs")
        said += [f"proxy: {line.proxy}"] if line.proxy else []
        said += [f"consistency: {line.consistency}"] if line.consistency else []
        said += [line.note] if line.note else []
        said += [f"why: {line.why}"] if line.why and self.is_missed else []
        return said

    def as_json(self) -> dict[str, Any]:
        """Return it with the names of ``remyelin targets --json``."""
        line, found = self.line, self.found
        numbers = {name: getattr(found, name) for name in ("mean", "low", "high")}
        return {
            "row": line.row,
            "condition": " / ".join(line.conditions),
            "readout": line.readout,
            "unit": line.unit,
            "expected": dict(line.expected),
            "reported": line.reported,
            "source": list(line.source),
            "standing": line.standing,
            "held_out": line.is_held_out,
            **{name: value if math.isfinite(value) else None for name, value in numbers.items()},
            "n": found.n,
            "verdict": self.verdict,
            "note": "; ".join(self.remarks),
        }


def results(lines: Iterable[Line], arms: Arms) -> list[Result]:
    """Estimate and judge lines."""
    return [result(line, arms) for line in lines]


def result(line: Line, arms: Arms) -> Result:
    """Estimate and judge one line; a line that lacks a condition was not run."""
    seeds = sorted(set.intersection(*(set(arms.get(name, {})) for name in line.conditions)))
    if not seeds:
        return Result(line, NOTHING, judge.NOT_RUN)
    try:
        found = estimate(line, arms, seeds)
    except KeyError as column:
        return Result(line, NOTHING, judge.NOT_ASSESSABLE, str(column.args[0]))
    if not line.expected:
        return Result(line, found, "")
    return Result(line, found, judge.verdict(found, line.expected, bool(line.proxy), line.read[0] in EVENTS))


def estimate(line: Line, arms: Arms, seeds: list[int]) -> Estimate:
    """Read every run and return what is estimated. Raises KeyError where the runs do not have a read-out."""

    def read(name: str) -> list[float]:
        return [line.times * arms[name][seed].read(line.read) for seed in seeds]

    values = read(line.condition)
    if not line.compare:
        return judge.share(values, *line.share) if line.share else judge.mean(values)
    others = read(line.against)
    if line.less:
        third = read(line.less)
        values, others = ([c - value for c, value in zip(third, each)] for each in (values, others))
    return judge.COMPARISONS[line.compare](values, others)
