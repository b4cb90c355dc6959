"""All fields of a model: what they promise about mass, sign, threads, slabs, resuming and quasi-steady fields."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
from diffusion_reference import (
    configuration,
    exact_step,
    field,
    make_fields,
    operator,
    points,
    relative_error,
    steady_state,
)
from hypothesis import given, settings
from hypothesis import strategies as some
from scipy.special import k0

from kernels.solver import Together

AVOGADRO = 6.02214076e23
FACES = ("no_flux", "value", "periodic")
STEP = 0.1


def fill(fields, name, source, uptake=0.0):
    """Put the same source and uptake into every slab."""
    row = fields.index[name]
    fields.grid.inner(fields.source[row])[:] = source
    fields.grid.inner(fields.uptake[row])[:] = uptake


def shake(fields, rng, amount=100.0, uptake=30.0):
    """Let cells be elsewhere, with other rates, in every field: the same in every slab."""
    shape = fields.grid.inner(fields.source[0]).shape[1:]
    for name in fields.names:
        fill(fields, name, points(shape, 8, rng, amount), points(shape, 8, rng, uptake))


def three_fields():
    return {
        "tnf": field(baseline=2.0),
        "ros": field(D=2500 * 3600.0, half_life=2.2 / 3600, unit="uM", quasi_steady=True, baseline=0.03),
        "debris": field(D=0.0, half_life=35 * 24.0, unit="1"),
    }


# --- mass ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("faces", FACES)
def test_mass_is_balanced(faces, dims):
    """secreted = change + decayed + taken up + left + clamped to 1e-5, each sink summed from the stages (promise 4)."""
    shape = (24, 30) if dims == 2 else (8, 9, 10)
    config = configuration(shape, three_fields(), faces=faces)
    fields = make_fields(config)
    theta = np.ones(fields.grid.size)
    fields.grid.inner(theta)[:] = np.random.default_rng(2).uniform(0.1, 2.0, fields.grid.inner(theta).shape)
    fields.set_diffusivity("tnf", theta)
    rng = np.random.default_rng(5)
    for _ in range(20):
        shake(fields, rng)
        fields.diffuse(STEP)
    for name in fields.names:
        budget = fields.budget(name)
        sinks = [budget[sink] for sink in ("change", "decayed", "taken", "left", "clamped")]
        assert abs(budget["secreted"] - sum(sinks)) <= 1e-5 * budget["secreted"]
        assert fields.mass_error(name) <= 1e-5
        assert min(budget["secreted"], budget["decayed"], budget["taken"]) > 0
        assert (budget["left"] == 0) == (faces != "value" or name == "debris")


def test_each_sink_is_what_the_exact_solution_loses():
    """Against the time integral of the exact solution: no sink is a remainder."""
    shape, faces, rng = (20, 24), ("value", "no_flux"), np.random.default_rng(8)
    config = configuration(shape, {"tnf": field(value=1.0)}, accuracy=1e-3)
    config.fields["tnf"].faces = {"x": "no_flux", "y": "value", "z": "no_flux"}
    fields = make_fields(config)
    source, uptake = points(shape, 15, rng, 100.0), points(shape, 30, rng, 20.0)
    fill(fields, "tnf", source, uptake)
    fields.diffuse(STEP)
    decay, rate = math.log(2), 22.0 * 3600 / 400
    matrix, constant = operator(np.ones(shape), 22.0 * 3600, decay + uptake, 20.0, faces, 1.0)
    u, exposure = exact_step(matrix, constant + source.ravel(), np.zeros(shape), STEP)
    left = 2 * rate * (exposure[[0, -1]] - 1.0 * STEP).sum()
    exact = {
        "secreted": source.sum() * STEP, "change": u.sum(), "decayed": decay * exposure.sum(),
        "taken": (uptake * exposure).sum(), "left": left,
    }  # fmt: skip
    budget = fields.budget("tnf")
    for name, amount in exact.items():
        assert budget[name] == pytest.approx(amount * 20.0**3, rel=2e-3), name


def test_a_field_at_rest_loses_nothing_to_rounding():
    """Baselines kept by their own sources for many steps: tgfb, and debris with a half-life of weeks."""
    shape = (16, 16)
    config = configuration(
        shape, {"tgfb": field(half_life=0.5, baseline=60.0), "debris": field(D=0.0, half_life=840.0, baseline=0.5)}
    )
    fields = make_fields(config)
    for name, level, half_life in (("tgfb", 60.0, 0.5), ("debris", 0.5, 840.0)):
        fill(fields, name, level * math.log(2) / half_life)
    for _ in range(200):
        fields.diffuse(STEP)
    assert fields.mass_error("tgfb") <= 1e-5
    np.testing.assert_allclose(fields.frame("tgfb"), 60.0, rtol=1e-5)
    np.testing.assert_allclose(fields.frame("debris"), 0.5, rtol=1e-5)


@settings(max_examples=40, deadline=None)
@given(
    seed=some.integers(0, 2**32 - 1),
    contrast=some.floats(0, 2),
    barriers=some.floats(0, 0.3),
    sinks=some.floats(-3, 0),
    pace=some.floats(-2, 2),
    dims=some.sampled_from([2, 3]),
)
def test_no_value_is_negative_and_clamping_adds_next_to_nothing(seed, contrast, barriers, sinks, pace, dims):
    """Sources and sinks that jump every step, D(x) with contrasts to 100 and barriers, steps short and long."""
    rng = np.random.default_rng(seed)
    shape = (18, 17) if dims == 2 else (7, 8, 9)
    config = configuration(shape, {"tnf": field(D=22.0 * 3600 * 10.0**pace)})
    fields = make_fields(config)
    theta = np.zeros(fields.grid.size)
    inner = fields.grid.inner(theta)
    inner[:] = 10.0 ** (contrast * rng.random(inner.shape)) * (rng.random(inner.shape) >= barriers)
    fields.set_diffusivity("tnf", theta)
    for _ in range(4):
        shake(fields, rng, uptake=10.0**sinks * fields.plans["tnf"].uptake_cap)
        fields.diffuse(STEP)
        assert fields.frame("tnf").min() >= 0
    assert fields.clamped_mass("tnf") <= 1e-6 * fields.budget("tnf")["secreted"]
    assert fields.mass_error("tnf") <= 1e-5


@settings(max_examples=40, deadline=None)
@given(
    seed=some.integers(0, 2**32 - 1),
    sinks=some.floats(-3, 0),
    pace=some.floats(-2, 2),
    shape=some.sampled_from([(18, 17), (3, 30), (7, 8, 9)]),
    faces=some.sampled_from(FACES),
)
def test_one_long_substep_makes_nothing_negative_where_d_is_even(seed, sinks, pace, shape, faces):
    """The same D everywhere: the plan takes mixed polynomials of high degree."""
    rng = np.random.default_rng(seed)
    fields = make_fields(configuration(shape, {"tnf": field(D=22.0 * 3600 * 10.0**pace)}, faces=faces))
    for _ in range(4):
        shake(fields, rng, uptake=10.0**sinks * fields.plans["tnf"].uptake_cap)
        fields.diffuse(STEP)
        assert fields.frame("tnf").min() >= 0
    assert fields.clamped_mass("tnf") <= 1e-6 * fields.budget("tnf")["secreted"]


def test_uptake_above_the_cap_counts_as_the_cap():
    """Two voxels that take up far too fast do what they do at the cap; the caller's numbers stay as they are."""
    levels = []
    for far_too_fast in (1e6, 50.0):
        fields = make_fields(configuration((10, 10), {"tnf": field(baseline=1.0)}), uptake_caps={"tnf": 50.0})
        uptake = np.zeros((10, 10))
        uptake[2, 3], uptake[4, 5], uptake[8, 8] = far_too_fast, 49.0, far_too_fast
        fill(fields, "tnf", 0.0, uptake)
        fields.diffuse(STEP)
        assert fields.plans["tnf"].uptake_cap == 50.0
        assert fields.grid.inner(fields.uptake[0])[0, 0, 2, 3] == far_too_fast
        assert fields.budget("tnf")["limited"] == 2
        levels.append((fields.frame("tnf"), fields.budget("tnf")["taken"]))
    np.testing.assert_array_equal(levels[0][0], levels[1][0])
    assert levels[0][1] == levels[1][1] > 0


