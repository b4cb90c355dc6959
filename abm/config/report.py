"""From what pydantic found to sentences that say where, what was given and what is allowed."""

import types
import typing
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from abm.config.errors import Problems, hint, nearest, shown
from abm.config.expected import Unit
from abm.config.tree import Branch, Node, Path, find, plain

SENTENCES = {
    "string_type": "must be text; put it in quotes",
    "string_sub_type": "must be text",
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "dict_type": "must be a map of keys and values",
    "model_type": "must be a map of keys and values",
    "model_attributes_type": "must be a map of keys and values",
    "tuple_type": "must be a list",
}
LIMITS = {"greater_than_equal": ("ge", "at least"), "less_than_equal": ("le", "at most")}


def report(
    error: ValidationError,
    model: type[BaseModel],
    node: Node,
    path: Path,
    problems: Problems,
    siblings: Iterable[str] = (),
) -> None:
    """Add a sentence for each finding of pydantic in the part at ``path``, which was read from ``node``.

    siblings   the other entries of the named map that the part stands in, if any
    """
    for found in error.errors(include_url=False):
        below = tuple(str(step) for step in found["loc"] if step != "[key]")
        if found["type"] == "remyelin":
            for further, sentence in found["ctx"]["findings"]:
                _add(sentence, node, path, (*below, *further), problems)
        elif found["type"] == "extra_forbidden":
            allowed = keys_of(model_at(model, below[:-1]))
            advice = hint(below[-1], allowed, ".".join((*path, *below[:-1])) + ".")
            _add(f"unknown key '{{key}}'; {advice}", node, path, below, problems)
        elif found["type"] == "missing":
            about = _example(model_at(model, below[:-1]), below[-1])
            slip = _slip(model, node, path, below[:-1], siblings)
            _add(f"missing key '{{key}}'{about}{slip}", node, path, below, problems)
        else:
            _add(f"{{key}} = {{value}} {_sentence(found, find(node, below)[0])}", node, path, below, problems)


def _add(sentence: str, node: Node, path: Path, below: Path, problems: Problems) -> None:
    target, where = find(node, below)
    value = shown(plain(target)) if target is not None else "nothing"
    whole = (*path, *below)
    keys = sentence.replace("{key}", ".".join(whole)).replace("{parent}", ".".join(whole[:-1]))
    problems.add(where, keys.replace("{value}", value))


def _slip(model: Any, node: Node, path: Path, entry: Path, siblings: Iterable[str]) -> str:
    """Ask whether an incomplete entry of a named map is a misspelt name of another."""
    if entry and not is_entry(model, entry):
        return ""
    if entry:
        around = find(node, entry[:-1])[0]
        siblings = around.items if isinstance(around, Branch) else ()
    whole = (*path, *entry)
    close = nearest(whole[-1], [name for name in siblings if name != whole[-1]])
    return f"; or did you mean '{'.'.join((*whole[:-1], close))}'?" if close else ""


def _sentence(found: Mapping[str, Any], node: Node | None) -> str:
    if found["type"] in LIMITS:
        key, words = LIMITS[found["type"]]
        return f"must be {words} {found['ctx'][key]}"
    sentence = SENTENCES.get(found["type"], f"is not allowed ({found['msg']})")
    word = plain(node) if node is not None else None
    if found["type"] == "bool_type" and word in ("on", "yes", "off", "no"):
        sentence += f"; in YAML 1.2 '{word}' is text, so write {'true' if word in ('on', 'yes') else 'false'}"
    return sentence


def model_at(model: Any, path: Path) -> Any:
    """Follow keys down from a model to what the schema says of the last one: a model, or another annotation."""
    for key in path:
        model = _bare(model)
        if isinstance(model, type) and issubclass(model, BaseModel):
            names = {field.alias or name: field for name, field in model.model_fields.items()}
            if key not in names:
                return None
            model = names[key].annotation
        elif typing.get_origin(model) is dict:
            model = typing.get_args(model)[1]
        else:
            return None
    return _bare(model)


def is_entry(model: Any, path: Path) -> bool:
    """Say whether the last key of a path names an entry of a named map, rather than a known key."""
    return typing.get_origin(model_at(model, path[:-1])) is dict


def _bare(annotation: Any) -> Any:
    """Take ``Annotated`` and ``| None`` off an annotation."""
    while True:
        if typing.get_origin(annotation) is typing.Annotated:
            annotation = typing.get_args(annotation)[0]
        elif typing.get_origin(annotation) in (typing.Union, types.UnionType):
            rest = [each for each in typing.get_args(annotation) if each is not type(None)]
            if len(rest) != 1:
                return annotation
            annotation = rest[0]
        else:
            return annotation


def keys_of(model: Any) -> list[str]:
    """List the keys a model takes."""
    if isinstance(model, type) and issubclass(model, BaseModel):
        return [field.alias or name for name, field in model.model_fields.items()]
    return []


def _example(model: Any, key: str) -> str:
    """Say what a missing key means, in which unit."""
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        return ""
    for name, field in model.model_fields.items():
        unit = next((each for each in field.metadata if isinstance(each, Unit)), None)
        if key in (name, field.alias) and unit is not None:
            about = ", ".join(
                text for text in (unit.meaning, "" if unit.unit.startswith("of ") else f"unit {unit.unit}") if text
            )
            return f" ({about})"
    return ""
