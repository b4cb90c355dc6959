"""The periphery against closed forms: lung, suppression, blood counts, priming, CSF; and who comes in because of it."""

import math

import numpy as np
import pytest

from abm import LesionModel, load
from abm.config.vocabulary import MECHANISMS
from kernels.device import Machine

TINY = ("grid.size=[200, 200]", "tissue.venules.positions.central={x: 100, y: 100}", "time.days=1")
IV = ("therapy.msc.dose=1e6", "therapy.msc.route=intravenous")
IT = ("therapy.msc.dose=1e6", "therapy.msc.route=intrathecal")


@pytest.fixture
def tiny():
    """Build a lesion of 0.2 x 0.2 mm around one venule."""

    def make(*overrides, scenario="demo", seeds=None):
        return LesionModel(load(scenario, overrides=[*TINY, *overrides]), Machine("cpu", 1), seeds)

    return make


def after(model, steps):
    for _ in range(steps):
        model.step()
    return model


def pass_days(model, days, begin=0.0):
    """Let only the periphery of a model live for some days."""
    step = model.step_hours
    for number in range(round(days * 24 / step)):
        model.peripheries[0].advance(24 * begin + number * step)
    return model.peripheries[0]


def entry(model, hours=0.0):
    """The factors on entry by kind, of the first slab."""
    return dict(zip(model.peripheries[0].kinds, model.peripheries[0].entry(hours)[0]))


# --- closed forms -------------------------------------------------------------------------------------------------------


def test_an_intravenous_dose_decays_in_lung_and_blood(tiny):
    """N = 0.9 n 2^(-t/12 h) in the lung, 2e-4 n exp(-t/16 h) in the blood: 95 % of these are gone after 48 h."""
    model = after(tiny(*IV, "therapy.msc.day=0"), 100)
    read = model.measure()
    assert read["msc.lung"] == pytest.approx(0.9e6 * 2 ** (-10 / 12), rel=1e-12)
    assert read["msc.blood"] == pytest.approx(2e-4 * 1e6 * math.exp(-10 / 16), rel=1e-12)
    pass_days(model, 48 / 24 - 10 / 24, begin=10 / 24)
    assert model.peripheries[0].blood[0] == pytest.approx(200 * math.exp(-3), rel=1e-9)


@pytest.mark.parametrize(("dose", "expected"), [("1e6", 0.4), ("5e5", 0.4 / 1.5), ("1e7", 8 / 11), ("1 dose", 0.4)])
def test_suppression_follows_the_dose_and_halves_every_week(tiny, dose, expected):
    """s(t) = 0.4 x 2 d / (1 + d) x 2^(-t/7 d), d = dose / 1e6; it multiplies the entry of every kind by 1 - s."""
    model = tiny(*IV, "therapy.msc.day=0", f"therapy.msc.dose={dose}")
    model.therapy.infuse(0.0)
    assert model.peripheries[0].suppression[0] == pytest.approx(expected)
    pass_days(model, 7)
    assert model.peripheries[0].suppression[0] == pytest.approx(expected / 2)
    factors = entry(model)
    for kind in ("th1", "th17", "cd8", "treg", "b_cell", "dendritic", "macrophage", "neutrophil"):
        assert factors[kind] == pytest.approx(1 - expected / 2)


def test_two_doses_suppress_as_two_independent_causes(tiny):
    """1 - (1 - a)(1 - b)."""
    model = tiny(*IV, "therapy.msc.dose=null", "therapy.msc.doses={a: {dose: 1e6}, b: {dose: 5e5}}")
    model.therapy.infuse(0.0)
    assert model.peripheries[0].suppression[0] == pytest.approx(1 - (1 - 0.4) * (1 - 0.4 / 1.5))


@pytest.mark.parametrize(
    ("mechanism", "kinds"),
    [
        ("t_cell_suppression", {"th1", "th17", "cd8", "treg"}),
        ("b_cell_suppression", {"b_cell"}),
        ("dendritic_suppression", {"dendritic"}),
        ("macrophage_suppression", {"macrophage"}),
        ("netosis_inhibition", {"neutrophil"}),
    ],
)
def test_a_mechanism_switches_off_its_part_of_the_suppression(tiny, mechanism, kinds):
    model = tiny(*IV, "therapy.msc.day=0", f"therapy.msc.mechanisms.{mechanism}=off")
    model.therapy.infuse(0.0)
    suppressed = {kind for kind, factor in entry(model).items() if factor < 1}
    assert suppressed == {"th1", "th17", "cd8", "treg", "b_cell", "dendritic", "macrophage", "neutrophil"} - kinds


