"""B cells, plasma cells, dendritic cells, neutrophils: their switches, and the traps that NETosis leaves."""

import math

import numpy as np
import pytest

STILL = tuple(
    f"laws.{kind}.{law}=null"
    for kind, laws in {
        "neutrophil": ("die", "be_engulfed", "speed", "bias"),
        "b_cell": ("die", "speed", "bias"),
        "dendritic": ("die", "speed", "bias"),
    }.items()
    for law in laws
)
NETOSE = "laws.neutrophil.netose={terms: {tnf: {base: 24 1/day}}, times: null}"  # 0.1 per step of 6 min at full TNF


def add(model, kind, n, **states):
    """Put cells of a kind on two diagonals of the tissue."""
    at = np.linspace(1, 399, n)
    model.population[kind].place_cells(at, np.where(np.arange(n) % 2, at, 400 - at), 0 * at, 0, **states)
    model._sense()
    return model.population[kind]


def flood(model, field):
    """Saturate everything that a field acts on."""
    model.laws.row(f"field.{field}")[:] = 1e9


def test_netosis_is_a_rate(small_model):
    """Chance 1 - exp(-r dt) per step, drawn apart from the other fates."""
    model = small_model(NETOSE, *STILL)
    cells = add(model, "neutrophil", 5000)
    flood(model, "tnf")
    died = 0
    for step in range(1, 9):
        model.steps = step
        model._sense()
        model.crowd.act(), cells.act()
        model.crowd.choose(), cells.choose()
        casts = cells.casts[: cells.n]
        np.testing.assert_array_equal(cells.fate[: cells.n], casts)
        died += int(casts.sum())
    chance = -math.expm1(-0.1)
    assert abs(died - 40_000 * chance) < 4 * math.sqrt(40_000 * chance * (1 - chance))


def test_every_netosis_leaves_one_unit_in_its_voxel(small_model):
    """With nothing that clears them, traps are the cells that are gone, voxel by voxel, within the same step."""
    model = small_model(NETOSE, "fields.nets.half_life=null", *STILL)
    cells = add(model, "neutrophil", 3000)
    flood(model, "tnf")
    before = cells.columns()
    model.step()
    after = cells.columns()
    gone = before["voxel"][~np.isin(before["uid"], after["uid"])]
    assert 200 < len(gone) < 400
    units = model.laws.row("field.nets") * (model.voxel_volume * 1e-9)
    np.testing.assert_allclose(units, np.bincount(gone, minlength=model.grid.size), atol=1e-5)
    assert model.fields.budget("nets")["secreted"] * 1e-9 == pytest.approx(len(gone), rel=1e-6)


def test_traps_balance_and_a_restart_changes_nothing(small_model):
    """The mass budget of a day with NETosis, decay and death; stopped in the middle it ends in the same state."""
    one, other = (
        small_model(NETOSE, "laws.neutrophil.divide={type: rate, unit: 1/day, terms: {x: {base: 20}}}")
        for _ in range(2)
    )
    add(one, "neutrophil", 400)
    flood(one, "tnf")
    for step in range(60):
        if step == 20:
            other.restore(one.state())
        one.step()
    for _ in range(40):
        other.step()
    assert one.population["neutrophil"].next_uid[0] > 401 and one.measure()["net_load"] > 0
    assert other.digest() == one.digest()
    assert one.fields.mass_error("nets") <= 1e-5


def test_a_release_is_a_plain_number(small_config):
    """Factors would not be evaluated: they belong to the rate of the event."""
    from abm.config import ConfigError

    factor = "laws.neutrophil.release_nets.times={tnf: {signal: tnf, from: 0, to: 1, half: 500 pg/mL, hill: 2}}"
    with pytest.raises(ConfigError, match="must be a plain number of units per event; put factors") as caught:
        small_config(factor)
    assert len(caught.value.messages) == 1
    with pytest.raises(ConfigError, match="gives units to a field in pg/mL"):
        small_config("laws.neutrophil.release_tnf={type: secretion, unit: units/event, terms: {x: {base: 1}}}")


def test_stem_cells_engulf_neutrophils_that_they_touch(small_model):
    """be_engulfed acts within 20 um of an MSC, and nowhere else."""
    model = small_model(
        "laws.neutrophil.be_engulfed.terms.msc.base=100 1/day", "laws.neutrophil.die=null", "laws.neutrophil.netose=null",
        "time.step=1 min",
    )  # fmt: skip
    model.population["msc"].place_cells([100.0], [100.0], [0.0], 0)
    model.population["neutrophil"].place_cells([110.0] * 300 + [140.0] * 300, [100.0] * 600, [0.0] * 600, 0)
    model._sense()
    cells = model.population["neutrophil"]
    model.crowd.act(), cells.act(), model.crowd.choose(), cells.choose()
    dies, near = cells.fate[: cells.n] > 0, cells.x[: cells.n] < 120
    chance = -math.expm1(-100 / 24 / 60)
    assert not dies[~near].any()
    assert abs(dies[near].sum() - 300 * chance) < 4 * math.sqrt(300 * chance)


