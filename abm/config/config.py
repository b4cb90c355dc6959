"""A whole, checked config, and what can be asked of it."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import Field as Described
from pydantic import PrivateAttr
from pydantic.json_schema import SkipJsonSchema

from abm.config.flow import flow
from abm.config.laws_schema import Law, Signal
from abm.config.model import Part
from abm.config.quantity import Quantity, number_with_unit
from abm.config.readouts_schema import ReadOut, Region, acting
from abm.config.schema import Cell, Field, Grid, MscTables, Output, Reference, Subject, Time, Tissue
from abm.config.systemic_schema import Comparators, Periphery
from abm.config.therapy_schema import REFERENCE, Dose, Therapy
from abm.config.tree import Branch, nodes
from abm.config.units import to_canonical

# what cannot change a run: not part of its identity
SPEECH = ("label", "colour", "title", "purpose", "name", "note", "source")
SILENT = ("output", "references", "region", "regions", "readouts")


class Config(Part):
    """Everything a run is made of. All quantities are in canonical units; see ``Quantity``.

    Laws of kinds that are left out are gone; groups are expanded. ``known_kinds`` and ``known_fields`` also hold the
    names that were left out: signals that read them are zero.
    """

    schema_: int = Described(alias="schema")
    name: str
    title: str = ""
    purpose: str = ""
    seed: int
    time: Time
    grid: Grid
    accuracy: float
    fields: dict[str, Field]
    cells: dict[str, Cell]
    groups: dict[str, tuple[str, ...]]
    signals: dict[str, Signal]
    laws: dict[str, dict[str, Law]]
    tissue: Tissue | None
    subject: Subject | None
    msc: MscTables | None
    periphery: Periphery | None
    comparators: Comparators | None
    therapy: Therapy
    region: str
    regions: dict[str, Region]
    readouts: dict[str, ReadOut]
    output: Output
    references: dict[str, Reference]
    known_kinds: SkipJsonSchema[frozenset[str]]
    known_fields: SkipJsonSchema[frozenset[str]]
    doses: SkipJsonSchema[tuple[Dose, ...]]

    _source_text: str = PrivateAttr("")
    _tree: Branch = PrivateAttr(default_factory=lambda: Branch({}, ""))

    @property
    def source_text(self) -> str:
        """The text of the file this was loaded from."""
        return self._source_text

    @property
    def origins(self) -> dict[str, str]:
        """Where each dotted key was written: ``file:line`` or ``--set a.b=v``."""
        return {".".join(path): where for path, _, where in nodes(self._tree)}

    @property
    def hours(self) -> float:
        """Length of the run, h."""
        return float(self.time.days)

    @property
    def step_hours(self) -> float:
        """Step of cells, h."""
        return float(self.time.step)

    @property
    def n_steps(self) -> int:
        """Number of steps of the run; the last one reaches its end or passes it."""
        steps = self.hours / self.step_hours
        whole = round(steps)
        return whole if abs(steps - whole) < WHOLE * max(1, whole) else int(steps) + 1

    @property
    def shape(self) -> tuple[int, ...]:
        """Voxels along x, y and, in 3D, z."""
        return tuple(round(length / self.grid.voxel) for length in self.grid.size)

    def quantities(self) -> dict[str, Quantity]:
        """All quantities by dotted key, in the order of the schema."""
        found: dict[str, Quantity] = {}
        for path, value in self.leaves():
            if isinstance(value, Quantity):
                found[".".join(path)] = value
            elif _are_quantities(value):
                found |= {".".join((*path, str(index))): each for index, each in enumerate(value)}
        return found

    def resolved(self) -> dict[str, Any]:
        """Everything as plain maps: each value with its unit, source and where it was written.

        Written as YAML this is a config that loads to the same identity and needs no other file.
        """
        origins = self.origins
        whole: dict[str, Any] = {"schema": self.schema_, "resolved": True}
        for path, value in self.leaves():
            below = whole
            for key in path[:-1]:
                below = below.setdefault(key, {})
            below[path[-1]] = _with_origin(value, ".".join(path), origins)
        for section in ("fields", "cells", "groups", "signals", "laws"):
            whole.setdefault(section, {})
        whole["known"] = {"kinds": sorted(self.known_kinds), "fields": sorted(self.known_fields)}
        return whole

    def resolved_text(self) -> str:
        """Return ``resolved()`` as YAML that ``load`` reads again: every value with its unit and where it comes from."""
        return "\n".join(_lines(self.resolved())) + "\n"

    def identity(self) -> str:
        """Canonical JSON of all that can change the run: no labels, sources or output. Equal texts, equal runs.

        Read-outs and regions are part of it where the condition of a dose reads them.
        """
        conditions = (dose.when for dose in self.doses if dose.when is not None)
        acts = set(acting(self.region, self.readouts, (name for when in conditions for name in when.names)))
        whole: dict[str, Any] = {"schema": self.schema_}
        for path, value in self.leaves():
            if path[0] in SILENT and path[:1] not in acts and path[:2] not in acts:
                continue
            if path[-1] in SPEECH and path[:2] != ("therapy", "msc"):
                continue
            if path[-1] == "dose" and isinstance(value, Quantity):  # the same number may be cells, cells/kg or doses
                whole[".".join(path)] = [float(value), "dose" if value.unit in REFERENCE else value.canonical]
                continue
            whole[".".join(path)] = [float(each) for each in value] if _are_quantities(value) else value
        return json.dumps(whole, ensure_ascii=False, separators=(",", ":"))

    def leaves(self) -> Iterator[tuple[tuple[str, ...], Any]]:
        """Walk all values with their paths as in a file."""
        for name, field in type(self).model_fields.items():
            if name in ("schema_", "accuracy", "known_kinds", "known_fields", "doses"):
                continue
            if name == "fields":
                yield ("fields", "accuracy"), self.accuracy
            if name not in TEXTS or getattr(self, name):
                yield from _walk(getattr(self, name), (field.alias or name,))


TEXTS = ("title", "purpose")
WHOLE = 1e-9


def _walk(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, Part):
        for name, field in type(value).model_fields.items():
            yield from _walk(getattr(value, name), (*path, field.alias or name))
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield from _walk(each, (*path, str(key)))
    elif value is not None:
        yield path, value


def _lines(node: Mapping[str, Any], indent: str = "") -> Iterator[str]:
    """Write a map as YAML: a line for each key, values in flow style. ruamel would take half a second for the biology."""
    for key, below in node.items():
        if isinstance(below, Mapping) and below and "value" not in below:
            yield f"{indent}{flow(key)}:"
            yield from _lines(below, indent + "  ")
        else:
            yield f"{indent}{flow(key)}: {flow(below)}"


def _are_quantities(value: Any) -> bool:
    return isinstance(value, tuple) and any(isinstance(each, Quantity) for each in value)


def _with_origin(value: Any, key: str, origins: Mapping[str, str]) -> Any:
    if isinstance(value, Quantity):
        about = {name: getattr(value, name) for name in ("source", "note") if getattr(value, name) is not None}
        ends = {
            name: number_with_unit(getattr(value, name) / to_canonical(1.0, value.unit), value.unit)
            for name in ("low", "high")
            if getattr(value, name) is not None
        }
        return {"value": value.typed, "unit": value.unit, **about, **ends, "where": value.where}
    if _are_quantities(value):
        return [_with_origin(each, f"{key}.{index}", origins) for index, each in enumerate(value)]
    return {"value": list(value) if isinstance(value, tuple) else value, "where": origins.get(key, "default")}