# --- same bits ----------------------------------------------------------------------------------------------------------


def run(shape, slabs=1, threads=1, steps=3, fields=None, seed=4):
    made = make_fields(configuration(shape, fields or three_fields(), faces="value"), slabs, threads)
    rng = np.random.default_rng(seed)
    for _ in range(steps):
        shake(made, rng)
        made.diffuse(STEP)
    return made


@pytest.mark.parametrize("fields", [None, {"tnf": field()}])
def test_two_threads_give_the_bits_of_one(fields):
    """Fields side by side, and a single field cut into parts."""
    one, two = (run((130, 140), threads=threads, fields=fields) for threads in (1, 2))
    np.testing.assert_array_equal(one.concentration, two.concentration)
    assert [one.budget(name) for name in one.names] == [two.budget(name) for name in two.names]


@pytest.mark.parametrize("shape", [(20, 24), (6, 7, 8)])
def test_a_slab_among_others_has_the_bits_of_one_alone(shape):
    alone = run(shape)
    config = configuration(shape, three_fields(), faces="value")
    fields = make_fields(config, slabs=3)
    rng, other = np.random.default_rng(4), np.random.default_rng(99)
    for _ in range(3):
        shake(fields, other)  # the outer slabs live another life
        elsewhere = fields.source.copy(), fields.uptake.copy()
        shake(fields, rng)
        for arrays, kept in zip((fields.source, fields.uptake), elsewhere):
            for row, old in zip(arrays, kept):
                fields.grid.inner(row)[[0, 2]] = fields.grid.inner(old)[[0, 2]]
        fields.diffuse(STEP)
    for name in fields.names:
        np.testing.assert_array_equal(fields.frame(name, 1), alone.frame(name))
        assert fields.budget(name, 1) == alone.budget(name)
        assert (fields.frame(name, 0) != alone.frame(name)).any()


