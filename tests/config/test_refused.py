"""Bad configs: every problem at once, each with where, what was given, what is allowed, and the nearest name."""

import pytest

from abm.config import ConfigError, refusals

FIRST = "schema: 1\nextends: dish\n"


def test_all_problems_of_a_file_are_told_at_once_in_the_order_of_its_lines(complaints, written):
    mine = written(
        FIRST
        + """therapy:
  msc:
    doze: 1e6
    dose: -1
fields:
  tnf: {D: 9 um/s, source: stroh2003}
cells:
  th1: {motile: off}
grid: {voxel: 20 s}
laws:
  th1:
    divde: {type: rate}
    activate: {times: {pge2: {signal: pge2_totl, mechanism: t_cell_supression}}}
signal: {}
"""
    )
    found = [message.split("mine.yaml:")[1] for message in complaints(mine)]
    assert found == [
        "5: unknown key 'therapy.msc.doze'; did you mean 'therapy.msc.dose'?",
        "6: therapy.msc.dose = -1 cells is outside 0 to 1e+15 (cells given per infusion)",
        "8: fields.tnf.D = '9 um/s' has dimension length/time, expected length^2/time, such as um^2/s",
        "8: unknown key 'fields.tnf.source'; did you mean 'fields.tnf.sources'?",
        "10: cells.th1.motile = 'off' must be true or false; in YAML 1.2 'off' is text, so write false",
        "11: grid.voxel = '20 s' has dimension time, expected length, such as um",
        "14: unknown key 'laws.th1.divde': th1 has no such behaviour; did you mean 'laws.th1.divide'?",
        "15: laws.th1.activate.times.pge2.signal = 'pge2_totl' is no signal; did you mean 'pge2_total'?",
        "15: laws.th1.activate.times.pge2.mechanism = 't_cell_supression' is not one of t_cell_suppression, "
        "b_cell_suppression, dendritic_suppression, macrophage_suppression, treg_induction, m2_polarisation, "
        "trophic_factors, opc_recruitment, cytokine_reduction, ros_scavenging, netosis_inhibition; "
        "did you mean 't_cell_suppression'?",
        "16: unknown key 'signal'; did you mean 'signals'?",
    ]


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        # keys and values
        ("fields.tfn.D=30", "missing key 'fields.tfn.label'; or did you mean 'fields.tnf'?"),
        ("time.days=five", "time.days = 'five' is not a quantity"),
        ("time.days=.nan", "time.days = nan is not a finite number"),
        ("time.days=0", "time.days = 0 day is outside above 0 to 100000 (length of the run)"),
        ("time.days=null", "missing key 'time.days' (length of the run, unit day)"),
        ("time.step=6 mni", "time.step = '6 mni': unknown unit 'mni'; did you mean 'min'?"),
        ("time=3", "time = 3 must be a map of keys and values"),
        ("cells.th1.label=5", "cells.th1.label = 5 must be text"),
        ("cells.th1.colour=red", "cells.th1.colour = 'red' is no colour"),
        ("cells.Th2={}", "cells.Th2: a name is small letters, digits and _"),
        ("cells.tissue={}", "cells.tissue: 'tissue' is already an owner of laws"),
        ("fields.t_effector={}", "fields.t_effector: 't_effector' is already a signal"),
        ("fields.tnf.unit=pg/l", "fields.tnf.unit = 'pg/l' is not one of pg/mL, uM, 1/mm3, '1'"),
        ("fields.tnf.baseline=-1", "fields.tnf.baseline = -1 must be at least 0"),
        ("fields.accuracy=2", "fields.accuracy = 2 must be a number above 0 and at most 1"),
        ("fields.tnf.D={value: 3, units: um^2/s}", "unknown key 'fields.tnf.D.units'; did you mean 'fields.tnf.D.unit'?"),
        ("fields.pge2.D={unit: um^2/s}", "fields.pge2.D has no value; write a number and a unit, such as 1 um^2/s"),
        ("fields.pge2.D={value: 3 um, unit: mm}", "fields.pge2.D.value = '3 um' has a unit, and 'unit' gives 'mm'"),
        ("fields.pge2.D=1e308", "fields.pge2.D = 1e+308 um^2/s is too large to compute with"),
        ("fields.tnf.D.low=1 um", "fields.tnf.D.low = '1 um' has dimension length, expected length^2/time"),
        ("fields.tnf.D.source=stro2003", "did you mean 'stroh2003'?"),
        ("fields.tnf.D.source=guess", "is no reference; write assumed, recalled or a key of references.yaml"),
        ("seed=1.5", "seed = 1.5 must be a whole number from 0 to 2^53 - 1, or random"),
        ("seed=-1", "seed = -1 must be a whole number"),
        ("title=[1]", "title must be text"),
        ("grid.size=400", "grid.size = 400 must be 2 or 3 lengths"),
        ("grid.size=[410, 200]", "grid.size.0 = 410 um is no multiple of grid.voxel = 20 um; the nearest is 400 um"),
        ("grid.size=[-20, 200]", "grid.size.0 = -20 um is outside above 0"),
        ("grid.size=[1e9, 200]", "is 5e+07 voxels long, at most 100000"),
        ("grid.thickness=null", "grid.thickness is missing"),
        ("grid.faces=periodik", "grid.faces = 'periodik' is not one of no_flux, value, periodic; did you mean 'periodic'?"),
        ("grid.faces={x: periodic, q: value}", "unknown key 'grid.faces.q'; allowed: x, y, z"),
        ("tissue.g_ratio=2", "tissue.g_ratio = 2 is outside above 0 to 0.99 (axon over fibre diameter)"),
        (
            "tissue.trigger.windows.onset.venule=centre",
            "tissue.trigger.windows.onset.venule = 'centre' is no venule with a position; did you mean 'central'?",
        ),
        (
            "tissue.plaques={one: {at: {x: 900, y: 9}, radius: 50}}",
            "tissue.plaques.one.at.x = 900 um is outside the domain, which ends at 400 um",
        ),
        (
            "tissue.plaques={one: {at: {x: 9, y: 9}, radius: 50, cells: {macrofage: 5}}}",
            "tissue.plaques.one.cells.macrofage names 'macrofage', no kind of cell in this tissue; did you mean 'macrophage'?",
        ),
        (
            "tissue.plaques={one: {at: {x: 9, y: 9}, radius: 50, inner: 50}}",
            "tissue.plaques.one.inner = 50 must be less than 'radius'",
        ),
        (
            "tissue.plaques={one: {at: {x: 9, y: 9}, radius: 50, cells: {th1: {density: 5, actve: 1}}}}",
            "th1.actve is neither the density nor a state that th1 can be given; did you mean 'active'?",
        ),
        (
            "tissue.plaques={one: {at: {x: 9, y: 9}, radius: 50, cells: {th1: {density: 5, active: 0.5}}}}",
            "th1.active = 0.5 must be 0 or 1; write each part as a plaque of its own",
        ),
        (
            "tissue.plaques={one: {at: {x: 9, y: 9}, radius: 50, cells: {macrophage: {m1: 0.5}}}}",
            "macrophage has no density; write one, such as 'density: 1e4 cells/mm^3'",
        ),
        (
            "tissue.plaques={one: {at: {x: 9, y: 9}, radius: 50, cells: {macrophage: {density: 5, m1: 2}}}}",
            "tissue.plaques.one.cells.macrophage.m1 = 2 is outside 0 to 1",
        ),
        (
            "tissue.venules.positions.central.x=900",
            "central.x = 900 um is outside the domain, which ends at 400 um; move or remove the venule, or enlarge grid.size",
        ),
        ("tissue.trigger.windows.onset.to=0", "tissue.trigger.windows.onset.to = 0 must be later than 'from'"),
        ("output.fields=[tnf, rss]", "output.fields names 'rss', which no config defines; did you mean 'ros'?"),
        ("output.measures_every=7 min", "output.measures_every = 7 min is no multiple of time.step = 6 min"),
        ("groups.t_cells=[th1, th7]", "groups.t_cells: no config defines the kind 'th7'; did you mean 'th17'?"),
        ("groups.th1=[th17]", "groups.th1: 'th1' is already a kind of cell"),
        ("cells.th33=null", "cells.th33 = null removes nothing"),
        ("laws.t_cells.activate.terms.ealy=null", "removes nothing; did you mean 'laws.t_cells.activate.terms.early'?"),
        ("tissue.venules.positions.centre=null", "removes nothing; did you mean 'tissue.venules.positions.central'?"),
        # laws
        ("laws.th3.divide={}", "unknown key 'laws.th3': no config defines such a kind; did you mean 'laws.th1'?"),
        ("laws.th1=3", "laws.th1 must be a map of laws"),
        ("laws.th1.divide=3", "laws.th1.divide = 3 must be a map with type, unit and terms"),
        ("laws.th1.divide.type=spede", "laws.th1.divide.type = 'spede' is not one of rate, level, secretion, uptake, speed, bias"),
        ("laws.th1.divide.type=speed", "laws.th1.divide.type = 'speed': a law named 'divide' is of type rate"),
        ("laws.th1.divide.unit=um/s", "laws.th1.divide.unit = 'um/s' is no unit of such a law; write one such as 1/day"),
        ("laws.tissue.secrete_ros.unit=pg/mL/s", "does not fit the field, which is in uM; write uM/s"),
        ("laws.th1.divide.terms.antigen.base=3 um", "antigen.base = '3 um' has dimension length, expected 1/time"),
        ("laws.th1.divide.terms.antigen.bsae=3", "antigen.bsae'; did you mean 'laws.th1.divide.terms.antigen.base'?"),
        ("laws.th1.divide.times.activ={signal: self.active}", "or did you mean 'laws.th1.divide.times.active'?"),
        ("laws.th1.divide.times.active.signal=self.activ", "th1 has no such state; did you mean 'self.active'?"),
        ("laws.tissue.enter_th1.times.systemic.signal=self.active", "tissue has no states of its own"),
        ("laws.th1.divide.times.active.signal=contact.mac", "no config defines the kind 'mac'"),
        ("laws.th1.divide.times.active.signal=contact.neuron", "a bundle of axons crosses the whole tissue"),
        ("laws.th1.divide.times.active.signal=density.neuron", "a bundle of axons crosses the whole tissue"),
        ("laws.tissue.enter_th1.times.systemic.signal=contact.th1", "laws of tissue are of voxels, which touch no cell"),
        ("laws.th1.divide.times.active.signal=bbb", "only laws of the venule read it, and no sum"),
        ("signals.t_effector.sum.bbb=1", "only laws of the venule read it, and no sum"),
        ("laws.th1.divide.times.crowding.signal=density.th17.activ", "did you mean 'density.th17.active'?"),
        ("laws.tissue.enter_th1.times.systemic.signal=entry.th2", "did you mean 'entry.th1'?"),
        ("laws.th1.divide.times.crowding.linear=[0, 3 uM]", "has dimension amount/length^3, expected 1/length^3, such as 1/mm^3"),
        ("laws.th1.divide.times.crowding.linear=[1, 0]", "laws.th1.divide.times.crowding.linear must rise"),
        ("laws.th1.divide.times.crowding.linear=[1]", "must be two levels, such as [0, 1]"),
        ("laws.th1.activate.times.pge2.half=7 nM", "has dimension amount/length^3, expected mass/length^3, such as pg/mL"),
        ("laws.th1.activate.times.pge2.half=0", "laws.th1.activate.times.pge2.half = 0 must be above 0"),
        ("laws.th1.activate.times.pge2.hill=1.3", "pge2.hill = 1.3 must be a multiple of 0.5 from 0.5 to 4"),
        ("laws.th1.activate.times.pge2.hill=4.5", "must be a multiple of 0.5 from 0.5 to 4"),
        ("laws.th1.activate.times.pge2.hill=null", "laws.th1.activate.times.pge2 needs hill"),
        ("laws.th1.activate.times.pge2.linear=[0, 1]", "has 'linear' as well as 'half' or 'hill'"),
        ("laws.th1.divide.times.active.linear=null", "needs half and hill, or linear,"),
        ("laws.th1.divide.times.active.range=3", "has no meaning for the signal self.active"),
        ("laws.th1.speed.times.synapse.range=null", "reads contact.macrophage and needs a range"),
        ("laws.th1.divide.rise=3", "laws.th1.divide.rise has no meaning for a law of type rate"),
        ("laws.msc.licence.fall=null", "laws.msc.licence is a level and needs 'fall'"),
        ("laws.th1.bias.at_most=null", "laws.th1.bias is a bias and needs 'at_most'"),
        ("laws.macrophage.secrete_tnf.at_most=3", "secrete_tnf.at_most has no meaning for what cells exchange"),
        ("laws.th1.bias.times={a: {signal: self.active, linear: [0, 1], from: 0, to: 1}}", "cannot depend on self.active"),
        ("laws.macrophage.secrete_il18={}", "laws.macrophage.secrete_il18: no config defines the field 'il18'"),
        ("laws.macrophage.secrete_tfn={}", "did you mean 'laws.macrophage.secrete_tnf'?"),
        ("laws.th1.become_mcs={}", "did you mean 'laws.th1.become_msc'?"),
        ("laws.th1.activate.terms.early.during.to=0", "laws.th1.activate.terms.early.during.to = 0 must be later than 'from'"),
        ("signals.x={sum: {tnf: 1, ros: 1}}", "signals.x adds up parts of different units"),
        ("signals.x={sum: {density.th1: 1}}", "signals.x sums a density and needs a radius"),
        ("signals.x={sum: {antigen: 1}}", "signals.x.sum.antigen: a signal cannot be part of another"),
        ("signals.x={sum: {tfn: 1}}", "signals.x.sum.tfn is no signal; did you mean 'tnf'?"),
        ("signals.antigen.unit=uM", "signals.antigen.unit = 'uM' must be that of its parts (1/mm^3), or '1'"),
        ("signals.antigen.unit=foo", "signals.antigen.unit: unknown unit 'foo'"),
        # what is refused as a whole
        ("laws.th1.divide.terms.more={base: 300.918204205 1/day}", "laws.th1.divide can reach 301.4 1/day: with time.step"),
        ("time.step=3 h", "can reach 10.1 1/day: with time.step = 3 h a chance of 0.72 per step, at most 0.5 is allowed"),
        ("time.step=3 h", "make time.step at most 98 min, or cap the law with at_most"),
        ("cells.th1.persistence=null", "cells.th1 has a speed and needs a persistence"),
        ("cells.th1.initial_density=2e6", "tissue.motile_fill = 0.5 of the volume is less than the 0.536 that motile"),
        ("cells.oligodendrocyte.initial_density=3e5", "= 250000 cells/mm^3 has no room for the 324000 cells/mm^3"),
        ("cells.macrophage.initial_density=2e5", "is above its max_density of 130000 cells/mm^3"),
        ("fields.tnf.molar_mass=null", "fields.tnf is given off in molecules and held in pg/mL: it needs a molar_mass"),
        ("fields.tnf.sources={a: {x: 500, y: 0}}", "fields.tnf.sources.a.x = 500 um is outside the domain"),
        ("foo", "must look like a.b=value"),
        ("extends=dish", "'extends' cannot be set on the command line"),
        ("a..b=1", "must look like a.b=value"),
        ("foo.bar=1", "unknown key 'foo'; allowed: cells, "),
    ],
)  # fmt: skip
def test_a_wrong_override_is_answered(complaints, override, sentence):
    messages = complaints("dish", override)
    assert any(sentence in message for message in messages), messages


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (["therapy.msc.dose=1 cells/mm^2"], "expected none (a pure number) or 1/mass or 1/length^3"),
        (["therapy.msc.day=null"], "therapy.msc.dose is given without a day"),
        (["therapy.msc.route=null"], "therapy.msc has no route"),
        (["therapy.msc.route=locl"], "did you mean 'local'?"),
        (["therapy.msc.route=intravenous", "therapy.msc.dose=1e6"], "= 'intravenous' needs the section periphery"),
        (["therapy.msc.route=intrathecal", "therapy.msc.dose=1e6"], "= 'intrathecal' needs the section periphery"),
        (["therapy.msc.dose=2 doses", "subject=null"], "= 2 doses is told in reference doses of a subject; add"),
        (["therapy.msc.source=bone"], "therapy.msc.source = 'bone' is not in msc.sources; allowed: adipose, bone_marrow"),
        (["therapy.msc.donor=ms_patiet"], "did you mean 'ms_patient'?"),
        (["therapy.msc.pretreatment=null"], "therapy.msc has no pretreatment; write one of none, ifng"),
        (["therapy.msc.radius=null"], "therapy.msc is local and needs a radius"),
        (["therapy.msc.at={x: 500, y: 1}"], "therapy.msc.at.x = 500 um is outside the domain"),
        (["therapy.msc.dose=2e5 cells/mm^3"], "is above the 119366 cells/mm^3 that fit"),
        (["therapy.msc.dose=1e6"], "= 1000000 cells is 6.25e+08 cells/mm^3, which is above the 119366 cells/mm^3 that fit"),
        (["therapy.msc.dose=1e6 cells/kg", "subject=null"], "by this route needs a subject"),
        (["cells.msc=null"], "therapy.msc gives cells of the kind msc, which is not there"),
        (["msc=null"], "therapy.msc needs the tables of the section msc"),
        (["therapy.msc.route=intrathecal"], "therapy.msc.dose = 1000 cells/mm^3 is a density; only a local dose may be one"),
        (
            ["therapy.msc.route=intrathecal", "therapy.msc.dose=1e6", "tissue.venules.positions=null"],
            "has no venule to enter by; set tissue.venules.spacing or positions, or use 'route: local'",
        ),
        (["therapy.msc.route=intrathecal", "therapy.msc.dose=1e6", "tissue=null"], "there is no tissue"),
        (["therapy.msc.doses.more={repeats: 3}"], "therapy.msc.doses.more is repeated 3 times but has no 'every'"),
        (["therapy.msc.doses.more={every: 3}"], "has 'every' but not how often"),
        (["therapy.msc.doses.more={repeats: 0}"], "therapy.msc.doses.more.repeats = 0 must be at least 1"),
        (["therapy.msc.doses.more={repeats: 1.5}"], "therapy.msc.doses.more.repeats = 1.5 must be a whole number"),
        (["therapy.msc.doses.more={when: lesion.aria > 3}"], "reads 'lesion.aria', which is no read-out; did you mean"),
        (["therapy.msc.mechanisms.ros_scav=off"], "did you mean 'ros_scavenging'?"),
        (["therapy.msc.mechanisms.ros_scavenging=1"], "is neither on nor off"),
        (["therapy.ahsct.day=0"], "therapy.ahsct needs the section comparators; extend the biology"),
        (["therapy.natalizumab={day: 3, until: 2}"], "therapy.natalizumab.until = 2 day must be later than its day (3 day)"),
        (["therapy.natalizumab.dose=3"], "unknown key 'therapy.natalizumab.dose'; allowed: day, until"),
        (["therapy.natalizumb.day=0"], "did you mean 'therapy.natalizumab'?"),
    ],
)  # fmt: skip
def test_a_wrong_therapy_is_answered(complaints, overrides, sentence):
    messages = complaints("treated", *overrides)
    assert any(sentence in message for message in messages), messages


