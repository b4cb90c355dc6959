"""Slabs that follow different configs: each is its run alone, though therapies, laws and what is outside differ."""

import numpy as np
import pytest

from abm.alike import shared
from abm.model import LesionModel
from kernels.device import Machine

TINY = ("grid.size=[200, 200]", "tissue.venules.positions.central={x: 100, y: 100}")
MSC = ("therapy.msc.route=intrathecal", "therapy.msc.dose=1e7", "therapy.msc.day=0")
ARMS = {
    "untreated": (),
    "msc": MSC,
    "primed": (*MSC, "therapy.msc.pretreatment=ifng", "therapy.msc.day=0.05", "msc.niche_cap=2e4 1/mm3"),
    "several": (
        "therapy.msc.doses={msc: {day: 0.1, dose: 20, route: local}, iv: {day: 0, dose: 1e9, route: intravenous}}",
        "therapy.ahsct.day=0.15",
    ),
    "drug": ("therapy.dimethyl_fumarate.day=0.05", "therapy.natalizumab.day=0"),
    # values of a term, of a factor that other laws have too, and a term that goes
    "laws": (
        "laws.opc.speed.terms.walk.base=0.2 um/min",
        "laws.macrophage.secrete_tnf.times.il10.half=30 pg/mL",
        "laws.opc.differentiate.terms.baseline.base=0 1/day",
    ),
    # other stages of the solver, another value of its faces, an uptake that bounds them, a source
    "fields": (
        "fields.tnf.D=60 um2/s",
        "fields.il10.half_life=2 min",
        "fields.ccl2.baseline=30 pg/mL",
        "laws.opc.uptake_tnf.terms.receptors.base=9000 um3/s",
        "fields.accuracy=0.005",
        "fields.bdnf.sources={pump: {x: 100, y: 100, rate: 1000 molecules/s}}",
    ),
    "no_treg_induction": (*MSC, "therapy.msc.mechanisms.treg_induction=off"),
    "subject": (*MSC, "subject.engaged_volume=50000 mm3", "periphery.time_in_csf=20 h"),
}
STEPS = 90


@pytest.fixture(scope="module")
def configs(small_config):
    return {name: small_config(*TINY, *overrides) for name, overrides in ARMS.items()}


def stepped(config, steps=STEPS, seeds=None, machine=None):
    model = LesionModel(config, machine, seeds)
    for _ in range(steps):
        model.step()
    return model


@pytest.fixture(scope="module")
def alone(configs):
    return {name: stepped(config, seeds=[number]) for number, (name, config) in enumerate(configs.items())}


@pytest.fixture(scope="module")
def together(configs):
    return stepped(list(configs.values()), seeds=range(len(configs)))


def test_all_of_these_go_together(configs):
    first = shared(configs["untreated"])
    assert [name for name, config in configs.items() if shared(config) != first] == []


def test_each_slab_is_its_run_alone(alone, together):
    for slab, (name, model) in enumerate(alone.items()):
        mine, own = together.states()[slab], model.state()
        assert mine.keys() == own.keys(), name
        for key, array in own.items():
            np.testing.assert_array_equal(mine[key], array, f"{name}: {key}")
        assert together.digest(slab) == model.digest(), name
        assert {key: repr(value) for key, value in together.measure(slab).items()} == {
            key: repr(value) for key, value in model.measure().items()
        }
        assert [{**event, "slab": 0} for event in together.events if event["slab"] == slab] == model.events, name


def test_the_arms_do_differ(alone, together):
    """Else equal digests would say nothing: every therapy acted, and every law."""
    ends = {name: {key: array for key, array in m.state().items() if key[:6] == "fields"} for name, m in alone.items()}
    for name in ("msc", "primed", "several", "laws", "fields"):
        other = stepped(alone["untreated"].config, seeds=[list(ARMS).index(name)])
        same = {key: np.array_equal(array, other.state()[key]) for key, array in ends[name].items()}
        assert not all(same.values()), name
    slabs = together.grid.slabs
    drug, entry = (
        together.laws.row(f"system.{name}").reshape(slabs, -1) for name in ("drug.dimethyl_fumarate", "entry.th1")
    )
    given = list(ARMS).index("drug")
    assert [slab for slab in range(slabs) if drug[slab].any()] == [given]
    assert entry[given].max() < 0.5 < entry[0].max()
    assert len(together.laws.tables) >= 3 and len(together.arms) == len(ARMS)
    assert {event["kind"] for event in together.events} == {"dose", "ahsct"}


def test_arms_of_several_replicates_on_two_threads(configs, alone):
    """Neighbouring slabs with one config are an arm; those with equal laws share their tables."""
    names = ["untreated", "msc", "msc", "fields"]
    numbers = [list(ARMS).index(name) for name in names]
    several = stepped(
        [configs[name] for name in names], seeds=[numbers[0], numbers[1], 50, numbers[3]], machine=Machine("cpu", 2)
    )
    assert [len(arm) for arm in several.arms] == [1, 2, 1] and len(several.laws.tables) == 2
    assert [len(arm) for arm in several.fields.arms] == [3, 1]
    for slab in (0, 1, 3):
        assert several.digest(slab) == alone[names[slab]].digest()


def test_the_states_of_arms_go_on_in_another_order(configs, alone):
    """Also where one of them stood at its beginning with doses that the others do not know."""
    names = ["drug", "several", "untreated", "laws"]
    numbers = [list(ARMS).index(name) for name in names]
    half = {name: stepped(configs[name], 40, [number]).states()[0] for name, number in zip(names, numbers)}
    model = LesionModel([configs[name] for name in names], seeds=numbers)
    model.restore(*half.values())
    while model.steps < STEPS:
        model.step()
    assert [model.digest(slab) for slab in range(4)] == [alone[name].digest() for name in names]


@pytest.mark.parametrize(
    "override",
    [
        "grid.size=[220, 200]",
        "time.step=0.05 h",
        "fields.vegf=null",
        "cells.opc.initial_density=100 1/mm3",
        "tissue.motile_fill=0.3",
        "laws.th1.become_treg=null",
        "laws.microglia.alarm.rise=3 h",
        "subject.csf_volume=null",
        "output.measures_every=3 h",
    ],
)
def test_what_slabs_share_keeps_arms_apart(small_config, configs, override):
    assert shared(configs["untreated"]) != shared(small_config(*TINY, override))
