"""The books of each field: what was secreted, and what became of it. For run.json, and for people at the end of a run.

secreted = change + decayed + taken up + left + clamped
"""

from collections.abc import Mapping
from typing import Any

from experiments.tables import plain

MOST_MISSED = 1e-5  # of what was secreted
COLUMNS = ("secreted", "decayed", "taken", "left", "clamped", "change")
HEADINGS = ("field", "secreted", "decayed", "taken up", "left", "clamped", "change", "unit", "error")
# unit of a field -> what concentration x um^3 amounts to: the units to choose from, each with how many are in one
AMOUNTS: dict[str, tuple[tuple[str, float], ...]] = {
    "pg/mL": (("fg", 1e-9), ("pg", 1e-12), ("ng", 1e-15), ("ug", 1e-18)),
    "uM": (("fmol", 1e-6), ("pmol", 1e-9), ("nmol", 1e-12), ("umol", 1e-15)),
    "1/mm3": (("units", 1e-9),),
    "1": (("mm3", 1e-9),),
}


def budgets(model: Any, slab: int = 0) -> dict[str, dict[str, Any]]:
    """Return the budget of every field: amounts in ``unit``, and the error as a share of what was secreted."""
    found = {}
    for name, field in model.config.fields.items():
        book = model.fields.budget(name, slab)
        unit, scale = _readable(max(abs(book[what]) for what in COLUMNS), AMOUNTS[field.unit])
        error = float(model.fields.mass_error(name, slab))
        found[name] = {what: book[what] * scale for what in COLUMNS} | {"unit": unit, "error": error}
    return found


def doubts(books: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Say which books miss more than is promised."""
    return [
        f"the books of {name} miss {book['error']:.1e} of what was secreted, more than {MOST_MISSED:g}"
        for name, book in books.items()
        if book["error"] > MOST_MISSED
    ]


def _readable(amount: float, units: tuple[tuple[str, float], ...]) -> tuple[str, float]:
    """Choose the largest unit of which there is at least one; the smallest where there is less."""
    fitting = [(unit, scale) for unit, scale in units if amount * scale >= 1]
    return fitting[-1] if fitting else units[0]


def lines(books: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Write budgets as a table of text."""
    rows = [
        [name, *(f"{book[what] + 0:.4g}" for what in COLUMNS), book["unit"], f"{book['error']:.1e}"]
        for name, book in books.items()
    ]
    return [
        "What became of each field (error: what the books miss, as a share of what was secreted)",
        *plain(HEADINGS, rows),
    ]