def test_blood_recovers_after_a_transplantation(tiny):
    """1 - 0.99 x 2^(-t/t12), t12 of CD8 75, of CD4 270, of B cells 90 days; clones x 0.1, Treg x 1.7; myeloid in a month."""
    model = tiny("therapy.ahsct.day=0")
    begin, end = 0.0, 30.0
    pass_days(model, end - begin)
    factors = entry(model)
    assert factors["cd8"] == pytest.approx(0.1 * (1 - 0.99 * 2 ** (-end / 75)))
    assert factors["th1"] == factors["th17"] == pytest.approx(0.1 * (1 - 0.99 * 2 ** (-end / 270)))
    assert factors["treg"] == pytest.approx(1.7 * (1 - 0.99 * 2 ** (-end / 270)))
    assert factors["b_cell"] == pytest.approx(1 - 0.99 * 2 ** (-end / 90))
    assert factors["macrophage"] == pytest.approx(1 - 0.95 * 2 ** (-end / 7)) and factors["macrophage"] > 0.95


def test_a_transplantation_removes_half_of_the_lymphocytes_of_the_tissue(tiny):
    """Each by its own chance, once; macrophages stay. The regimen says how many."""
    for regimen, share in (("low", 0.1), ("intermediate", 0.5), ("high", 0.9)):
        model = tiny(f"therapy.ahsct={{day: 0, regimen: {regimen}}}", seeds=[1, 2])
        x = np.linspace(5, 195, 1000)
        for kind in ("cd8", "treg", "macrophage"):
            for slab in (0, 1):
                model.population[kind].place_cells(x, x, 0 * x, slab)
        before = {kind: model.population[kind].n for kind in ("cd8", "treg", "macrophage")}
        model.peripheries[0].advance(0.0)
        model.peripheries[0].advance(0.1)
        for kind in ("cd8", "treg"):
            left = model.population[kind].n
            assert abs(left - before[kind] * (1 - share)) < 5 * math.sqrt(before[kind] * share * (1 - share))
        assert model.population["macrophage"].n == before["macrophage"]
        assert [event["kind"] for event in model.events] == ["ahsct", "ahsct"]


def test_antibodies_against_cd20_empty_the_blood_of_b_cells(tiny):
    """N -> 0.01 with a half-time of 2 days, below 0.02 after two weeks; after the last dose back with one of 90 days."""
    model = tiny("therapy.anti_cd20={day: 1, until: 15}")
    pass_days(model, 1)
    assert entry(model)["b_cell"] == 1
    pass_days(model, 14, begin=1)
    left = 0.01 + 0.99 * 2**-7
    assert entry(model)["b_cell"] == pytest.approx(left) and left < 0.02
    pass_days(model, 90, begin=15)
    assert entry(model)["b_cell"] == pytest.approx(1 - (1 - left) / 2)
    assert entry(model)["th1"] == 1


@pytest.mark.parametrize(
    ("name", "factors"),
    [
        (
            "natalizumab",
            dict.fromkeys(("th1", "th17", "cd8", "treg", "b_cell", "dendritic", "macrophage"), 0.2) | {"neutrophil": 1},
        ),
        ("dimethyl_fumarate", {"th1": 0.6, "th17": 0.6, "cd8": 0.6, "treg": 1, "macrophage": 1, "b_cell": 1}),
    ],
)
def test_drugs_keep_cells_out_while_they_are_given(tiny, name, factors):
    model = tiny(f"therapy.{name}={{day: 0.1, until: 0.3}}")
    for hours, given in ((0, False), (2.4, True), (7.1, True), (7.2, False)):
        now = entry(model, hours)
        assert {kind: now[kind] for kind in factors} == (factors if given else dict.fromkeys(factors, 1))


def test_comparators_multiply_each_other_and_the_suppression(tiny):
    model = tiny(*IV, "therapy.msc.day=0", "therapy.natalizumab.day=0", "therapy.dimethyl_fumarate.day=0")
    model.therapy.infuse(0.0)
    assert entry(model)["th1"] == pytest.approx(0.2 * 0.6 * (1 - 0.4))
    model.peripheries[0].offer(0.0)
    assert model.laws.row("system.entry.th1").max() == np.float32(entry(model)["th1"])
    assert model.laws.row("system.entry.th1").min() == np.float32(entry(model)["th1"])


