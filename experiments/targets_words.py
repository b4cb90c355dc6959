"""How estimates and expectations are written, and the face-validity table on a terminal."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence

import typer

from experiments.tables import print_table, short
from experiments.targets_judge import NOT_RUN
from experiments.targets_table import Result

WHOLE = "the whole table: remyelin targets; docs/validation.md has it with figures"


def show(found: Sequence[Result]) -> None:
    """Print the table, and how many rows are in and out."""
    columns = ("row", "read-out", "expected", "simulated [95 % interval]", "n", "verdict", "known from")
    print_table(columns, [_cells(each) for each in found])
    counts = Counter(each.verdict for each in found)
    typer.echo(", ".join(f"{count} {name}" for name, count in counts.items()))
    if NOT_RUN in counts:
        typer.echo(WHOLE)


def _cells(each: Result) -> tuple[str, ...]:
    line = each.line
    known = ", ".join((line.standing, *line.source))
    verdict = f"{each.verdict}: {each.remarks[0]}" if line.proxy and each.found.n else each.verdict
    limits = expected(line.expected)
    return (
        str(line.row),
        _with_unit(line.readout, line.unit),
        limits,
        simulated(each),
        str(each.found.n),
        verdict,
        known,
    )


def _with_unit(label: str, unit: str) -> str:
    return f"{label}, {unit}" if unit and unit != "ratio" else label


def number(value: float, digits: int = 3) -> str:
    """Write a few significant digits; a dash for what does not exist."""
    return short(value, digits) if value == value else "–"


def simulated(each: Result) -> str:
    """Write ``12.3 [11 to 13.6]``; without the interval where there is none, a dash where there is nothing.

    Three digits, or as many as it takes to tell the ends of a narrow interval apart.
    """
    found = each.found
    if found.mean != found.mean:
        return "–"
    if found.width != found.width:
        return number(found.mean)
    digits = max(3, math.ceil(-math.log10(found.width / abs(found.mean)))) if found.width and found.mean else 3
    mean, low, high = (number(value, digits) for value in (found.mean, found.low, found.high))
    return f"{mean} [{low} to {high}]"


def expected(limits: Mapping[str, float]) -> str:
    """Write what is expected: ``10 to 18``, ``at least 1``, ``no effect: 1``."""
    if "no_effect" in limits:
        return f"no effect: {number(limits['no_effect'])}"
    low, high = (number(limits[key]) if key in limits else "" for key in ("from", "to"))
    return f"{low} to {high}" if low and high else f"at least {low}" if low else f"at most {high}" if high else ""
