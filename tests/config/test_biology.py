"""The biology that ships: every number has a source, every name a label, every mechanism its lines."""

import re

import pytest

from abm.config import load
from abm.config.files import LIBRARY, scenario_names
from experiments.sources import DEFAULT, OPINIONS, SETTING, SHAPE, by_source, missing_sources, values

T_CELLS = {"th1", "th17", "cd8", "treg"}
OTHER_IMMUNE = {"b_cell", "plasma_cell", "dendritic", "macrophage", "microglia", "neutrophil"}
NERVOUS = {"opc", "premyelinating_ol", "oligodendrocyte", "neuron"}
KINDS = T_CELLS | OTHER_IMMUNE | NERVOUS | {"msc"}
CYTOKINES = {"tnf", "ifng", "il17", "il10", "tgfb", "ccl2", "cxcl12"}
FIELDS = CYTOKINES | {"pge2", "pge2_msc", "bdnf", "ngf", "vegf", "ros", "nets", "debris"}

# mechanism -> the terms and factors that carry it, as kind.law, or kind.law.term
MECHANISMS = {
    "t_cell_suppression": "th1.divide th1.activate th17.divide th17.activate cd8.divide cd8.activate",
    "b_cell_suppression": "b_cell.activate b_cell.divide b_cell.become_plasma_cell",
    "dendritic_suppression": "dendritic.mature",
    "macrophage_suppression": (
        "macrophage.to_m1 macrophage.divide microglia.to_m1 microglia.divide.expand microglia.activate"
    ),
    "treg_induction": "th1.become_treg.pge2 th17.become_treg.pge2 cd8.become_treg.pge2 treg.divide msc.secrete_tgfb.output",
    "m2_polarisation": "macrophage.to_m2.pge2 microglia.to_m2.pge2",
    "trophic_factors": "msc.secrete_bdnf.output msc.secrete_ngf.output msc.secrete_vegf.output",
    "opc_recruitment": "msc.secrete_cxcl12.output opc.differentiate",
    "cytokine_reduction": (
        "macrophage.secrete_tnf macrophage.secrete_ccl2 microglia.secrete_tnf microglia.secrete_ccl2 venule.open.tnf"
    ),
    "ros_scavenging": "msc.uptake_ros.catalase",
    "netosis_inhibition": "neutrophil.netose neutrophil.be_engulfed.msc",
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The whole biology on a small grid, with the kinds that the scenarios leave out."""
    file = tmp_path_factory.mktemp("whole") / "whole.yaml"
    file.write_text(
        "schema: 1\nextends: [biology, subject_mouse]\ntime: {days: 1}\n"
        "grid: {size: [400, 400], voxel: 20, thickness: 20}\n"
    )
    return load(file)


def tagged(config):
    """Give every tagged line of the laws: mechanism -> set of kind.law[.term]."""
    found = {}
    for kind, laws in config.laws.items():
        for name, law in laws.items():
            place = f"{kind}.{name}"
            lines = [(place, factor.mechanism) for factor in law.times.values()]
            for key, term in law.terms.items():
                lines += [(f"{place}.{key}", each.mechanism) for each in (term, *term.times.values())]
            for line, mechanism in lines:
                if mechanism is not None:
                    found.setdefault(mechanism, set()).add(line)
    return found


def test_it_holds_every_kind_and_field(whole):
    assert set(whole.cells) == KINDS
    assert set(whole.fields) == FIELDS


def test_every_kind_and_field_has_a_label_and_a_colour_of_its_own(whole):
    for things in (whole.cells, whole.fields):
        assert all(thing.label for thing in things.values())
        assert all(re.fullmatch("#[0-9A-Fa-f]{6}", thing.colour) for thing in things.values())
        assert len({thing.colour.lower() for thing in things.values()}) == len(things)
        assert len({thing.label for thing in things.values()}) == len(things)


def test_no_number_of_biology_is_without_a_source(whole):
    assert [value.key for value in missing_sources(whole)] == []


def test_every_source_is_known(whole):
    known = {*whole.references, *OPINIONS, SETTING, SHAPE, DEFAULT}
    assert {value.source for value in values(whole)} <= known


def test_values_are_assumed_recalled_and_looked_up(whole):
    counts = by_source(values(whole))
    assert counts["missing"] == 0
    assert counts["assumed"] > counts["recalled"] > counts["looked-up"] > 0


def test_every_value_lies_in_its_range(whole):
    for key, number in whole.quantities().items():
        if number.low is not None:
            assert number.low <= number <= number.high, key


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_a_mechanism_tags_its_lines_and_no_other(whole, mechanism):
    assert tagged(whole)[mechanism] == set(MECHANISMS[mechanism].split())


def test_no_other_mechanism_is_tagged(whole):
    assert set(tagged(whole)) == set(MECHANISMS)


@pytest.mark.parametrize("name", scenario_names())
def test_every_scenario_loads_and_says_what_it_is_for(name):
    config = load(name)
    assert config.title and config.purpose


def test_the_parenchyma_has_its_cast():
    acute = load("acute")
    assert set(acute.cells) == KINDS
    assert set(acute.fields) == FIELDS
    assert {"enter_neutrophil", "enter_b_cell", "enter_dendritic"} <= set(acute.laws["venule"])


def test_healthy_is_acute_with_its_trigger_off():
    from experiments.info import differences

    different = {each.key for each in differences("acute", "healthy")} - {"name", "title", "purpose"}
    assert different and all(key.startswith("tissue.trigger.windows.onset.") for key in different)


def test_a_law_of_a_group_is_a_law_of_each_member(whole):
    divide = [whole.laws[kind]["divide"] for kind in ("th1", "th17", "cd8")]
    assert divide[0] == divide[1] == divide[2]
    # microglia make what macrophages make, but only when active, and less TNF
    assert list(whole.laws["microglia"]["secrete_tnf"].times) == ["m1", "il10", "pge2", "active"]
    assert whole.laws["microglia"]["secrete_tnf"].terms["output"].base.typed == 0.3
    assert whole.laws["macrophage"]["secrete_tnf"].terms["output"].base.typed == 0.7


def test_every_file_of_the_library_is_used():
    used = {path.name for path in (LIBRARY / "biology" / "laws").glob("*.yaml")}
    index = (LIBRARY / "biology" / "biology.yaml").read_text()
    assert all(f"./laws/{name}" in index for name in used)


def test_lpc_says_how_few_t_cells_enter():
    """Its notes name the reference rate and that of acute: the value is the share of both that they say."""
    lpc, acute = (
        {k: v for k, v in load(name).quantities().items() if "open_barrier.base" in k} for name in ("lpc", "acute")
    )
    for kind in ("th1", "th17", "cd8"):
        value = lpc[key := f"laws.venule.enter_{kind}.terms.open_barrier.base"]
        stated = re.fullmatch(r"1/(\d+) of (\d+); 1/(\d+) of acute", value.note)
        assert stated is not None, value.note
        share, reference, of_acute = map(int, stated.groups())
        assert value * share == pytest.approx(reference / 24)  # canonical: per h
        assert acute[key] / value == pytest.approx(of_acute, rel=0.01)


@pytest.mark.parametrize("name", ["acute", "cuprizone"])
def test_every_departure_says_why_in_its_own_note(name):
    """Notes are read apart from the file, in params, show --resolved and docs/model.md."""
    notes = [value.note for value in values(load(name)) if "departure" in value.note]
    assert notes and not [note for note in notes if re.search(r"\bsee (above|below|[a-z_.]+)", note)]


def test_the_share_of_premyelinating_cells_that_mature_is_told_to_be_outside_its_range():
    """The reference allows 0.4 to 0.8 (rate.pm_success of its parameters)."""
    found = {value.key: value for value in values(load("acute"))}
    both = [found[f"laws.premyelinating_ol.{law}.base"] for law in ("mature.terms.success", "die.terms.waste")]
    mature, die = (float(value.quantity) for value in both)
    share = f"a share of {mature / (mature + die):.2f} matures, more than the 0.4 to 0.8 that the reference allows"
    assert mature / (mature + die) > 0.8 and all(share in value.note for value in both)
