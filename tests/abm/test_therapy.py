"""Therapies that are taken back with null, and stem cells that are there without one."""

import numpy as np
import pytest

from abm import ConfigError

PLACED = "tissue.plaques={one: {at: {x: 200, y: 200}, radius: 200, cells: {msc: 500}}}"
IN_FLIGHT = ("therapy.msc.route=intrathecal", "therapy.msc.dose=1e6", "therapy.msc.day=0")


def after(model, steps=3):
    for _ in range(steps):
        model.step()
    return model


@pytest.fixture(scope="module")
def untreated(small_model):
    return after(small_model()).digest()


@pytest.mark.parametrize(
    "override", ["therapy=null", "therapy.msc=null", "therapy.msc.pretreatment=null", "therapy.msc={doses: {}}"]
)
def test_null_is_no_therapy(small_model, untreated, override):
    assert after(small_model(override)).digest() == untreated


def test_null_takes_an_inherited_therapy_back(small_model, untreated):
    assert after(small_model(*IN_FLIGHT, "therapy.msc=null")).digest() == untreated


@pytest.mark.parametrize("override", ["therapy=null", "therapy.msc.donor=null"])
def test_stem_cells_placed_at_the_start_need_no_therapy(small_model, override):
    """They are those of a healthy donor's bone marrow, not pretreated: what everything else is relative to."""
    assert after(small_model(PLACED, override)).digest() == after(small_model(PLACED)).digest()


def test_stem_cells_on_their_way_arrive_though_the_therapy_is_taken_back(small_model):
    """As in a branch: doses are gone, what was given before is not."""
    given = after(small_model(*IN_FLIGHT), 1)
    model = small_model(*IN_FLIGHT, "therapy=null")
    model.restore(given.state())
    before = model.population["msc"].n
    assert after(model, 40).population["msc"].n > before
    assert np.all(model.cell_table().query("kind == 'msc'")["immune"] == 1)


@pytest.mark.parametrize("what", ["source", "donor", "pretreatment"])
def test_a_name_that_is_in_no_table_is_refused_without_a_dose_too(small_config, what):
    with pytest.raises(ConfigError, match=f"therapy.msc.{what} = 'nine' is not in msc.{what}s; "):
        small_config(f"therapy.msc.{what}=nine")
