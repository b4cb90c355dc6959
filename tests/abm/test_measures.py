"""Read-outs against what is placed by hand: areas, ratios, ends of axons, regions and read-outs of a modeller's own."""

import math
from pathlib import Path

import numpy as np
import pytest

from abm.config.conditions import read_out_units
from abm.config.vocabulary import LAYERS, READ_OUTS
from abm.measures import measure

VOXEL = 8e-6  # mm3
DOCS = (Path(__file__).parents[2] / "docs" / "readouts.md").read_text()


def part_of(model, array):
    """View the voxels of a flat array, (y, x)."""
    return model.grid.inner(array)[0, 0]


def bare(model, rows, columns, new=0):
    """Take all sheaths in a rectangle of voxels away, or all but some new ones."""
    units = model.tissue.units.reshape(4, -1)
    for k, left in enumerate((0, new, 0, 0)):
        part_of(model, units[k])[rows, columns] = left
    part_of(model, model.tissue.ever_bare)[rows, columns] = 1


def place(model, kind, at, **states):
    x, y = np.transpose(at)
    model.population[kind].place_cells(x, y, np.zeros(len(x)), 0, **states)


def test_areas_count_voxels(small_model):
    """40 bare voxels and 10 with 3 new sheaths of 15 left; at first all voxels have theirs."""
    model = small_model()
    whole = measure(model)
    assert whole["lesion_area_mm2"] == whole["region_mm3"] == whole["axon_loss"] == 0 and math.isnan(
        whole["core.myelin"]
    )
    myelin = part_of(model, model.tissue.units.reshape(4, -1).sum(axis=0)) / 15
    left = myelin.sum() - myelin[:5, :10].sum() + 10 * 3 / 15
    bare(model, slice(0, 4), slice(0, 10))
    bare(model, slice(4, 5), slice(0, 10), new=3)
    now = measure(model)
    assert now["lesion_area_mm2"] == pytest.approx(50 * 4e-4)
    assert now["remyelinated_area_mm2"] == pytest.approx(10 * 4e-4)
    assert now["region_mm3"] == pytest.approx(50 * VOXEL)
    assert now["mean.myelin"] == pytest.approx(left / 400, rel=1e-6)
    assert now["core.myelin"] == pytest.approx(10 * 3 / 15 / 50, rel=1e-6)
    assert now["g_ratio"] == pytest.approx(0.87)
    assert now["t2_volume_mm3"] == pytest.approx(
        (50 + (myelin[5:] < 0.8).sum() + (myelin[:5, 10:] < 0.8).sum()) * VOXEL
    )


def test_axons_are_counted_in_the_region(small_model):
    """77 axons cross a voxel, and each has at most one end on its way through the region, 3 voxels long.

    0.09 ends per voxel are the 11 250 per mm3 of an active lesion.
    """
    model = small_model()
    bare(model, slice(3, 6), slice(3, 6))
    for name, level in (("intact", 0.7), ("swollen", 0.1), ("ovoids", 3 * 0.09 / 76.8)):
        part_of(model, getattr(model.tissue, name))[3:6, 3:6] = level
    now = measure(model)
    assert now["axon_loss"] == pytest.approx(0.2) and now["axon_swollen"] == pytest.approx(0.1)
    assert now["transected_per_mm3"] == pytest.approx(0.09 / VOXEL)
    part_of(model, model.tissue.ovoids)[3:6, 3:5] = 0  # of the same axons
    part_of(model, model.tissue.ovoids)[0] = 1  # not in the region
    assert measure(model)["transected_per_mm3"] == pytest.approx(0.09 / VOXEL)


def test_scores_count_active_microglia_only(small_model):
    """Four macrophages of score 1, two of 1/4, three active microglia of 1/2, the others at rest."""
    model = small_model()
    microglia = model.population["microglia"]
    microglia.state("active")[:3], microglia.state("m1")[:3] = 1.0, 0.5
    place(model, "macrophage", [(200, 200)] * 4)
    place(model, "macrophage", [(50, 50)] * 2, m1=0.25)
    now = measure(model)
    assert microglia.n > 3 and now["phagocytes"] == 9
    assert now["m1_m2"] == pytest.approx((4 + 0.5 + 1.5) / (1.5 + 1.5)) and now["m2_m1"] == pytest.approx(1 / 2)
    assert now["m1_mean"] == pytest.approx(6 / 9)


def test_the_infiltrate_is_that_around_the_lesion(small_model):
    """Within 100 um of the venule at (200, 200): 6 phagocytes, 2 CD8, 1 Th1; farther away 5 Th17 that do not count."""
    model = small_model("tissue.venules.radius=100 um", "cells.treg.initial_density=0")
    now = {kind: model.population[kind].n for kind in ("th1", "th17", "cd8", "treg")}
    assert sum(now.values()) == 0
    place(model, "macrophage", [(210, 210)] * 6)
    place(model, "macrophage", [(10, 10)] * 7)
    place(model, "cd8", [(190, 190)] * 2)
    place(model, "th1", [(230, 210)])
    place(model, "th17", [(10, 390)] * 5)
    place(model, "treg", [(10, 390)] * 2)
    now = measure(model)
    assert now["macrophage_t_ratio"] == pytest.approx(6 / 3) and now["cd8_cd4"] == pytest.approx(2 / 1)
    assert now["treg_fraction"] == pytest.approx(2 / 10)