def test_resumed_fields_go_on_with_the_same_bits():
    whole = run((20, 24), steps=4)
    half = run((20, 24), steps=2)
    state = half.state()
    resumed = make_fields(configuration((20, 24), three_fields(), faces="value"))
    resumed.restore({name: array.copy() for name, array in state.items()})
    rng = np.random.default_rng(4)
    for step in range(4):
        shake(resumed, rng)
        if step >= 2:
            resumed.diffuse(STEP)
    np.testing.assert_array_equal(resumed.concentration, whole.concentration)
    assert [resumed.budget(name) for name in whole.names] == [whole.budget(name) for name in whole.names]


# --- special fields -----------------------------------------------------------------------------------------------------


def test_what_has_decayed_is_gone():
    """A source that falls silent leaves no numbers so small that processors slow down, and the books stay whole."""
    fields = make_fields(configuration((20, 24), {"ifng": field(half_life=0.1)}))
    fill(fields, "ifng", points((20, 24), 5, np.random.default_rng(4), 100.0))
    fields.diffuse(STEP)
    fill(fields, "ifng", 0.0)
    highest = []
    for _ in range(90):
        fields.diffuse(STEP)
        inner = fields.grid.inner(fields.concentration[0])
        assert ((inner == 0) | (inner >= 2.0**-66)).all()
        highest.append(float(inner.max()))
    assert 0 < highest[50] < highest[0] and highest[-1] == 0.0
    assert fields.mass_error("ifng") < 1e-5 and fields.budget("ifng")["clamped"] <= 0


@pytest.mark.parametrize("dims", [2, 3])
def test_a_quasi_steady_field_follows_its_sources(dims):
    """After each step it is within the accuracy of the steady state of sources and sinks that have just moved."""
    shape = (40, 36) if dims == 2 else (12, 13, 14)
    ros = field(D=2500 * 3600.0, half_life=2.2 / 3600, unit="uM", quasi_steady=True)
    fields = make_fields(configuration(shape, {"ros": ros}))
    decay, rng = math.log(2) * 3600 / 2.2, np.random.default_rng(6)
    old = None
    for _ in range(4):
        source, uptake = points(shape, 10, rng, 1e4), points(shape, 10, rng, 0.4 * fields.plans["ros"].uptake_cap)
        fill(fields, "ros", source, uptake)
        fields.diffuse(STEP)
        matrix, constant = operator(np.ones(shape), 2500 * 3600.0, decay + uptake, 20.0, ("no_flux",) * dims)
        steady = steady_state(matrix, constant + source.ravel(), shape)
        assert relative_error(fields.frame("ros"), steady) <= 0.01
        assert old is None or relative_error(old, steady) > 0.1
        old = steady
    assert fields.mass_error("ros") <= 1e-5


