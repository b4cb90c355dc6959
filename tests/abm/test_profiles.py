"""Radial profiles of fields and cells placed by hand, and where their centre is."""

import numpy as np
import pytest

from abm.profiles import profile

VOXEL = 8e-6  # mm3


def rings(model, centre, width=50.0):
    """The number of the ring of each voxel, counted here one by one."""
    numbers = np.zeros((model.grid.ny, model.grid.nx), int)
    for row, column in np.ndindex(numbers.shape):
        numbers[row, column] = int(np.hypot(column * 20 + 10 - centre[0], row * 20 + 10 - centre[1]) / width)
    return numbers


def put(model, name, values):
    model.grid.inner(model.laws.row(f"field.{name}"))[0, 0] = values


def test_a_field_that_is_the_number_of_its_ring(small_model):
    """Ring k holds the value k; a field along x has the value of the centre in every ring, by symmetry."""
    model = small_model()
    number = rings(model, (200, 200))
    put(model, "tnf", number)
    put(model, "ifng", np.arange(20) * 20 + 10)
    found = profile(model)
    kept, voxels = np.unique(number, return_counts=True)
    np.testing.assert_allclose(found["mean.tnf"], kept)
    np.testing.assert_allclose(found["mean.ifng"], 200, rtol=1e-6)
    np.testing.assert_allclose(found["r_um"], kept * 50 + 25)
    np.testing.assert_allclose(found["volume_mm3"], voxels * VOXEL, rtol=1e-6)
    assert {column.dtype for column in found.values()} == {np.dtype(np.float32)}


def test_cells_are_counted_in_the_ring_of_their_voxel(small_model):
    """Four M1 cells 14 um from the venule and two of score 1/4 at 130 um; microglia at rest have no score."""
    model = small_model()
    macrophages = model.population["macrophage"]
    macrophages.place_cells([210.0] * 4, [210.0] * 4, [0.0] * 4, 0)
    macrophages.place_cells([330.0] * 2, [210.0] * 2, [0.0] * 2, 0, m1=0.25)
    found = profile(model)
    voxels = np.bincount(rings(model, (200, 200)).ravel())
    expected = np.zeros(len(voxels))
    expected[0], expected[2] = 4 / (voxels[0] * VOXEL), 2 / (voxels[2] * VOXEL)
    np.testing.assert_allclose(found["density.macrophage"], expected, rtol=1e-6)
    np.testing.assert_array_equal(np.isnan(found["m1_mean"]), expected == 0)
    assert found["m1_mean"][0] == 1 and found["m1_mean"][2] == 0.25
    everywhere = (found["density.oligodendrocyte"] * found["volume_mm3"]).sum()
    assert everywhere == pytest.approx(model.population["oligodendrocyte"].n)


def test_rings_as_wide_as_asked_and_none_without_a_voxel(small_model):
    found = profile(small_model("output.profile_width=5 um"))
    assert found["volume_mm3"].min() > 0 and set(np.diff(found["r_um"])) > {5.0}
    assert found["volume_mm3"].sum() == pytest.approx(400 * VOXEL)
    wide = profile(small_model("output.profile_width=1 mm"))
    assert [len(column) for column in wide.values()] == [1] * len(wide)


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ((), (200, 200)),
        (("tissue.venules.positions={a: {x: 50, y: 50}, b: {x: 350, y: 150}}", "tissue.trigger=null"), (200, 200)),
        (
            (
                "tissue.venules.positions={a: {x: 50, y: 50}, b: {x: 350, y: 150}}",
                "tissue.trigger.windows={late: {from: 3, to: 4, venule: a}, onset: {from: 0, to: 4, venule: b}}",
            ),
            (350, 150),
        ),
        (
            (
                "tissue.venules.positions=null",
                "tissue.trigger=null",
                "tissue.plaques={first: {at: {x: 120, y: 240}, radius: 100 um}}",
            ),
            (120, 240),
        ),
    ],
)
def test_the_centre_is_where_the_configuration_puts_the_lesion(small_model, overrides, expected):
    model = small_model("tissue.venules.spacing=null", *overrides)
    number = rings(model, expected)
    put(model, "tnf", number)
    np.testing.assert_allclose(profile(model)["mean.tnf"], np.unique(number))


def test_without_a_place_the_centre_is_the_middle_of_what_was_demyelinated(small_model):
    model = small_model("tissue.venules=null", "tissue.trigger=null")
    model.grid.inner(model.tissue.ever_bare)[0, 0, 2:6, 10:14] = 1  # its middle: x = 240, y = 80
    put(model, "tnf", rings(model, (240, 80)))
    np.testing.assert_allclose(profile(model)["mean.tnf"], np.unique(rings(model, (240, 80))))


def test_shells_in_3d_and_fields_without_tissue(small_model):
    model = small_model("grid.size=[200, 200, 100]", "tissue.venules.positions.central={x: 100, y: 100, z: 50}")
    shells = profile(model)
    assert shells["volume_mm3"].sum() == pytest.approx(0.2 * 0.2 * 0.1)
    assert shells["volume_mm3"][0] == pytest.approx(
        sum(
            VOXEL
            for place in np.ndindex(10, 10, 5)
            if sum((at * 20 + 10 - c) ** 2 for at, c in zip(place, (100, 100, 50))) < 50**2
        ),
        rel=1e-6,
    )
    from abm import LesionModel, load

    dish = LesionModel(load("diffusion"))
    found = dish.profile()
    assert list(found)[:2] == ["r_um", "volume_mm3"] and "myelin" not in found
    mass = (found["mean.tracer"].astype(float) * found["volume_mm3"]).sum()
    assert mass == pytest.approx(dish.fields.budget("tracer")["mass"] * 1e-9, rel=1e-5)