def test_a_grid_that_does_not_fit_in_memory_is_refused(complaints, monkeypatch):
    monkeypatch.setattr(refusals, "total_and_free", lambda: (10**9, 100_000))
    (message,) = complaints()
    assert "grid.size of 200 voxels needs about" in message
    assert "make it" in message and "times smaller" in message


def test_a_law_of_two_groups_is_refused(complaints):
    law = "{type: rate, unit: 1/day, terms: {a: {base: 1}}}"
    messages = complaints("dish", "groups.more=[th1]", f"laws.more.activate={law}")
    assert any("laws.more.activate: th1 has this law from the group 't_cells' too" in each for each in messages)


def test_sources_of_laws_are_checked(complaints):
    wrong = "{value: 1, source: mirn2013}"
    messages = complaints("dish", f"laws.t_cells.divide.terms.antigen.base={wrong}")
    assert "laws.t_cells.divide.terms.antigen.base.source = 'mirn2013' is no reference" in messages[0]
    assert "did you mean 'miron2013'?" in messages[0]


def test_a_wrong_law_of_a_group_is_told_once_under_the_group(complaints):
    (message,) = complaints("dish", "laws.t_cells.speed.terms.walk.base=9 um")
    assert message == (
        "--set laws.t_cells.speed.terms.walk.base=9 um: laws.t_cells.speed.terms.walk.base = '9 um' "
        "has dimension length, expected length/time, such as um/min"
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("extends: dish\n", "mine.yaml:1: schema is missing; add the line 'schema: 1' at the top"),
        ("schema: 2\nextends: dish\n", "mine.yaml:1: schema = 2 is newer than this version reads (1); install a newer remyelin"),
        ("schema: 0\nextends: dish\n", "mine.yaml:1: schema = 0 is older than this version reads (1); no remyelin ever read it"),
        ("schema: one\nextends: dish\n", "mine.yaml:1: schema must be a whole number"),
        ("schema: 1\nextends: dis\n", "2: extends = 'dis': no such file in configs/scenarios, biology or therapies; did you mean"),
        ("schema: 1\nextends: ./dish.yaml\n", "mine.yaml:2: extends = './dish.yaml': there is no such file"),
        ("schema: 1\nextends: [dish, 3]\n", "mine.yaml:2: extends must be a name, a path, or a list of these"),
        ("schema: 1\nextends: dish\nseed: 1\nseed: 2\n", "mine.yaml:4: key 'seed' is given twice (first at line 3)"),
        ("schema: 1\nextends: dish\nseed: [\n", "is not YAML"),
        ("schema: 1\nextends: local_dose\n", "tissue; extend it together with a scenario in a file of your own, as in 'extends: ["),
        ("schema: 1\n", "mine.yaml:1: missing section 'time'; write it, or extend a scenario that has it"),
        ("schema: 1\nextends: dish\ntissue: {g_ratio: {source: mirn2013}}\n", "g_ratio.source = 'mirn2013' is no reference"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_answered(complaints, written, text, sentence):
    messages = complaints(written(text))
    assert any(sentence in message for message in messages), messages


@pytest.mark.parametrize("beside", ["tiny.yaml", "tiny.yml"])
def test_a_file_beside_is_extended_by_its_path(complaints, written, beside):
    written("schema: 1\nextends: dish\n", beside)
    (message,) = complaints(written("schema: 1\nextends: tiny\n"))
    assert message.endswith(f"no such file in configs/scenarios, biology or therapies; did you mean './{beside}'?")


def test_a_circle_of_extends_is_refused(complaints, written):
    written("schema: 1\nextends: ./b.yaml\n", "a.yaml")
    written("schema: 1\nextends: ./c.yaml\n", "b.yaml")
    messages = complaints(written("schema: 1\nextends: [dish, ./a.yaml]\n", "c.yaml"))
    assert len(messages) == 1
    assert "runs in a circle: c -> a -> b -> c; remove one of these" in messages[0]
    assert "is not" not in messages[0]
    (own,) = complaints(written("schema: 1\nextends: ./d.yaml\n", "d.yaml"))
    assert "runs in a circle: d -> d" in own


def test_many_bases_that_share_bases_are_read_once_each(small_load, written):
    written("schema: 1\nextends: dish\n", "base0.yaml")
    for level in range(1, 25):
        below = f"./base{level - 1}.yaml"
        written(f"schema: 1\nextends: ['{below}', '{below}']\n", f"base{level}.yaml")
    assert small_load(written("schema: 1\nextends: ./base24.yaml\n")).hours == 96


@pytest.mark.parametrize(
    ("scenario", "sentence"),
    [
        ("dsh", "unknown scenario 'dsh'; did you mean 'dish'? (a file of your own needs its path, such as ./dsh.yaml)"),
        ("", "unknown scenario ''"),
        ("small", "unknown scenario 'small'"),
        (
            "local_dose",
            "is a therapy; extend it together with a scenario in a file of your own, as in 'extends: [acute, local_dose]'",
        ),
        ("./nothing.yaml", "./nothing.yaml: there is no such file"),
        ("a\0b", "unknown scenario 'a b'"),
        ("a\0b.yaml", "there is no such file"),
        ("~nobody-here/x.yaml", "there is no such file"),
        ("x" * 5000, "unknown scenario"),
        ("x" * 5000 + ".yaml", "there is no such file"),
        ("/", "there is no such file"),
    ],
)
def test_a_scenario_that_is_not_there(complaints, scenario, sentence):
    assert sentence in complaints(scenario)[0]


def test_a_file_that_is_not_text(complaints, tmp_path):
    path = tmp_path / "bytes.yaml"
    path.write_bytes(b"schema: 1\nseed: \xff\xfe\n")
    assert complaints(path) == [f"{path}:2: is not UTF-8 text (byte 17)"]


def test_a_config_error_is_its_sentences():
    error = ConfigError(["a: is wrong", "b: is worse"])
    assert (error.messages, str(error)) == (["a: is wrong", "b: is worse"], "a: is wrong\nb: is worse")