def test_dendritic_cells_mature_for_good(small_model):
    """All terms at their maximum: 1 per day; a mature cell stays so when the signals are gone."""
    model = small_model(*STILL)
    cells = add(model, "dendritic", 4000)
    for field in ("tnf", "ifng", "debris"):
        flood(model, field)
    mature = 0
    for step in range(1, 11):
        cells.state("mature")[:] = 0
        model.steps = step
        model._sense()
        model.crowd.act(), cells.act()
        mature += int(cells.state("mature").sum())
    chance = -math.expm1(-0.1 / 24)
    assert abs(mature - 40_000 * chance) < 4 * math.sqrt(40_000 * chance)
    cells.state("mature")[:] = 1
    for field in ("tnf", "ifng", "debris"):
        model.laws.row(f"field.{field}")[:] = 0
    for _ in range(3):
        model._sense()
        model.crowd.act(), cells.act()
    assert cells.state("mature").all()
    assert set(model.cell_table().query("kind == 'dendritic'")["state"]) == {"mature"}


def test_only_active_b_cells_become_plasma_cells(small_model):
    """They keep their place."""
    model = small_model("laws.b_cell.become_plasma_cell.terms.switch.base=100 1/day", "laws.b_cell.divide=null", *STILL)
    cells = add(model, "b_cell", 200)
    cells.state("active")[:] = np.arange(200) < 100
    active = set(cells.uid[:200][cells.state("active") > 0].tolist())
    before = {uid: (x, y) for uid, x, y in zip(cells.uid[:200], cells.x[:200], cells.y[:200])}
    model._sense()
    model._die_and_divide()
    plasma = model.population["plasma_cell"].columns()
    changed = set(before) - set(cells.uid[: cells.n].tolist())
    assert 10 < len(changed) < 60 and changed <= active
    assert set(zip(plasma["x"], plasma["y"])) == {before[uid] for uid in changed}


@pytest.mark.parametrize("kind", ["th1", "b_cell"])
def test_mother_and_daughter_are_divided(small_model, kind):
    """What `density.<kind>.divided` sums: the cells that divided or descend from a division."""
    model = small_model(
        f"laws.{kind}.divide={{terms: null, times: null}}", f"laws.{kind}.divide.terms={{x: {{base: 100 1/day}}}}",
        f"laws.{kind}.die=null", "time.step=1 min", f"cells.{kind}.initial_density=0",
        f"readouts.divided={{of: density.{kind}.divided, reduce: sum, region: whole}}",
    )  # fmt: skip
    cells = add(model, kind, 300)
    model._die_and_divide()
    born = cells.n - 300
    assert 0 < born == (cells.uid[: cells.n] > 300).sum()
    assert cells.state("divided").sum() == 2 * born
    model._sense()
    model.steps += 1
    assert model.measure()["divided"] == 2 * born


def test_healthy_tissue_does_not_know_them(small_model):
    """They enter through open barriers only: where none opens, all is as without them, to the bit."""
    out = tuple(f"cells.{kind}=null" for kind in ("b_cell", "plasma_cell", "dendritic", "neutrophil"))
    with_all, without = (small_model(*more, scenario="healthy") for more in ((), out))
    for _ in range(20):
        with_all.step(), without.step()
    for kind, population in without.population.items():
        ours = with_all.population[kind].columns()
        for name, column in population.columns().items():
            np.testing.assert_array_equal(ours[name], column, err_msg=f"{kind}.{name}")
    for field in without.config.fields:
        np.testing.assert_array_equal(with_all.field_frame(field), without.field_frame(field), err_msg=field)
    assert all(with_all.counts()[kind] == 0 for kind in ("b_cell", "plasma_cell", "dendritic", "neutrophil"))


def test_a_kind_of_a_modeller_is_switched_by_its_laws(small_model):
    """It needs no Python: laws rouse it, and read that it is active."""
    rate = "{{type: rate, unit: 1/day, terms: {{x: {{base: {}, times: {}}}}}}}"
    active = "{a: {signal: self.active, linear: [0, 1], from: 0, to: 1}}"
    model = small_model(
        "cells.guest={label: Guests, colour: '#123456', diameter: 8, motile: true, initial_density: 1e5}",
        f"laws.guest.activate={rate.format(24, '{}')}", f"laws.guest.die={rate.format(24, active)}",
    )  # fmt: skip
    before = model.counts()["guest"]
    model.step()
    assert model.counts()["guest"] == before  # none was active when the step began
    assert abs(model.population["guest"].state("active").mean() + math.expm1(-0.1)) < 0.05
    model.step()
    assert 0 < before - model.counts()["guest"] < 0.05 * before