def test_densities_are_of_the_region_and_msc_of_the_tissue(small_model):
    model = small_model()
    bare(model, slice(0, 10), slice(0, 20))
    place(model, "msc", [(100, 100)] * 3 + [(100, 300)] * 5)
    now = measure(model)
    assert now["density.msc"] == pytest.approx(3 / (200 * VOXEL))
    assert now["msc_density"] == pytest.approx(8 / (400 * VOXEL)) and now["count.msc"] == 8
    assert measure(small_model("region=whole"))["region_mm3"] == pytest.approx(400 * VOXEL)


OWN = (
    "regions.disc={to: 100 um}",
    "regions.ring={from: 100 um, to: 200 um}",
    "regions.corner={to: 40 um, centre: {x: 0, y: 0}}",
    "readouts.along={of: field.tnf, region: ring}",
    "readouts.highest={of: field.tnf, reduce: max, region: disc}",
    "readouts.lowest={of: field.tnf, reduce: min, region: disc}",
    "readouts.there={of: field.ifng, reduce: sum, region: disc}",
    "readouts.beyond={of: field.ifng, reduce: sum, region: ring}",
    "readouts.all={of: field.ifng, region: whole}",
    "readouts.m1={of: density.macrophage.m1, reduce: sum, region: corner}",
    "readouts.m2={of: density.macrophage.m2, region: corner}",
    "readouts.axons={of: tissue.axons, region: ring}",
    "readouts.nowhere={of: field.tnf}",
    "readouts.none={of: density.macrophage, reduce: sum}",
    "readouts.left_out={of: density.neutrophil, region: whole}",
)


def test_read_outs_of_ones_own(small_model):
    """A field that rises along x has the mean of the centre in every ring; one that is 1 in a disc has its volume."""
    model = small_model(*OWN)
    middles = np.arange(20) * 20.0 + 10
    part_of(model, model.laws.row("field.tnf"))[:] = middles
    disc = (middles - 200) ** 2 + (middles[:, None] - 200) ** 2 < 100**2
    part_of(model, model.laws.row("field.ifng"))[:] = disc
    place(model, "macrophage", [(15, 15), (15, 15), (25, 15)], m1=0.75)
    place(model, "macrophage", [(300, 300)])
    now = measure(model)
    assert now["along"] == pytest.approx(200)
    assert (
        (now["lowest"], now["highest"]) == (middles[disc.any(axis=0)][0], middles[disc.any(axis=0)][-1]) == (110, 290)
    )
    assert now["there"] == pytest.approx(disc.sum() * VOXEL) and now["beyond"] == 0
    assert now["all"] == pytest.approx(disc.sum() / 400)
    corner = 3 * VOXEL  # middles (10, 10), (30, 10), (10, 30) are nearer than 40 um to the corner
    assert now["m1"] == pytest.approx(3 * 0.75) and now["m2"] == pytest.approx(3 * 0.25 / corner)
    assert now["axons"] == 1
    assert math.isnan(now["nowhere"]) and now["none"] == now["left_out"] == 0


def test_every_read_out_has_a_unit_and_is_explained(small_model):
    model = small_model(*OWN)
    config = model.config
    units = read_out_units({name: field.unit for name, field in config.fields.items()}, config.cells)
    assert set(measure(model)) - set(units) == set(config.readouts)
    assert [name for name in READ_OUTS if f"`{name}`" not in DOCS] == []
    assert tuple(model.tissue.layers()) == LAYERS


def test_own_read_outs_leave_the_run_alone_and_may_call_for_a_dose(small_model):
    """MSCs are given at the first hour at which conditions are considered, where a read-out of one's own asks for them."""
    plain, watched = small_model(), small_model(*OWN)
    dose = "therapy.msc.doses={late: {day: 0, dose: 20, route: local, when: 'along < 1 pg/mL and axons > 0.5'}}"
    treated = small_model(*OWN, dose)
    for _ in range(2):
        for model in (plain, watched, treated):
            model.step()
    assert watched.digest() == plain.digest() and watched.config.identity() == plain.config.identity()
    assert treated.population["msc"].n == 20


def test_a_slab_reads_as_the_run_alone(small_model):
    alone, batch = small_model(*OWN), small_model(*OWN, seeds=[4, 1])
    for model in (alone, batch):
        for _ in range(3):
            model.step()
    one, other = alone.measure(), batch.measure(1)
    np.testing.assert_equal(other, one)
    np.testing.assert_equal(batch.profile(1), alone.profile())


def test_the_leak_is_that_of_the_venules_that_serve_the_region(small_model):
    """Before there is a lesion the leak of the venule at its site; then each venule by its part of the region."""
    model = small_model("tissue.venules.spacing=150")
    venules, grid = model.venules, model.grid
    venules.state("bbb")[:] = np.where(venules.uid[: venules.n] == 1, 0.8, 0.2)  # 1: the central one
    model._measured.clear()
    assert model.measure()["bbb_leak"] == pytest.approx(0.8)
    ever = grid.inner(model.tissue.ever_bare)[0, 0]
    ever[10, 10:16] = (
        1  # y = 210 um, x = 210 to 310 um: four voxels nearer to the central venule at 200 um than to that at 350
    )
    model._measured.clear()
    assert model.measure()["bbb_leak"] == pytest.approx((4 * 0.8 + 2 * 0.2) / 6)
    ever[:] = 0
    ever[0, 0] = 1
    model._measured.clear()
    assert model.measure()["bbb_leak"] == pytest.approx(0.2) and model.measure()["bbb_max"] == pytest.approx(0.8)
