"""Conditions on read-outs: the grammar, units, and what is refused."""

import contextlib
import operator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abm.config.conditions import Condition, ConditionError

FIELDS = {"tnf": "pg/mL", "ros": "uM"}
KINDS = ["th1", "msc"]
SIGNS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq, "!=": operator.ne}


def holds(text, **measures):
    return Condition(text, FIELDS, KINDS).evaluate({name.replace("__", "."): value for name, value in measures.items()})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("lesion.area > 0.3 mm^2", True),
        ("lesion_area_mm2 > 0.3", True),
        ("lesion.area > 3e5 um^2", True),
        ("0.5 mm^2 > lesion.area", True),
        ("lesion.area > 0.5", False),
        ("not lesion.area > 0.5", True),
        ("bbb_leak < 0.1 and lesion.area > 0.3", True),
        ("bbb_leak > 0.1 or lesion.area > 0.3", True),
        ("bbb_leak > 0.1 or lesion.area > 0.3 and bbb_leak > 0.1", False),
        ("(bbb_leak < 0.1 or lesion.area > 9) and not (bbb_leak > 0.1 and lesion.area > 9)", True),
        ("mean.tnf >= 1 ng/mL", True),
        ("velocity_m_s > 2e3 mm/s", True),
        ("latency_ms < 0.2 s", True),
        ("bbb_leak == 5 %", True),
        ("count.th1 != 12", False),
        ("count.msc == 0", True),
        ("mean.tnf > core.tnf", True),
    ],
)
def test_conditions(text, expected):
    measures = {"lesion_area_mm2": 0.4, "bbb_leak": 0.05, "mean__tnf": 1000.0, "core__tnf": 10.0}
    assert holds(text, **measures, velocity_m_s=3.0, latency_ms=110.0, count__th1=12) is expected


def test_a_read_out_without_a_value_makes_no_comparison_true():
    assert not holds("m1_m2 > 1", m1_m2=float("nan"))
    assert not holds("m1_m2 != 1", m1_m2=float("nan"))
    assert not holds("not m1_m2 < 1", m1_m2=float("nan"))
    assert not holds("not (m1_m2 < 1 or bbb_leak > 1)", m1_m2=float("nan"), bbb_leak=0.5)
    assert holds("not (m1_m2 < 1 and bbb_leak > 1)", m1_m2=float("nan"), bbb_leak=0.5)
    assert holds("m1_m2 < 1 or bbb_leak < 1", m1_m2=float("nan"), bbb_leak=0.5)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is empty"),
        ("lesion.area", "needs one of"),
        ("lesion.aria > 1", "did you mean 'lesion.area'?"),
        ("mean.tfn > 1", "did you mean 'mean.tnf'?"),
        ("count.th2 > 1", "did you mean 'count.th1'?"),
        ("lesion.area > 0.3 mm^3", "compares length^2 with length^3"),
        ("lesion.area > 0.3 mmm^2", "unknown unit 'mmm'"),
        ("1 > 2", "compares two numbers"),
        ("lesion.area > 1 > 0", "chains two comparisons"),
        ("lesion.area > 1 and", "has the end where"),
        ("(lesion.area > 1", "has a '(' that is not closed"),
        ("lesion.area > 1)", "has ')' where"),
        ("and lesion.area > 1", "has 'and' where"),
        ("lesion.area > 1 bbb_leak", "is not a unit"),
        ("lesion.area = 1", "cannot be read"),
        ("__import__('os')", "cannot be read"),
        ("lesion.area > bbb_leak", "compares length^2 with none"),
        ("(" * 50 + "bbb_leak > 1" + ")" * 50, "nested more than 30"),
        ("not " * 50 + "bbb_leak > 1", "nested more than 30"),
        ("bbb_leak > 1 and " * 200 + "bbb_leak > 1", "longer than 2000"),
    ],
)
def test_what_is_no_condition(text, reason):
    with pytest.raises(ConditionError) as caught:
        Condition(text, FIELDS, KINDS)
    assert reason in str(caught.value)


@st.composite
def formulas(draw, depth=0):
    """A condition as text, with the function it should be."""
    shape = draw(st.sampled_from(["compare", "and", "or", "not"] if depth < 3 else ["compare"]))
    if shape == "compare":
        name, sign = draw(st.sampled_from(["bbb_leak", "amplitude"])), draw(st.sampled_from(sorted(SIGNS)))
        number = draw(st.sampled_from([0.0, 0.25, 0.5, 1.0]))
        return f"{name} {sign} {number}", lambda m: SIGNS[sign](m[name], number)
    if shape == "not":
        text, inner = draw(formulas(depth + 1))
        return f"not ({text})", lambda m: not inner(m)
    (left, one), (right, other) = draw(formulas(depth + 1)), draw(formulas(depth + 1))
    if shape == "and":
        return f"({left}) and ({right})", lambda m: one(m) and other(m)
    return f"({left}) or ({right})", lambda m: one(m) or other(m)


@settings(max_examples=60, deadline=None)
@given(formulas(), st.sampled_from([0.0, 0.25, 0.3, 1.0]), st.sampled_from([0.0, 0.5, 0.7]))
def test_any_formula_means_what_it_says(formula, leak, amplitude):
    text, meaning = formula
    measures = {"bbb_leak": leak, "amplitude": amplitude}
    assert Condition(text).evaluate(measures) is meaning(measures)


@given(st.text(alphabet="abc_.<>=!() 01e+-andortmm^/", max_size=40))
def test_any_text_is_a_condition_or_an_error(text):
    with contextlib.suppress(ConditionError):
        Condition(text, FIELDS, KINDS).evaluate({})
