"""Loading a good config: values, units, origins, extends, overrides, groups."""

import copy
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from abm.config import Quantity

ROOT = Path(__file__).parents[2]


def test_values_are_in_canonical_units_and_remember_how_they_were_typed(small_load):
    config = small_load()
    D = config.fields["tnf"].D
    assert isinstance(D, Quantity)
    assert (float(D), D.canonical, D.typed, D.unit, D.text) == (22 * 3600, "um^2/h", 22.0, "um^2/s", "22 um^2/s")
    assert (D.source, D.note, D.low, D.high) == ("stroh2003", "scaled", 36000.0, 144000.0)
    assert D.where == "library/biology/small.yaml:8"
    assert config.fields["ros"].baseline == 0.03
    assert config.fields["tnf"].baseline.unit == "pg/mL"
    assert (config.accuracy, config.hours, config.step_hours, config.n_steps, config.shape) == (
        0.02,
        96,
        0.1,
        960,
        (20, 10),
    )
    assert config.tissue.conduction.myelinated_velocity == 5.5 * 3.6e9


def test_a_bare_number_takes_the_documented_unit(small_load):
    config = small_load()
    assert config.cells["th1"].persistence == config.cells["th17"].persistence == 3 / 60
    assert config.fields["pge2"].half_life == 10 / 60
    assert config.subject.cns_volume == 500e9
    assert config.laws["th1"]["divide"].terms["antigen"].base == 0.5 / 24
    assert config.laws["th1"]["bias"].terms["tnf"].times["tnf"].half == 4000


def test_half_offset_and_linear_are_in_the_unit_of_their_signal(small_load):
    laws = small_load().laws
    assert laws["th1"]["activate"].times["pge2"].half == 7000.0
    assert laws["macrophage"]["to_m1"].terms["basal"].times["ros"].offset == -0.03
    assert laws["th1"]["divide"].times["crowding"].linear == (0.0, 3e4)
    assert laws["th1"]["divide"].times["active"].offset == 0.0
    assert laws["th1"]["activate"].terms["early"].during.to == 120.0


def test_a_law_of_a_group_reaches_its_members_and_a_member_overrides_it_by_key(small_load):
    laws = small_load().laws
    assert "t_cells" not in laws
    assert laws["th1"]["divide"].terms["antigen"].base.typed == 0.5
    assert laws["th17"]["divide"].terms["antigen"].base.typed == 0.4
    assert laws["th17"]["divide"].terms["antigen"].base.source is None
    assert laws["th17"]["divide"].times.keys() == laws["th1"]["divide"].times.keys()
    changed = small_load("dish", "laws.t_cells.divide.terms.antigen.base=0.6", "laws.th1.speed=null").laws
    assert changed["th1"]["divide"].terms["antigen"].base.typed == 0.6
    assert changed["th17"]["divide"].terms["antigen"].base.typed == 0.4
    assert "speed" not in changed["th1"] and "speed" in changed["th17"]


def test_a_kind_or_field_left_out_reads_as_zero_and_its_laws_go(small_load):
    config = small_load("dish", "cells.macrophage=null", "fields.ros=null")
    assert "macrophage" not in config.laws and "macrophage" not in config.cells
    assert "secrete_ros" not in config.laws["tissue"]
    assert config.laws["th1"]["activate"].terms["macrophage"].times["antigen"].signal == "antigen"
    assert "macrophage" in config.known_kinds and "ros" in config.known_fields
    assert "enter_th1" not in small_load("dish", "cells.th1=null", "groups.t_cells=[th17]").laws["tissue"]


def test_a_name_that_only_the_biology_folder_knows_is_legal(small_load):
    law = "laws.macrophage.secrete_il17={type: secretion, unit: molecules/s, terms: {a: {base: 1}}}"
    config = small_load("dish", law, "signals.netters={sum: {density.neutrophil: 1}, radius: 100}")
    assert "secrete_il17" not in config.laws["macrophage"]
    assert {"il17"} <= config.known_fields and {"neutrophil"} <= config.known_kinds


