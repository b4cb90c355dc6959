"""Read-outs and regions of a modeller's own: how they are written, merged and refused, and when they are part of a run."""

import pytest

from abm.config import load, restore

FIRST = "schema: 1\nextends: dish\n"
RIM = ("regions.rim={from: 0.1 mm, to: 150}", "readouts.tnf_rim={of: field.tnf, region: rim}")
DOSE = "therapy.msc.doses={{a: {{day: 1, dose: 20, route: local, when: '{}'}}}}"


def test_lengths_are_in_um_and_what_is_left_out_has_its_meaning(small_load):
    config = small_load("dish", *RIM, "regions.all={}", "readouts.cells={of: density.th1, reduce: sum}")
    rim, everything = config.regions["rim"], config.regions["all"]
    assert (rim.from_, rim.to, rim.centre) == (100.0, 150.0, None)
    assert (everything.from_, everything.to) == (0.0, None)
    assert config.region == "ever_demyelinated"
    assert (config.readouts["tnf_rim"].reduce, config.readouts["cells"].region) == ("mean", None)


def test_they_merge_by_key_and_are_removed_by_null(small_load, written):
    base = written(
        FIRST + "regions: {rim: {from: 40, to: 80}, core: {to: 30}}\nreadouts: {a: {of: field.tnf, region: rim}}\n"
    )
    mine = written(f"schema: 1\nextends: {base}\nregions: {{rim: {{to: 90}}, core: null}}\nregion: rim\n", "child.yaml")
    config = small_load(mine)
    assert (config.regions["rim"].from_, config.regions["rim"].to) == (40.0, 90.0)
    assert list(config.regions) == ["rim"] and config.region == "rim" and list(config.readouts) == ["a"]


def test_the_resolved_config_keeps_them(small_load, written):
    config = small_load("dish", *RIM, "region=rim", DOSE.format("tnf_rim > 1"))
    for again in (load(written(config.resolved_text())), restore(config.resolved())):
        assert again.resolved() == config.resolved() and again.identity() == config.identity()


def test_all_that_is_wrong_is_told_with_its_line(complaints, written):
    mine = written(
        FIRST
        + """region: rimm
regions:
  rim: {from: 100 um, to: 50 um}
  thin: {from: 100 um, to: 110}
  out: {to: 1 mm, centre: {x: 9 mm, y: 0}}
  whole: {to: 30}
  round: {radius: 30}
  timed: {to: 3 h}
readouts:
  a: {of: field.tnf, reduce: mena, region: rim}
  b: {of: field.tmf}
  c: {of: tissue.mielin, region: tihn}
  d: {of: density.macrofage}
  e: {of: density.macrophage.m3}
  f: {of: tnf}
  g: {of: density.th1, reduce: max}
  h: {of: density.neuron}
  axon_loss: {of: field.tnf}
  i: {region: whole}
"""
    )
    assert [message.split("mine.yaml:")[1] for message in complaints(mine)] == [
        "3: region = 'rimm' is no region; did you mean 'rim'?",
        "5: regions.rim.to = '50 um' must be more than 'from'",
        "6: regions.thin is 10 um wide, less than a voxel (20 um); widen it",
        "7: regions.out.centre.x = 9 mm is outside the domain, which ends at 400 um; move or remove the region, or "
        "enlarge grid.size",
        "8: regions.whole: 'whole' is already a region; choose another name",
        "9: unknown key 'regions.round.radius'; allowed: centre, from, to",
        "10: regions.timed.to = '3 h' has dimension time, expected length, such as um",
        "12: readouts.a.reduce = 'mena' is not one of mean, max, min, sum; did you mean 'mean'?",
        "13: readouts.b.of = 'field.tmf' is no field; did you mean 'field.tnf'?",
        "14: readouts.c.of = 'tissue.mielin' is no layer of the tissue; did you mean 'tissue.myelin'?",
        "14: readouts.c.region = 'tihn' is no region; did you mean 'thin'?",
        "15: readouts.d.of = 'density.macrofage' is of a kind that no config defines; did you mean 'density.macrophage'?",
        "16: readouts.e.of = 'density.macrophage.m3' has no state to sum of this name; allowed: m1, m2",
        "17: readouts.f.of = 'tnf' is nothing to read; write field.<name>, tissue.<layer> or density.<kind>[.<state>], "
        "such as field.tnf",
        "18: readouts.g.reduce = 'max': a voxel is too small to hold a density; write mean (cells per mm^3) or sum (cells)",
        "19: readouts.h.of = 'density.neuron' cannot be counted: a bundle of axons crosses the whole tissue; "
        "write tissue.axons",
        "20: readouts.axon_loss: 'axon_loss' is already a read-out; choose another name",
        "21: missing key 'readouts.i.of'",
    ]


def test_what_the_scenario_leaves_out_may_be_read(small_load):
    config = small_load("dish", "cells.macrophage=null", "readouts.a={of: density.macrophage.m1}", "fields.ros=null",
                        "readouts.b={of: field.ros}")  # fmt: skip
    assert list(config.readouts) == ["a", "b"]


@pytest.mark.parametrize(
    ("of", "reduce", "good", "bad"),
    [
        ("field.tnf", "mean", "1 ng/mL", "1 mm^3"),
        ("field.ros", "max", "100 nM", "1 ng/mL"),
        ("field.tnf", "sum", "1 pg", "1 pg/mL"),
        ("field.debris", "sum", "0.1 mm^3", "1 mm"),
        ("tissue.myelin", "min", "0.5", "1 um"),
        ("density.th1.active", "mean", "1e3 cells/mm^3", "3 pg"),
        ("density.th1", "sum", "12 cells", "12 um"),
    ],
)
def test_a_condition_compares_them_in_their_unit(small_load, complaints, of, reduce, good, bad):
    mine = f"readouts.mine={{of: {of}, reduce: {reduce}}}"
    doses = small_load("treated", mine, DOSE.format(f"mine > {good}")).doses
    assert [dose.when.names for dose in doses if dose.name == "a"] == [{"mine"}]
    assert "compares" in complaints("treated", mine, DOSE.format(f"mine > {bad}"))[0]


def test_they_are_part_of_a_run_only_where_a_dose_depends_on_them(small_load):
    """Looking changes nothing; a dose that waits for what is seen makes the definition of it part of the run."""
    assert small_load("treated", *RIM, "region=rim").identity() == small_load("treated").identity()
    waits = small_load("treated", *RIM, DOSE.format("tnf_rim > 1")).identity()
    assert waits != small_load("treated", *RIM, DOSE.format("tnf_rim > 1"), "regions.rim.to=170").identity()
    assert waits != small_load("treated", *RIM, DOSE.format("tnf_rim > 1"), "readouts.tnf_rim.reduce=max").identity()
    assert waits == small_load("treated", *RIM, DOSE.format("tnf_rim > 1"), "readouts.more={of: field.ros}").identity()
    fixed = small_load("treated", *RIM, DOSE.format("axon_loss > 0.1")).identity()
    assert fixed != small_load("treated", *RIM, DOSE.format("axon_loss > 0.1"), "region=rim").identity()
