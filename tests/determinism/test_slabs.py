"""A slab among others is the run alone: its state, read-outs, profile and digest, whatever happens to the others."""

import numpy as np
import pytest

from abm.slabs import apart, together

SEEDS = [5, 1, 9]
TINY = ("grid.size=[200, 200]", "tissue.venules.positions.central={x: 100, y: 100}")
# what every slab gets, and what only some do: a dose by a condition, and relapses by chance
GIVEN = (
    "tissue.trigger.relapses={rate: 1000, length: 0.05}",
    "therapy.msc.doses={local: {day: 0, dose: 20, route: local}, "
    "later: {day: 0.05, dose: 3e8, route: intrathecal, when: count.opc > 5}}",
    "therapy.ahsct.day=0.15",
)


@pytest.fixture(scope="module")
def tiny(small_config):
    """Build a lesion of 0.2 x 0.2 mm with doses, some of them conditional, relapses and a transplantation."""
    from abm.model import LesionModel

    def make(*seeds, steps=0):
        model = LesionModel(small_config(*TINY, *GIVEN), seeds=seeds)
        for _ in range(steps):
            model.step()
        return model

    return make


@pytest.fixture(scope="module")
def batch(tiny):
    return tiny(*SEEDS, steps=130)


def assert_same(one, other):
    assert list(one) == list(other)
    for name, array in one.items():
        assert array.dtype == other[name].dtype and array.shape == other[name].shape, name
        np.testing.assert_array_equal(array, other[name], name)


@pytest.mark.parametrize("slab", range(3))
def test_a_slab_has_the_state_and_the_read_outs_of_the_run_alone(tiny, batch, slab):
    alone = tiny(SEEDS[slab], steps=130)
    assert_same(batch.states()[slab], alone.state())
    assert batch.digest(slab) == alone.digest()
    assert batch.counts(slab) == alone.counts()
    assert {name: repr(value) for name, value in batch.measure(slab).items()} == {
        name: repr(value) for name, value in alone.measure().items()
    }
    profiles = [model.profile(which) for model, which in ((batch, slab), (alone, 0))]
    assert profiles[0].keys() == profiles[1].keys()
    for name, column in profiles[0].items():
        np.testing.assert_array_equal(column, profiles[1][name], name)
    assert [{**event, "slab": 0} for event in batch.events if event["slab"] == slab] == alone.events


def test_the_conditional_dose_was_given_to_some(batch):
    """Else the tests here would not see what a dose in one slab does to another."""
    assert sorted({int(given) for given in batch.therapy.given["later"]}) == [0, 1]


def test_states_put_together_are_the_state(batch):
    assert_same(together(apart(batch.state())), batch.state())


def test_slabs_of_different_batches_go_on_together(tiny, batch):
    """States from three runs, one of them a slab of another batch, in one model."""
    states = [batch.states()[2], tiny(7, steps=130).state(), batch.states()[0]]
    other = tiny(9, 7, 5)
    other.restore(*states)
    whole = tiny(5, 9, steps=150)
    for _ in range(20):
        other.step()
    assert [other.digest(0), other.digest(2)] == [whole.digest(1), whole.digest(0)]
    assert other.digest(1) == tiny(7, steps=150).digest()


def test_a_number_that_is_not_finite_is_a_fault_of_its_slab_alone(tiny):
    model = tiny(*SEEDS, steps=5)
    assert model.faults() == {}
    grid = model.grid
    model.laws.row("field.tnf")[grid.whole + 6 * grid.sy + 4] = np.nan
    model.step()
    cells = model.population["opc"]
    cells.x[np.flatnonzero(cells.voxel[: cells.n] // grid.whole == 2)[0]] = np.inf
    faults = model.faults()
    assert list(faults) == [1, 2] and faults[1].startswith("tnf is not a finite") and "has a x that" in faults[2]
    model.step()
    model.step()
    assert model.digest(0) == tiny(5, steps=8).digest()