def test_overrides_are_parsed_as_yaml_and_marked(small_load):
    config = small_load("dish", "fields.tnf.D=30", "therapy.msc.mechanisms.ros_scavenging=off", "cells.th1.label='off'")
    D = config.fields["tnf"].D
    assert (float(D), D.source, D.note, D.where) == (
        30 * 3600,
        "assumed",
        "set on the command line",
        "--set fields.tnf.D=30",
    )
    assert config.therapy.msc.mechanisms == {"ros_scavenging": False}
    assert config.cells["th1"].label == "off"
    assert config.origins["cells.th1.label"] == "--set cells.th1.label='off'"


def test_setting_the_value_of_a_map_keeps_its_unit_and_drops_its_source(small_load):
    D = small_load("dish", "fields.tnf.D.value=30").fields["tnf"].D
    assert (D.text, D.source, D.low) == ("30 um^2/s", "assumed", 36000.0)


def test_a_signal_with_dots_in_its_parts_can_be_set(small_load):
    config = small_load("dish", "signals.t_effector.sum.density.th1=2")
    assert config.signals["t_effector"].sum == {"density.th1": 2.0, "density.th17": 1.0}


def test_days_and_seed_of_a_command_win(small_load):
    config = small_load("dish", "time.days=9", "seed=3", days=2, seed=7)
    assert (config.hours, config.seed) == (48.0, 7)
    assert config.time.days.where == "--days 2"


def test_the_seed_is_one_unless_given_and_random_draws_one(small_load):
    assert small_load().seed == 1
    first, second = small_load("dish", "seed=random").seed, small_load("dish", seed="random").seed
    assert first != second
    assert 0 <= first < 2**53


def test_a_list_of_bases_is_laid_left_to_right(small_load):
    config = small_load("treated")
    (dose,) = config.doses
    assert (dose.name, dose.route, float(dose.day), dose.dose.canonical, float(dose.dose)) == (
        "single",
        "local",
        24.0,
        "1/mm^3",
        1000.0,
    )
    assert float(dose.radius) == 400.0 and dose.at is None and dose.when is None


def test_title_and_name_are_of_the_file_itself(small_load):
    assert (small_load("dish").title, small_load("dish").name) == ("A small lesion", "dish")
    assert (small_load("treated").title, small_load("treated").name) == ("", "treated")


def test_a_path_extends_relative_to_its_own_folder(small_load, written):
    written("schema: 1\nextends: dish\ntime: {days: 2}\n", "base.yaml")
    mine = written("schema: 1\nextends: ./base.yaml\nseed: 4\n")
    config = small_load(mine)
    assert (config.hours, config.seed, config.source_text) == (48.0, 4, "schema: 1\nextends: ./base.yaml\nseed: 4\n")
    assert config.time.days.where.endswith("base.yaml:3")


def test_null_removes_a_term_a_dose_and_a_whole_section(small_load, written):
    mine = written(
        "schema: 1\nextends: treated\nsubject: null\n"
        "therapy: {msc: {dose: null}}\nlaws: {t_cells: {activate: {terms: {early: null}}}}\n"
    )
    config = small_load(mine)
    assert config.subject is None and config.doses == ()
    assert list(config.laws["th17"]["activate"].terms) == ["macrophage"]


def test_a_base_may_remove_what_another_base_defines(small_load, written):
    written("schema: 1\nfields: {debris: null}\n", "less.yaml")
    config = small_load(written("schema: 1\nextends: [dish, ./less.yaml]\n"))
    assert "debris" not in config.fields