def test_dimethyl_fumarate_lowers_the_h2o2_of_cells_and_costs_nothing_else(tiny):
    """A quarter less from phagocytes; without the drug the tables of the laws hold no line for it."""
    without, given = tiny(), tiny("therapy.dimethyl_fumarate.day=0")
    assert "system.drug.dimethyl_fumarate" not in without.laws
    sources = {}
    for name, model in (("without", without), ("given", given)):
        model.population["macrophage"].place_cells([50.0], [50.0], [0.0], 0)
        model.laws.row("source.ros")[:] = 0
        model._sense()
        sources[name] = model.laws.row("source.ros").astype(float).copy()
    made = {name: each.max() - np.median(each[each > 0]) for name, each in sources.items()}
    assert made["given"] == pytest.approx(0.75 * made["without"], rel=1e-4) and made["without"] > 0
    from experiments.info import law_lines

    assert any("drug.dimethyl_fumarate" in line for line in law_lines(without.config, "macrophage"))


def test_priming_is_logistic(tiny):
    """E = 1 / (1 + (1/E0 - 1) exp(-r t)), half on day 9; it scales effector T cells and nothing else."""
    expansion = "periphery.expansion={initial: 0.01, half: 9, to: {th1: 1, th17: 1, cd8: 1}}"
    model = tiny(expansion)
    for day in (3, 9, 20):
        model = tiny(expansion)
        pass_days(model, day)
        exact = 1 / (1 + 99 * math.exp(-math.log(99) / 9 * day))
        factors = entry(model)
        assert factors["th1"] == factors["cd8"] == pytest.approx(exact)
        assert factors["treg"] == factors["macrophage"] == 1
    assert 1 / (1 + 99 * math.exp(-math.log(99))) == pytest.approx(0.5)


def test_csf_reaches_the_balance_of_inflow_and_turnover(tiny):
    """C = baseline + flow V / (V_csf turnover) x (mean of the tissue - baseline of the field), by exp(-turnover t)."""
    model = tiny()
    model.fields.put("ccl2", 2000.0)
    model.fields.put("tgfb", 20.0)  # below the healthy 60: nothing is drawn out of the CSF
    ratio = 0.15 * 50 / (40 * 12)
    pass_days(model, 0.1)
    settled = 450 + ratio * 2000
    level = dict(zip(model.peripheries[0].fields, model.peripheries[0].levels[0]))
    assert level["ccl2"] == pytest.approx(settled + (450 - settled) * math.exp(-12 * 0.1))
    assert level["tgfb"] == 80
    pass_days(model, 3)
    assert model.peripheries[0].readouts(0)["csf.ccl2"] == pytest.approx(settled)


# --- who comes in -------------------------------------------------------------------------------------------------------

WIDE = ("grid.size=[1400, 500]", "tissue.venules.spacing=null", "laws.msc.speed=null", "laws.msc.die=null")
TWO = "tissue.venules.positions={central: {x: 250, y: 250}, shut: {x: 1150, y: 250}}"


def come_in(model, steps):
    """Let only the periphery act, for some steps, on a model whose venules stay as they are."""
    for step in range(1, steps + 1):
        model.steps = step
        model.therapy.infuse(model.hours - model.step_hours)
        model.peripheries[0].advance(model.hours - model.step_hours)
    return model.population["msc"].columns()


def test_intravenous_cells_come_through_open_barriers_only(tiny):
    """Poisson, n x 2e-4 / 10 mm3 x served volume x b; near that venule; none before it opens."""
    model = tiny(*WIDE, TWO, *IV, "therapy.msc.dose=5e8", "therapy.msc.day=0", "time.days=3")
    assert len(come_in(model, 30)["uid"]) == 0
    model.venules.state("bbb")[model.venules.uid[:2] == 1] = 0.5
    begin = model.peripheries[0].blood[0]
    columns = come_in(model, 500)
    served = float(model.peripheries[0].homing.served[0])
    expected = (begin - model.peripheries[0].blood[0]) / 10 * served * 0.5
    assert abs(len(columns["uid"]) - expected) < 5 * math.sqrt(expected) and expected > 20
    assert np.hypot(columns["x"] - 250, columns["y"] - 250).max() < 60 + 20 * 2**0.5


