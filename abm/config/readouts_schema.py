"""The shape of read-outs and regions of a modeller's own, and which of them can change a run."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, model_validator
from pydantic import Field as Described

from abm.config.expected import Unit, refuse
from abm.config.model import Part, one_of
from abm.config.names import DENSITY_UNIT
from abm.config.quantity import Quantity
from abm.config.schema import Point

REDUCTIONS = ("mean", "max", "min", "sum")


class Region(Part):
    """A disc, ball or ring: the voxels whose middle is at least ``from`` and less than ``to`` away from a point."""

    centre: Point | None = None
    from_: Annotated[Quantity, Unit("um", "inner radius", at_least=0)] = Described(Quantity(0, "um"), alias="from")
    to: Annotated[Quantity, Unit("um", "outer radius", above=0)] | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.to is not None and self.to <= self.from_:
            raise refuse((("to",), "{key} = {value} must be more than 'from'"))
        return self


class ReadOut(Part):
    """One number of a region: a reduction of a field, of a layer of the tissue, or of the density of a kind."""

    of: str
    reduce: Annotated[Literal["mean", "max", "min", "sum"], BeforeValidator(one_of(*REDUCTIONS))] = "mean"
    region: str | None = None

    def unit(self, fields: Mapping[str, str | None]) -> str:
        """Return the unit: of what is read, times mm^3 for a sum."""
        source, _, name = self.of.partition(".")
        each = DENSITY_UNIT if source == "density" else (fields.get(name) or "1") if source == "field" else "1"
        if self.reduce != "sum":
            return each
        return {"1/mm^3": "1", "1/mm3": "1", "1": "mm^3"}.get(each, f"{each}*mm^3")


def units(readouts: Mapping[str, ReadOut], fields: Mapping[str, str | None]) -> dict[str, str]:
    """Give each read-out its unit; ``fields`` gives those of the fields."""
    return {name: read_out.unit(fields) for name, read_out in readouts.items()}


def acting(
    region: str, readouts: Mapping[str, ReadOut], read_by_conditions: Iterable[str]
) -> Iterator[tuple[str, ...]]:
    """Name the keys that can change a run because the condition of a dose reads them, or may; all others only tell."""
    read = set(read_by_conditions)
    if read:
        yield ("region",)
        yield ("regions", region)
    for name in read & set(readouts):
        yield ("readouts", name)
        yield ("regions", readouts[name].region or region)
