"""Microglia: what rouses them, what only active ones do, and what daughters get."""

import math

import numpy as np
import pytest


@pytest.fixture
def model(small_model):
    return small_model(
        "cells.microglia.initial_density=0", "laws.microglia.die=null", "laws.microglia.divide=null",
        "laws.microglia.speed=null", "laws.microglia.bias=null",
    )  # fmt: skip


def add(model, n, **states):
    """Put microglia on a lattice."""
    at = np.linspace(20, 380, n)
    model.population["microglia"].place_cells(at, at[::-1], 0 * at, 0, **states)
    model._sense()
    return model.population["microglia"]


def test_an_alarm_rouses_them_at_its_rate(model):
    """activate = 0.3 per day x alarm; a cell that becomes active is M1."""
    cells = add(model, 4000, alarm=0.5)
    chance = -math.expm1(-0.3 / 24 * 0.5 * 0.1)
    expected, active = 4000 * chance, 0
    for step in range(1, 11):
        cells.state("active")[:] = 0
        cells.state("alarm")[:] = 0.5
        model.steps = step
        model._sense()
        model.crowd.act(), cells.act()
        roused = cells.state("active") > 0
        active += int(roused.sum())
        assert (cells.state("m1")[roused] == 1).all() and (cells.state("m1")[~roused] == 0).all()
    assert abs(active - 10 * expected) < 5 * math.sqrt(10 * expected)


def test_the_alarm_relaxes_towards_its_law(model):
    """Full TNF: alarm -> 1 with a rise of 6 h."""
    cells = add(model, 3)
    model.laws.row("field.tnf")[:] = 1e9
    for _ in range(30):
        model._sense()
        model.crowd.act(), cells.act()
    np.testing.assert_allclose(cells.state("alarm"), 1 - math.exp(-30 * 0.1 / 6), rtol=1e-4)


def test_only_active_ones_are_phagocytes(model):
    """Resting cells add nothing to the densities m1 and m2, and secrete nothing."""
    cells = add(model, 10)
    assert model.laws.row("source.tnf").max() == 0
    cells.state("active")[:5] = 1
    cells.state("m1")[:5] = 0.25
    cells.state("m2")[:5] = 0.75
    model.crowd.act(), cells.act()
    active = cells.state("active")
    np.testing.assert_array_equal(cells.state("m2"), active - cells.state("m1"))
    model._sense()
    assert model.laws.row("source.tnf").max() > 0
    model.steps += 1  # read-outs are kept for a step
    assert model.measure()["m1_m2"] == pytest.approx(cells.state("m1").sum() / cells.state("m2").sum(), rel=1e-6)


def test_daughters_are_as_their_mothers(small_model):
    """A dividing active cell leaves two active cells with its score; the age of the new one is 0."""
    model = small_model(
        "laws.microglia.divide.terms.expand.base=100 1/day", "laws.microglia.die=null", "time.step=1 min"
    )
    cells = model.population["microglia"]
    before = cells.n
    for name, value in {"active": 1.0, "alarm": 1.0, "m1": 0.25, "m2": 0.75, "age": 30.0}.items():
        cells.state(name)[:] = value
    model._sense()
    model._die_and_divide()
    born = cells.state("age") == 0
    assert 0 < born.sum() == cells.n - before
    assert (cells.state("active")[born] == 1).all() and (cells.state("m1")[born] == 0.25).all()