def test_doses_take_what_they_leave_out_from_the_therapy(small_load):
    config = small_load(
        "dish",
        "therapy.msc.route=local",
        "therapy.msc.doses={late: {day: 3, dose: 50}, often: {day: 1, dose: 20 cells, every: 12 h, repeats: 3},"
        " needed: {dose: 10, when: lesion.area > 0.01 mm^2, repeats: 2}}",
    )
    assert [(dose.name, float(dose.day), dose.repeats) for dose in config.doses] == [
        ("needed", 0.0, 2),
        ("often", 24.0, 3),
        ("late", 72.0, 1),
    ]
    assert config.doses[0].when.evaluate({"lesion_area_mm2": 0.02})
    assert float(config.doses[1].every) == 12.0
    assert all(float(dose.radius) == 400.0 and dose.route == "local" for dose in config.doses)


def test_faces_are_given_for_every_axis_and_field(small_load):
    config = small_load("dish", "grid.faces={x: periodic}", "fields.ros.faces=value")
    assert config.grid.faces == {"x": "periodic", "y": "no_flux", "z": "no_flux"}
    assert config.fields["tnf"].faces == config.grid.faces
    assert config.fields["ros"].faces == {"x": "value", "y": "value", "z": "value"}
    assert float(config.fields["ros"].value) == 0.03


def test_output_names_what_is_there(small_load):
    config = small_load("dish", "cells.th17=null", "output.cells=[th1, th17]")
    assert config.output.cells == ("th1",)
    assert config.output.fields == tuple(config.fields)
    assert (float(config.output.measures_every), float(config.output.frames_every)) == (6.0, 24.0)


def test_defaults_are_not_touched_by_a_null(small_load):
    small_load("dish", "output.frames_every=null")
    assert small_load("dish").output.frames_every.where == "default"


def test_three_dimensions_and_a_scenario_of_fields_only(small_load, written):
    mine = written(
        "schema: 1\ntime: {days: 1}\ngrid: {size: [100, 100, 60], voxel: 20}\n"
        "fields: {x: {label: X, colour: '#123456', unit: uM, D: 10, sources: {spot: {x: 50, y: 50, z: 30, amount: 1e6}}}}\n"
    )
    config = small_load(mine)
    assert config.shape == (5, 5, 3)
    assert config.tissue is config.subject is config.msc is None
    assert config.cells == config.laws == {} and config.doses == ()
    assert config.time.step == 0.1 and config.fields["x"].half_life is None
    assert config.fields["x"].sources["spot"].amount == 1e6


def test_references_are_those_that_sources_and_notes_name(small_load, written):
    assert set(small_load().references) == {"stroh2003", "miron2013"}
    mine = written(
        "schema: 1\nextends: dish\nreferences: {lab2026: {cite: our own}, other: {cite: unused}}\n"
        "tissue: {g_ratio: {value: 0.8, source: assumed, note: effect lab2026}}\n"
    )
    assert set(small_load(mine).references) == {"stroh2003", "miron2013", "lab2026"}


def test_a_config_can_be_copied_and_sent_to_another_process(small_load):
    config = small_load("treated")
    for other in (copy.deepcopy(config), pickle.loads(pickle.dumps(config))):
        assert other == config and other.identity() == config.identity()
        assert other.fields["tnf"].D.source == "stroh2003"
        assert other.origins == config.origins


def test_reading_the_same_files_again_is_quick_and_independent(small_load):
    first = small_load("dish", "fields.tnf.D=30")
    assert small_load("dish").fields["tnf"].D.typed == 22.0
    assert first.fields["tnf"].D.typed == 30.0


@pytest.mark.parametrize(
    "keys", ["fields.tnf.D", "laws.th17.divide.terms.antigen.base", "grid.size.0", "tissue.g_ratio"]
)
def test_quantities_lists_every_value_by_its_dotted_name(small_load, keys):
    quantities = small_load().quantities()
    if keys == "grid.size.0":
        assert quantities[keys].text == "400 um"
    assert keys in quantities and quantities[keys].where.startswith("library/")


def test_checking_a_file_needs_no_numerical_library():
    heavy = "numpy", "numba", "mesa", "pandas", "pint"
    code = f"import sys, abm.config; print([name for name in {heavy} if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert result.stdout.strip() == "[]"