def test_a_field_that_does_not_diffuse_follows_the_local_equation():
    """u' = S - (decay + uptake) u in each voxel by itself: debris under phagocytosis of up to 0.3/h."""
    fields = make_fields(configuration((9, 8), {"debris": field(D=0.0, half_life=840.0, unit="1", baseline=0.4)}))
    rng = np.random.default_rng(0)
    source, uptake = rng.random((9, 8)) * 0.1, rng.random((9, 8)) * 0.3
    fill(fields, "debris", source, uptake)
    for _ in range(10):
        fields.diffuse(STEP)
    rate = math.log(2) / 840 + uptake
    exact = source / rate + (0.4 - source / rate) * np.exp(-rate * 10 * STEP)
    np.testing.assert_allclose(fields.frame("debris"), exact, rtol=1e-4)


def test_a_point_source_reaches_the_bessel_profile():
    """In a slab of thickness b a source of rate q settles at q / (2 pi D b) K0(r / l), l = sqrt(D / k). Scenario `diffusion`."""
    n, diffusivity, decay = 101, 27.5 * 3600, math.log(2) * 6
    point = SimpleNamespace(x=1010.0, y=1010.0, z=None, amount=0.0, rate=3.6e6)
    tracer = field(D=diffusivity, half_life=1 / 6, molar_mass=26.0, sources={"point": point})
    fields = make_fields(configuration((n, n), {"tracer": tracer}))
    for _ in range(25):
        fields.source[:] = 0
        fields.release()
        fields.diffuse(STEP)
    r = np.hypot(*np.meshgrid(*[(np.arange(n) - n // 2) * 20.0] * 2))
    ring = (r > 70) & (r < 500)
    picograms_per_molecule = 26e3 / AVOGADRO * 1e12
    per_mL = 3.6e6 * picograms_per_molecule / (2 * np.pi * diffusivity * 20.0 * 1e-12)
    exact = per_mL * k0(r[ring] / math.sqrt(diffusivity / decay))
    np.testing.assert_allclose(fields.frame("tracer")[ring], exact, rtol=0.02)


def test_an_amount_at_the_start_is_all_there():
    """1e6 molecules in a voxel of 8000 um^3, in pg/mL, uM and units per mm^3."""
    point = SimpleNamespace(x=50.0, y=30.0, z=None, amount=1e6, rate=0.0)
    units = {"pg/mL": 1e6 * 52e3 / AVOGADRO * 1e12 / 8e-9, "uM": 1e6 / AVOGADRO * 1e6 / 8e-12, "1/mm3": 1e6 / 8e-6}
    fields = make_fields(configuration((6, 5), {name: field(unit=name, sources={"point": point}) for name in units}))
    for name, expected in units.items():
        frame = fields.frame(name)
        assert frame[1, 2] == pytest.approx(expected, rel=1e-6)
        assert np.count_nonzero(frame) == 1


# --- the rest of the interface ------------------------------------------------------------------------------------------


def test_a_value_that_is_not_finite_is_found():
    fields = make_fields(configuration((6, 7, 8), {"tnf": field(), "ifng": field()}))
    fields.diffuse(STEP)
    assert fields.check() is None
    fields.grid.inner(fields.source[1])[0, 4, 3, 2] = np.nan
    fields.diffuse(STEP)
    assert fields.check() == ("ifng", 50.0, 70.0, 90.0)


def test_what_others_put_into_a_field_is_no_error_of_its_budget():
    fields = make_fields(configuration((12, 10), {"tnf": field(baseline=1.0)}))
    fill(fields, "tnf", 5.0)
    fields.diffuse(STEP)
    fields.put("tnf", 40.0)
    fields.diffuse(STEP)
    assert fields.mass_error("tnf") <= 1e-5
    assert fields.frame("tnf").shape == (10 + 2, 12 - 2)


@pytest.mark.parametrize(
    "theta, message",
    [(-1.0, "not negative"), (np.nan, "finite"), (0.0, "above 0 somewhere"), (3.0, "outside the 0.5 to 2 stated")],
)
def test_an_impossible_diffusivity_is_refused(theta, message):
    fields = make_fields(configuration((6, 6), {"tnf": field()}))
    with pytest.raises(ValueError, match=f"fields.tnf: .*{message}"):
        fields.set_diffusivity("tnf", np.full(fields.grid.size, theta), (0.5, 2.0))


def test_an_empty_field_costs_nothing_and_changes_nothing():
    """A slab where a field is empty has the bits of one alone, whether or not another slab makes the solver run."""
    alone, both = (make_fields(configuration((12, 10), {"tnf": field()}), slabs) for slabs in (1, 2))
    source = points((12, 10), 3, np.random.default_rng(0), 100.0)
    for step in range(4):
        both.grid.inner(both.source[0])[1] = source
        if step == 2:
            for fields in (alone, both):
                fields.grid.inner(fields.source[0])[0] = source
        for fields in (alone, both):
            fields.diffuse(STEP)
        assert alone.frame("tnf").any() == (step >= 2)
        np.testing.assert_array_equal(alone.concentration[0], both.concentration[0, : both.grid.whole])
        assert alone.budget("tnf") == both.budget("tnf", 0)


def test_another_step_than_the_planned_one_is_refused():
    fields = make_fields(configuration((6, 6), {"tnf": field()}))
    with pytest.raises(ValueError, match=r"planned for a step of 0.1 h \(time.step\), not of 17 h"):
        fields.diffuse(17)


def test_a_quasi_steady_field_needs_a_half_life():
    with pytest.raises(ValueError, match=r"fields.ros: quasi_steady needs a half_life"):
        make_fields(configuration((6, 6), {"ros": field(half_life=None, quasi_steady=True)}))


def test_a_point_source_in_mass_units_needs_a_molar_mass():
    point = SimpleNamespace(x=50.0, y=30.0, z=None, amount=1.0, rate=0.0)
    with pytest.raises(ValueError, match="needs the field's molar_mass"):
        make_fields(configuration((6, 6), {"tnf": field(molar_mass=None, sources={"point": point})}))


# --- together -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("most", [1, 2, 10])
def test_fields_together_are_what_each_is_alone(most, monkeypatch):
    """Bit for bit, budgets too; with faces of fixed value, and beside fields that none can join."""
    many = {
        **three_fields(),
        "slow": field(D=30 * 3600.0, baseline=1.0),
        "held": field(faces={"x": "value", "y": "no_flux"}, value=3.0, baseline=1.0, quasi_steady=True, half_life=0.1),
        "round": field(faces={"x": "periodic", "y": "no_flux"}),
    }
    config = configuration((13, 17), many)
    alone, together = (make_fields(config, slabs=2) for _ in range(2))
    monkeypatch.setattr("abm.fields.LAUNCH_PAYS", most * alone.grid.size)
    groups = together._groups(range(len(many)))
    assert sorted(row for rows in groups for row in rows) == list(range(len(many)))
    assert max(map(len, groups)) == min(most, 5) and (alone.index["round"],) in groups
    together.recount()
    for step in range(3):
        for fields in (alone, together):
            shake(fields, np.random.default_rng(step))
        alone.diffuse(STEP)
        together._advanced = list(range(len(many)))
        for rows in groups:
            together._run_together(rows)
        together.take_stock()
        np.testing.assert_array_equal(together.concentration, alone.concentration)
        np.testing.assert_array_equal(together.state()["budget"], alone.state()["budget"])
    assert all(alone.concentration[row].std() > 0 for row in range(len(many)))


def test_fields_together_need_an_order():
    fields = make_fields(configuration((5, 6), three_fields()))
    few_first = sorted(fields.solvers, key=lambda solver: len(solver.tables[0]))
    with pytest.raises(ValueError, match="fewer and fewer stages"):
        Together(few_first, [])


def test_sums_of_many_lines_are_those_of_the_voxels():
    """Blocks of lines, and groups of blocks where these are many: each is what numpy sums, to float32."""
    for shape, slabs in (((300, 9), 2), ((256, 7), 1), ((23, 25, 6), 2), ((16 * 16 + 1, 5), 1)):
        fields = make_fields(configuration(shape, {"tnf": field(baseline=1.0)}), slabs=slabs)
        rng = np.random.default_rng(1)
        inner = fields.grid.inner(fields.concentration[0])
        inner[:] = rng.random(inner.shape)
        np.testing.assert_allclose(fields.means()[0], inner.reshape(slabs, -1).mean(axis=1, dtype=float), rtol=1e-6)
        assert np.ptp(fields.means()[0]) > 0 or slabs == 1
