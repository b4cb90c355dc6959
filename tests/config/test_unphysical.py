"""What no tissue can be is refused before anything runs, with the reason and the limit."""

import pytest

from abm.config import ConfigError, load

SMALL = ("grid.size=[400, 400]", "tissue.venules.positions.central={x: 200, y: 200}")
PLAQUE = "tissue.plaques={p: {at: {x: 100, y: 100}, radius: 50, "


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        # laws
        (["laws.t_cells.die.terms.slow.base=-1 1/day"], "laws.th1.die.terms.slow.base = -1 1/day must be at least 0 in a rate"),
        (["laws.macrophage.secrete_tnf.terms.output.base=-1"], "output.base = -1 molecules/s must be at least 0 in a secretion"),
        (["laws.macrophage.speed.terms.walk.base=-1"], "speed.terms.walk.base = -1 um/min must be at least 0 in a speed"),
        (["laws.macrophage.secrete_tnf.times.il10.to=-1"], "secrete_tnf.times.il10.to = -1 must be at least 0 in a secretion"),
        (["laws.macrophage.bias.at_most=5"], "laws.macrophage.bias.at_most = 5 is a share of the speed, at most 1"),
        (["laws.macrophage.bias.at_most=-1"], "laws.macrophage.bias.at_most = -1 must be at least 0 in a bias"),
        (["laws.opc.divide.terms.more.base=1e6 1/day"], "a chance of 1.00 per step, at most 0.5 is allowed"),
        (["laws.venule.enter_macrophage.terms.more.base=1e12"], "cells/mm^3 in a step of 6 min, above the 282942 that fit"),
        (["laws.microglia.alarm.terms.ifng.times.ifng.half=0"], "ifng.half = 0 must be above 0"),
        # fields
        (["fields.tnf.D=-1"], "fields.tnf.D = -1 um^2/s must be at least 0"),
        (["fields.tnf.D=1e9"], "fields.tnf.D = 1000000000 um^2/s is too fast to follow in steps of 6 min; set quasi_steady"),
        (["fields.tnf.half_life=-1"], "fields.tnf.half_life = -1 min must be above 0"),
        (["fields.tnf.half_life=1e-6 s"], "fields.tnf.half_life = 1e-06 s is too fast to follow in steps of 6 min"),
        (["fields.ros.half_life=null"], "fields.ros is quasi_steady and needs a half_life"),
        (["fields.tnf.molar_mass=0"], "fields.tnf.molar_mass = 0 kDa must be above 0"),
        (["fields.tnf.baseline=-1"], "fields.tnf.baseline = -1 must be at least 0"),
        # room
        (["cells.macrophage.max_density=1e12"], "max_density = 1e+12 cells/mm^3 is above the 282942 cells/mm^3 that"),
        (["cells.opc.max_density=10"], "cells.opc.initial_density = 7000 cells/mm^3 is above its max_density of 10"),
        (["cells.macrophage.initial_density=1e8"], "is less than the 177 that motile cells fill at the start"),
        (["cells.oligodendrocyte.initial_density=1e7"], "has no room for the 1.0031e+07 cells/mm^3 there at the start"),
        ([PLAQUE + "cells: {macrophage: 1e8}}}"], "= 1e+08 cells/mm^3, with 0 already there, is above the 282942"),
        ([PLAQUE + "cells: {opc: 2.45e5}}}"], "p.cells.opc = 245000 cells/mm^3, with 7000 already there, is above the 250000"),
        (["cells.macrophage.diameter=500"], "cells.macrophage.diameter = 500 um makes a cell of 8.18e+03 voxels, more than 64"),
        (["msc.niche_cap=1e12", "therapy.msc.dose=1", "therapy.msc.day=0"], "msc.niche_cap = 1e+12 cells/mm^3 is above the 119366"),
        (["therapy.msc.dose=1e15", "therapy.msc.day=0", "therapy.msc.route=intravenous"], "is above the 119366 cells/mm^3"),
        (["therapy.msc.dose=1e9", "therapy.msc.day=0", "therapy.msc.route=local"], "is above the 119366 cells/mm^3 that fit"),
        # tissue
        (["tissue.g_ratio=1"], "tissue.g_ratio = 1 is outside above 0 to 0.99"),
        (["tissue.axon_diameter=100"], "of 100 um would fill 1.51e+03 of every plane, at most 1"),
        (["tissue.sheath_density=1"], "is 8e-06 in a voxel, which must hold 1 to 16777216"),
        (["tissue.sheaths_per_oligodendrocyte=0.1"], "sheaths_per_oligodendrocyte = 0.1 is outside 1 to 1000"),
        (["tissue.sheaths_per_oligodendrocyte=10"], "is more than the 828000 sheaths/mm^3 that the oligodendrocytes"),
        (["cells.oligodendrocyte.initial_density=3e4"], "can hold, 33 each: healthy tissue would begin as a lesion"),
        (["tissue=null"], "cells.oligodendrocyte hold the sheaths of a section 'tissue', which is not there"),
        (["tissue.venules.positions.central={x: 200, y: 200, z: 3}"], "central.z = 3 um has no meaning in 2D"),
        (["name=../../x"], "name = '../../x' must name a folder of its runs"),
        (["name=" + 101 * "a"], "must name a folder of its runs: at most 100 characters"),
        (["tissue.sheath_reach=1e8"], "tissue.sheath_reach = 100000000 um is longer than the domain (400 um)"),
        (["tissue.venules.spacing=1"], "tissue.venules.spacing = 1 um is less than grid.voxel = 20 um"),
        (["tissue.conduction.myelinated_velocity=0"], "myelinated_velocity = 0 m/s must be above 0"),
        ([PLAQUE + "myelin: 2}}"], "tissue.plaques.p.myelin = 2 is outside 0 to 1"),
        (["tissue.trigger.windows.onset={from: 5, to: 2}"], "windows.onset.to = 2 must be later than 'from'"),
        # venules without laws are not there
        (["laws.venule=null"], "windows.onset.venule = 'central' has no laws to act by; keep laws.venule, or remove the window"),
        (["laws=null", "tissue.trigger.relapses={rate: 1, length: 1}"], "relapses begin at venules, which have no laws to"),
        (["laws=null", "therapy.msc.dose=1e6"], "route = 'intrathecal' has no venule to enter by: venules have no laws"),
        (["output.profile_width=1e-4"], "output.profile_width = 0.0001 um makes 5.66e+06 rings, at most 10000"),
        (["grid.voxel=0.5", "grid.size=[40000, 40000]"], "voxels needs about"),
    ],
)  # fmt: skip
def test_it_is_refused_with_the_reason(overrides, sentence):
    with pytest.raises(ConfigError) as refused:
        load("acute", overrides=[*SMALL, *overrides])
    assert any(sentence in message for message in refused.value.messages), refused.value.messages


def test_an_accuracy_that_no_plan_reaches_is_refused_by_the_model(small_config):
    from abm import LesionModel

    with pytest.raises(ConfigError, match=r"fields\.tnf: an accuracy of 1e-12 needs more than 400 substeps"):
        LesionModel(small_config("fields.accuracy=1e-12"))
