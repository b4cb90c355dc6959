"""JSON schema of a config file, for editors: completion, units and ranges while typing.

It stands beside the configs, where ``remyelin new`` points editors to; ``make docs`` writes it.
"""

from typing import Any

from abm.config.config import Config
from abm.config.files import LIBRARY

FILE = LIBRARY / "schema.json"


def json_schema() -> dict[str, Any]:
    """Describe one file: any part may be left out, since it may come from what the file extends; null removes."""
    schema = _partial(Config.model_json_schema(by_alias=True))
    properties = schema["properties"]
    fields = properties["fields"]["anyOf"][0]
    fields["properties"] = {"accuracy": properties.pop("accuracy")}
    properties["laws"]["description"] = "Laws by owner: a kind of cell, a group, or astrocytes, tissue, venule."
    properties["seed"] = {"anyOf": [{"type": "integer", "minimum": 0}, {"const": "random"}]}
    properties["extends"] = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
    properties["schema"] = {"const": 1}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "remyelin config",
        "type": "object",
        "properties": properties,
        "required": ["schema"],
        "additionalProperties": False,
        "$defs": schema["$defs"],
    }


def _partial(schema: Any) -> Any:
    """Drop every ``required`` and allow null for every property and every entry of a named map."""
    if isinstance(schema, list):
        return [_partial(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: _partial(each) for key, each in schema.items() if key not in ("required", "default")}
    if isinstance(made.get("properties"), dict):
        made["properties"] = {key: _or_null(each) for key, each in made["properties"].items()}
    if isinstance(made.get("additionalProperties"), dict):
        made["additionalProperties"] = _or_null(made["additionalProperties"])
    return made


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    about = {"description": schema["description"]} if "description" in schema else {}
    return {**about, "anyOf": [schema, {"type": "null"}]}
