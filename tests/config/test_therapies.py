"""The therapies that ship, what a dose comes to, and what is refused of things that act from outside the tissue."""

import pytest

from abm.config import ConfigError, load
from abm.config.files import LIBRARY, scenario_names
from abm.doses_in_tissue import dose_lines

SMALL = "grid.size=[200, 200]"
CENTRAL = "tissue.venules.positions.central={x: 100, y: 100}"

THERAPIES = sorted(path.stem for path in (LIBRARY / "therapies").glob("*.yaml"))


def laid_over(folder, lesion, therapy):
    """Load a therapy over a scenario, as a file of one's own would."""
    file = folder / f"{lesion}_{therapy}.yaml"
    file.write_text(f"schema: 1\nextends: [{lesion}, {therapy}]\n")
    return load(file)


@pytest.fixture(scope="module")
def lesions():
    """The scenarios in which a dose finds a venule."""
    tissues = {name: load(name).tissue for name in scenario_names()}
    return [name for name, tissue in tissues.items() if tissue is not None and tissue.venules and tissue.venules.any]


@pytest.mark.parametrize("therapy", THERAPIES)
def test_every_therapy_is_for_mice_and_people(tmp_path, therapy):
    """The usual dose is that of the subject: 1e6 cells, or 1e6 cells/kg; both come to the same density."""
    lines = []
    for lesion, reference in (("acute", 1e6), ("human", 7e7)):
        config = laid_over(tmp_path, lesion, therapy)
        assert config.doses or config.therapy.comparators
        assert all(float(dose.dose) in (reference, 1000.0) for dose in config.doses)
        lines.append([line.split(" = ")[1].split(" (")[0] for line in dose_lines(config)])
    assert lines[0] == lines[1]
    text = (LIBRARY / "therapies" / f"{therapy}.yaml").read_text()
    assert "\ntitle: " in text and "\npurpose: " in text


@pytest.mark.parametrize("therapy", ["msc_repeated", "ahsct"])
def test_every_lesion_takes_a_therapy(tmp_path, lesions, therapy):
    for lesion in lesions:
        laid_over(tmp_path, lesion, therapy)


@pytest.mark.slow
@pytest.mark.parametrize("therapy", THERAPIES)
def test_every_therapy_goes_with_every_lesion(tmp_path, lesions, therapy):
    for lesion in lesions:
        laid_over(tmp_path, lesion, therapy)


@pytest.mark.parametrize(
    ("dose", "line"),
    [
        (
            "{dose: 1e6, day: 7}",
            "dose a: 1e6 cells intrathecal on day 7 = 1000 MSC/mm3 around venules (n x 0.05 / 50 mm3; cap 3000)",
        ),
        (
            "{dose: 1e9 cells/kg, every: 7, repeats: 3}",
            "dose a: 1e9 cells/kg intrathecal 3 times from day 0 every 7 days = 3000 MSC/mm3 around venules "
            "(n x 0.05 / 50 mm3; cap 3000)",
        ),
        (
            "{dose: 2 doses, route: intravenous, when: bbb_max > 0.5}",
            "dose a: 2e6 cells intravenous from day 0 when bbb_max > 0.5 (at most 1 times) = "
            "40 MSC/mm3 at open venules over 48 h, peripheral suppression 0.53",
        ),
        (
            "{dose: 8, route: local, radius: 400 um, day: 1}",
            "dose a: 8 cells local on day 1 = 1e4 MSC/mm3 within 400 um",
        ),
    ],
)
def test_a_dose_is_told_before_the_run(dose, line):
    config = load("demo", overrides=[SMALL, CENTRAL, f"therapy.msc.doses={{a: {dose}}}"])
    assert dose_lines(config) == [line]


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("therapy.ahsct.regimen=middle", "= 'middle' is not in comparators.ahsct.regimens; allowed: high, intermediate, low"),
        ("therapy.anti_cd20={day: 3, until: 3}", "therapy.anti_cd20.until = 3 day must be later than its day (3 day)"),
        ("comparators.natalizumab.entry.th9=0.2", "names a kind that no config defines; did you mean"),
        ("comparators.natalizumab.entry.th1=1.2", "comparators.natalizumab.entry.th1 = 1.2 is outside 0 to 1"),
        ("comparators.ahsct.ablates.th1=lymph", "= 'lymph' is not one of lymphocytes, myeloid; did you mean 'lymphocytes'?"),
        ("periphery.recovery.th9=3", "names a kind that no config defines"),
        ("periphery.csf_baseline.tnff=3", "names a field that no config defines; did you mean 'tnf'?"),
        ("periphery.suppression.of.th1=t_cell", "periphery.suppression.of.th1 = 't_cell' is not one of"),
        ("periphery.lung_fraction=2 um", "has dimension length, expected none"),
        ("laws.macrophage.secrete_ros.times.dimethyl_fumarate.signal=drug.dmf", "there is no such drug; "),
        ("tissue.trigger.relapses={rate: 5}", "missing key 'tissue.trigger.relapses.length'"),
        ("tissue={venules: {positions: null}, trigger: {windows: null, relapses: {rate: 5, length: 1}}}", "there is none; give"),
        ("subject={ref_dose: null}", "= 1 dose is told in reference doses of a subject; add subject.ref_dose"),
    ],
)  # fmt: skip
def test_what_is_wrong_from_outside_is_answered(override, sentence):
    with pytest.raises(ConfigError) as caught:
        load("demo", overrides=["therapy.msc.dose=1 dose", override])
    assert any(sentence in message for message in caught.value.messages), caught.value.messages