def test_intrathecal_cells_come_out_around_every_venule_and_number_what_was_mapped(tiny):
    """n x 0.05 / 50 mm3 x served volume altogether, its fraction by chance; 95 % within a day; within 100 um of venules."""
    model = tiny(*WIDE, TWO, *IT, "therapy.msc.dose=2.5e6", "therapy.msc.day=0")
    homing = model.peripheries[0].homing
    mapped = 2500 * homing.served
    columns = come_in(model, 241)
    within_a_day = len(columns["uid"])
    assert within_a_day == pytest.approx(mapped.sum() * (1 - math.exp(-3)), abs=2)
    columns = come_in(model, 2000)
    side = columns["x"] > 700
    assert [np.sum(~side), np.sum(side)] == [pytest.approx(each, abs=1) for each in mapped]
    away = np.hypot(columns["x"] - np.where(side, 1150, 250), columns["y"] - 250)
    assert away.max() < 100 + 20 * 2**0.5
    assert len(set(columns["uid"])) == len(columns["uid"]) > 30


def test_the_mapped_number_is_right_on_average(tiny):
    """0.8 cells are to come at a venule: one comes in four slabs of five."""
    model = tiny(*IT, "therapy.msc.dose=1e6", "therapy.msc.day=0", seeds=list(range(1, 61)))
    come_in(model, 500)
    mapped = 1000 * float(model.peripheries[0].homing.served[0])
    assert mapped == pytest.approx(0.8)
    assert abs(model.population["msc"].n - 60 * mapped) < 4 * math.sqrt(60 * 0.8 * 0.2)


def test_no_more_settle_than_the_niche_holds(tiny):
    """The cap counts those that are there, whenever they came: 3000 per mm3 of the tissue that a venule serves."""
    size = ("grid.size=[400, 400]", "tissue.venules.positions.central={x: 200, y: 200}")
    doses = "therapy.msc.doses={many: {dose: 1e8, day: 0}, more: {dose: 1e8, day: 1}}"
    model = tiny(*size, "laws.msc.speed=null", "laws.msc.die=null", "therapy.msc.route=intrathecal", doses)
    cap = 3000 * 400 * 400 * 20e-9
    for _ in range(20):
        come_in(model, 1)
        assert model.population["msc"].n <= cap
    come_in(model, 300)
    assert model.population["msc"].n == math.floor(cap)
    model = tiny(*size, "therapy.msc.route=intrathecal", doses)
    x = np.linspace(10, 390, 50)
    model.population["msc"].place_cells(x, x, 0 * x, 0)
    come_in(model, 50)
    assert model.population["msc"].n == 50


def test_no_cells_without_tissue_around_the_venule(small_model):
    """In three dimensions and in slabs, arrivals lie in the tissue and carry the states of their source."""
    model = small_model(
        *IT, "therapy.msc.dose=3e6", "therapy.msc.day=0", "therapy.msc.donor=ms_patient", "grid.size=[200, 200, 100]",
        "tissue.venules.positions.central={x: 100, y: 100, z: 50}", seeds=[4, 1],
    )  # fmt: skip
    columns = come_in(model, 200)
    assert len(columns["uid"]) > 10
    for axis, end in zip("xyz", (200, 200, 100)):
        assert columns[axis].min() >= 0 and columns[axis].max() <= end
    np.testing.assert_allclose(columns["trophic"], 0.6)


# --- the run ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("route", ["intravenous", "intrathecal"])
def test_a_run_stopped_in_the_middle_of_a_dose_goes_on_to_the_same_digest(tiny, route):
    """Also with comparators, priming and relapses."""
    given = (
        "therapy.msc.dose=3e8", f"therapy.msc.route={route}", "therapy.msc.day=0.1", "therapy.natalizumab={until: 0.2}",
        "therapy.ahsct.day=0.15", "tissue.trigger.relapses={rate: 1000, length: 0.05}",
        "periphery.expansion={initial: 0.1, half: 1, to: {th1: 1}}",
    )  # fmt: skip
    model = after(tiny(*given, seeds=[3, 1]), 40)
    state = model.state()
    end = after(model, 40).digest(1)
    assert model.population["msc"].n > 0
    other = tiny(*given, seeds=[3, 1])
    other.restore(state)
    assert after(other, 40).digest(1) == end
    assert after(tiny(*given), 80).digest() == end


