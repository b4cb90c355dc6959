"""Units: exact factors, every spelling people use, and a sentence for what is no unit."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abm.config.units import (
    CANONICAL,
    UnitError,
    canonical_of,
    dimension_text,
    known_units,
    parse_unit,
    same_dimension,
    to_canonical,
)


@pytest.mark.parametrize(
    ("value", "unit", "canonical", "expected"),
    [
        (22, "um^2/s", "um^2/h", 79200.0),
        (22, "um2/s", "um^2/h", 79200.0),
        (22, "um**2/s", "um^2/h", 79200.0),
        (1, "m/s", "um/h", 3.6e9),
        (9, "um/min", "um/h", 540.0),
        (6, "min", "h", 0.1),
        (2.2, "s", "h", 2.2 / 3600),
        (100, "ms", "h", 100 / 3.6e6),
        (4, "day", "h", 96.0),
        (4, "d", "h", 96.0),
        (1, "week", "h", 168.0),
        (0.5, "1/day", "1/h", 0.5 / 24),
        (4.5, "molecules/s", "1/h", 16200.0),
        (4.5, "molecules/cell/s", "1/h", 16200.0),
        (20, "um3/s", "um^3/h", 72000.0),
        (2.4e4, "cells/mm^3", "1/mm^3", 2.4e4),
        (500, "units/mm3", "1/mm^3", 500.0),
        (1.92e5, "1/mm^2", "1/mm^2", 1.92e5),
        (12000, "1/mm3/day", "1/mm^3/h", 500.0),
        (12000, "1/(mm^3*day)", "1/mm^3/h", 500.0),
        (7, "ng/mL", "pg/mL", 7000.0),
        (30, "nM", "uM", 0.03),
        (1, "uM/s", "uM/h", 3600.0),
        (1, "pg/mL/s", "pg/mL/h", 3600.0),
        (352, "Da", "kDa", 0.352),
        (20, "g", "kg", 0.02),
        (1e6, "cells/kg", "1/kg", 1e6),
        (500, "mm^3", "um^3", 5e11),
        (1, "mL", "um^3", 1e12),
        (5, "%", "1", 0.05),
        (3, "", "1", 3.0),
        (3, "µm", "um", 3.0),
        (1, "units/event", "1", 1.0),
    ],
)
def test_conversion_to_canonical_units(value, unit, canonical, expected):
    assert canonical_of(unit) == canonical
    assert to_canonical(value, unit) == pytest.approx(expected, rel=1e-15)


@given(
    st.floats(min_value=1e-6, max_value=1e9), st.sampled_from(["um^2/s", "1/day", "uM/s", "ms", "cells/mm^3", "ng/mL"])
)
def test_a_converted_value_is_the_correctly_rounded_one(value, unit):
    scale = parse_unit(unit)[0] / parse_unit(canonical_of(unit))[0]
    assert to_canonical(value, unit) == float(Fraction(value) * scale)


def test_canonical_units_are_their_own():
    for dimension, unit in CANONICAL.items():
        assert parse_unit(unit)[1] == dimension
        assert to_canonical(1.7, unit) == 1.7


@pytest.mark.parametrize(
    ("unit", "nearest"), [("mni", "min"), ("dya", "day"), ("Um", "um"), ("hr", "h"), ("cels/mm^3", "cells")]
)
def test_an_unknown_unit_names_the_nearest(unit, nearest):
    with pytest.raises(UnitError, match=f"did you mean '{nearest}'"):
        parse_unit(unit)


def test_a_dimension_that_the_model_has_no_use_for_is_an_error():
    with pytest.raises(UnitError, match="dimension mass/length, which nothing in this model has"):
        canonical_of("pg/mm")


@pytest.mark.parametrize(
    "text", ["um/", "*", "um//s", "((um", "um)", "um^99", "um**-2**3", "0/um", "um^²", "\x00", "1/", "a" * 80]
)
def test_what_is_no_unit_is_refused(text):
    with pytest.raises(UnitError):
        parse_unit(text)


@given(st.text(max_size=30))
def test_any_text_is_a_unit_or_an_error(text):
    try:
        size, dimension = parse_unit(text)
    except UnitError:
        return
    assert size > 0
    assert len(dimension) == 4


@given(st.lists(st.tuples(st.sampled_from(sorted(known_units())), st.integers(-3, 3)), min_size=1, max_size=4))
def test_a_product_multiplies_sizes_and_adds_dimensions(factors):
    text = "*".join(f"{name}^{power}" for name, power in factors)
    size, dimension = parse_unit(text)
    expected = Fraction(1)
    for name, power in factors:
        expected *= known_units()[name][0] ** power
    assert size == expected
    assert dimension == tuple(sum(known_units()[name][1][axis] * power for name, power in factors) for axis in range(4))


def test_dimensions_read_as_people_write_them():
    assert dimension_text("um/s") == "length/time"
    assert dimension_text("um^2/s") == "length^2/time"
    assert dimension_text("1/mm^3/day") == "1/length^3/time"
    assert dimension_text("cells") == "none (a pure number)"
    assert same_dimension("cells/mm3", "1/um^3")
    assert not same_dimension("uM", "1/mm^3")
