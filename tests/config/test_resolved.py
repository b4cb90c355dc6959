"""What a config says of itself: resolved values, identity, JSON schema."""

import io
import json
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from abm.config import json_schema, load, restore

LIBRARY = Path(__file__).parent / "library"


def test_every_resolved_value_has_unit_and_origin(small_load):
    resolved = small_load("treated", "fields.tnf.D=30").resolved()
    assert resolved["fields"]["tnf"]["D"] == {
        "value": 30.0,
        "unit": "um^2/s",
        "source": "assumed",
        "note": "set on the command line",
        "where": "--set fields.tnf.D=30",
    }
    assert resolved["tissue"]["g_ratio"] == {"value": 0.77, "unit": "1", "where": "library/biology/small.yaml:93"}
    assert resolved["time"]["step"]["where"] == "library/scenarios/dish.yaml:4"
    assert resolved["output"]["frames_every"]["where"] == "default"
    assert resolved["cells"]["th1"]["motile"] == {"value": True, "where": "library/biology/small.yaml:16"}


def test_a_resolved_config_loads_to_the_same_without_the_library(small_load, written):
    config = small_load("treated", "fields.tnf.D=30", "cells.th17=null", days=2)
    text = io.StringIO()
    YAML().dump(config.resolved(), text)
    again = load(written(text.getvalue()))
    assert again.identity() == config.identity()
    assert again.resolved() == config.resolved()
    assert again.known_kinds == config.known_kinds
    assert again.doses == config.doses
    changed = load(written(text.getvalue()), ["fields.tnf.D=31"])
    assert changed.fields["tnf"].D.typed == 31.0


def test_a_resolved_config_is_restored_from_json(small_load):
    config = small_load("treated", "fields.tnf.D=30")
    again = restore(json.loads(json.dumps(config.resolved())))
    assert again.identity() == config.identity()
    assert again.resolved() == config.resolved()


@pytest.mark.parametrize(
    "override",
    [
        "fields.tnf.D=30",
        "seed=2",
        "time.days=5",
        "grid.faces=periodic",
        "laws.th1.activate.times.pge2.half=8 ng/mL",
        "signals.t_effector.sum.density.th1=2",
        "therapy.msc.source=adipose",
        "therapy.msc.mechanisms.ros_scavenging=off",
        "therapy.msc.doses={more: {day: 2, when: bbb_leak > 0.1}}",
        "cells.th1.motile=false",
        "tissue.trigger=null",
    ],
)
def test_what_can_change_a_run_changes_its_identity(small_load, override):
    assert small_load("treated", override).identity() != small_load("treated").identity()


@pytest.mark.parametrize(
    "override",
    [
        "output.frames_every=12 h",
        "output.fields=[tnf]",
        "cells.th1.label=T helper 1",
        "fields.tnf.colour='#000000'",
        "title=Another",
        "fields.tnf.D={value: 22e-6, unit: mm^2/s, source: assumed}",
        "time.step=0.1 h",
    ],
)
def test_what_cannot_change_a_run_does_not(small_load, override):
    assert small_load("treated", override).identity() == small_load("treated").identity()


def test_the_identity_does_not_depend_on_how_a_config_is_spread_over_files(small_load, written):
    mine = written("schema: 1\nextends: dish\ntherapy: {msc: {route: local, dose: 1000 cells/mm^3, day: 1}}\n")
    assert small_load(mine).identity() == small_load("treated").identity()


def test_the_json_schema_knows_every_key_of_the_small_library():
    schema = json_schema()
    assert json.loads(json.dumps(schema)) == schema
    for file in sorted(LIBRARY.rglob("*.yaml")):
        if file.name != "references.yaml":
            _check(YAML(typ="safe", pure=True).load(file.read_text()), schema, schema, file.name)


def _check(value, schema, whole, at):
    """Follow a value through the schema; fail at a key that it does not name."""
    if "$ref" in schema:
        schema = whole["$defs"][schema["$ref"].rpartition("/")[2]] | {
            key: schema[key] for key in schema if key != "$ref"
        }
    options = [each for each in schema.get("anyOf", []) if isinstance(value, dict) and _takes_maps(each, whole)]
    if options:
        return _check(value, options[0], whole, at)
    if not isinstance(value, dict):
        return None
    for key, each in value.items():
        further = schema.get("properties", {}).get(key, schema.get("additionalProperties"))
        assert further not in (None, False), f"{at}.{key} is not in the schema"
        if isinstance(further, dict):
            _check(each, further, whole, f"{at}.{key}")
    return None


def _takes_maps(schema, whole):
    if "$ref" in schema:
        schema = whole["$defs"][schema["$ref"].rpartition("/")[2]]
    kinds = schema.get("type", [])
    nested = any(_takes_maps(each, whole) for each in schema.get("anyOf", []))
    return kinds == "object" or "object" in kinds or nested


def test_the_json_schema_says_that_a_species_is_a_label():
    assert "nothing follows" in json_schema()["$defs"]["Subject"]["properties"]["species"]["description"]


def test_the_json_schema_says_how_often_a_condition_is_looked_at():
    from abm.therapy import CONDITIONS_EVERY

    when = json_schema()["$defs"]["DosePlan"]["properties"]["when"]
    assert f"looked at every {CONDITIONS_EVERY:g} h" in when["description"]


def test_the_json_schema_refuses_a_misspelt_key():
    schema = json_schema()
    with pytest.raises(AssertionError, match=r"tissue\.gratio is not in the schema"):
        _check({"schema": 1, "tissue": {"gratio": 1}}, schema, schema, "")


@pytest.mark.parametrize("title", ["True", "NULL", "false", "~", "yes", "1e3", "12:30", "", "plain", "a: b", "- x"])
def test_a_title_that_looks_like_something_else_is_read_back_as_it_is(small_load, written, title):
    config = small_load("treated", f"title={json.dumps(title)}")
    assert config.title == title
    assert load(written(config.resolved_text())).title == title
