"""What became of each field: amounts in units that people read, on standard error and in run.json."""

from types import SimpleNamespace

import pytest

from abm import Run
from experiments.budget import COLUMNS, budgets, doubts, lines

QUICK = ("run", "diffusion", "--days", "0.05", "--threads", "1")


def model_with(unit, secreted):
    """A model of one field, of which a tenth remains and the rest decayed; amounts are concentration x um^3."""
    budget = {"secreted": secreted, "decayed": 0.9 * secreted, "taken": 0.0, "left": 0.0, "clamped": -0.0}
    fields = SimpleNamespace(
        budget=lambda name, slab: {**budget, "change": 0.1 * secreted, "start": 0.0}, mass_error=lambda name, slab: 2e-7
    )
    return SimpleNamespace(config=SimpleNamespace(fields={"f": SimpleNamespace(unit=unit)}), fields=fields)


@pytest.mark.parametrize(
    ("unit", "secreted", "amount", "shown"),
    [
        ("pg/mL", 3e12, 3.0, "pg"),  # 3 pg/mL in a mL, which is 1e12 um^3
        ("pg/mL", 3e11, 300.0, "fg"),
        ("pg/mL", 5e15, 5.0, "ng"),
        ("uM", 2e6, 2.0, "fmol"),  # 1 uM is 1e-21 mol in a um^3
        ("uM", 2e9, 2.0, "pmol"),
        ("1/mm3", 4e9, 4.0, "units"),
        ("1", 1e8, 0.1, "mm3"),
        ("pg/mL", 0.0, 0.0, "fg"),
    ],
)
def test_amounts_are_in_the_largest_unit_that_fits(unit, secreted, amount, shown):
    book = budgets(model_with(unit, secreted))["f"]
    assert book["unit"] == shown
    assert (book["secreted"], book["decayed"], book["change"]) == pytest.approx((amount, 0.9 * amount, 0.1 * amount))


def test_the_table_is_aligned_and_has_no_negative_zeros():
    table = lines(budgets(model_with("pg/mL", 3e12)))
    assert table[1:] == [
        "field  secreted  decayed  taken up  left  clamped  change  unit  error",
        "f      3         2.7      0         0     0        0.3     pg    2.0e-07",
    ]


def test_books_that_miss_more_than_promised_are_told():
    books = budgets(model_with("pg/mL", 3e12))
    assert doubts(books) == []
    books["f"]["error"] = 3e-5
    assert doubts(books) == ["the books of f miss 3.0e-05 of what was secreted, more than 1e-05"]


def test_a_run_prints_and_keeps_its_books_and_they_balance(remyelin):
    told = remyelin(*QUICK)
    kept = Run.load(told.out.splitlines()[-1]).info["budgets"]["tracer"]
    assert "What became of each field" in told.err and "tracer" in told.err
    assert kept["secreted"] > 0 and set(kept) == {*COLUMNS, "unit", "error"}
    sinks = sum(kept[what] for what in COLUMNS if what != "secreted")
    assert kept["secreted"] == pytest.approx(sinks, rel=1e-5)
    assert remyelin(*QUICK, "--force-new", "--quiet").err == ""