LATER = ("therapy.msc.dose=1e6", "therapy.msc.day=1")


@pytest.fixture(scope="module")
def untreated():
    return after(LesionModel(load("demo", overrides=[*TINY, *LATER]), Machine("cpu", 1)), 20).digest()


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_without_msc_no_switch_changes_anything(tiny, untreated, mechanism):
    assert after(tiny(f"therapy.msc.mechanisms.{mechanism}=off", *LATER), 20).digest() == untreated


@pytest.fixture(scope="module")
def inflamed():
    """Run three hours of an inflamed tissue with every kind of immune cell and licensed MSCs; return the digest."""

    def make(*overrides):
        given = ("therapy.msc.dose=30", "therapy.msc.route=local", "therapy.msc.day=0", "therapy.msc.pretreatment=ifng")
        model = LesionModel(load("demo", overrides=[*TINY, *given, *overrides]), Machine("cpu", 1))
        for field, level in {"tnf": 2000, "ifng": 2000, "il10": 100, "debris": 0.5, "ros": 1, "pge2_msc": 2e4}.items():
            model.fields.put(field, level)
        x = np.linspace(1, 199, 150)
        for kind in ("th1", "th17", "cd8", "treg", "b_cell", "dendritic", "macrophage", "neutrophil"):
            model.population[kind].place_cells(x, (x * 37) % 200, 0 * x, 0)
        return after(model, 30).digest()

    return make


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_with_msc_every_switch_changes_the_run(inflamed, with_all_mechanisms, mechanism):
    assert inflamed(f"therapy.msc.mechanisms.{mechanism}=off") != with_all_mechanisms


@pytest.fixture(scope="module")
def with_all_mechanisms(inflamed):
    return inflamed()


@pytest.mark.parametrize("name", ["ahsct", "anti_cd20", "natalizumab", "dimethyl_fumarate"])
def test_a_comparator_makes_another_run(tiny, name):
    untreated = after(tiny(), 2)
    treated = after(tiny(f"therapy.{name}.day=0", "therapy.msc.dose=5", "therapy.msc.route=local"), 2)
    assert treated.digest() != untreated.digest()
    treated.check()


# --- relapses -----------------------------------------------------------------------------------------------------------


def test_relapses_are_a_poisson_process_at_the_named_venules(tiny):
    """5 per year in each slab; each venule as often; the trigger is 1 at that venule for as long as stated."""
    model = tiny(*WIDE, TWO, "tissue.trigger.relapses={rate: 5, length: 4}", seeds=list(range(1, 41)))
    year = 365 * 24.0
    found = [list(model.trigger.beginning(slab, 0.0, 10 * year)) for slab in range(40)]
    count = sum(len(each) for each in found)
    assert abs(count - 2000) < 5 * math.sqrt(2000)
    waits = np.concatenate([np.diff([0.0, *(begin for begin, _ in each)]) for each in found])
    assert np.quantile(waits, 0.5) == pytest.approx(math.log(2) / 5 * year, rel=0.1)
    central = sum(venule == "central" for each in found for _, venule in each)
    assert abs(central - count / 2) < 5 * math.sqrt(count) / 2
    begin, venule = found[3][0]
    place = {"central": 1, "shut": 2}[venule]
    row = model.laws.row("system.trigger")
    here = model.venules.voxel[: model.venules.n][model.venules.uid[: model.venules.n] == place]
    others = [each for each, name in found[3] if name == venule and begin < each < begin + 200]
    for hours, on in ((begin - 0.1, 0), (begin + 0.1, 1), (begin + 95.9, 1), (begin + 96.1, 0)):
        model.trigger.set(hours)
        if not others:
            assert row[here[3]] == on, hours


def test_relapses_are_told_once_and_do_not_depend_on_the_therapy(tiny):
    relapses = "tissue.trigger.relapses={rate: 2000, length: 0.1}"
    alone = after(tiny(relapses), 60).events
    treated = after(tiny(relapses, *IT, "therapy.msc.day=0", "time.days=9"), 60).events
    assert [event for event in treated if event["kind"] == "relapse"] == alone
    begun = [begin / 24 for begin, _ in tiny(relapses).trigger.beginning(0, 0.0, 5.9)]
    assert [event["day"] for event in alone] == [round(day, 4) for day in begun] and len(begun) > 0
