"""The shape of a config, part by part: every key, its unit, its range and its meaning. Biology has no defaults here."""

import re
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, ValidationInfo, field_validator, model_validator
from pydantic import Field as Described
from pydantic_core import PydanticCustomError

from abm.config.expected import Finding, Length, Share, Unit, refuse
from abm.config.laws_schema import Window
from abm.config.model import Name, Part, UnitText, one_of
from abm.config.quantity import Quantity
from abm.config.vocabulary import FIELD_UNITS

FACES = ("no_flux", "value", "periodic")
AXES = ("x", "y", "z")
COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
MOST_VOXELS_ALONG = 100_000


def _colour(raw: Any) -> str:
    if not isinstance(raw, str) or not COLOUR.fullmatch(raw):
        raise refuse(((), "{key} = {value} is no colour; write six hex digits in quotes, such as '#c44e52'"))
    return raw


def _row(raw: Any) -> Any:
    if not isinstance(raw, list | tuple) or len(raw) not in (2, 3):
        raise refuse(((), "{key} = {value} must be 2 or 3 lengths, such as [2000, 2000]"))
    return tuple(raw)


def _faces(raw: Any) -> dict[str, str]:
    """Read one kind of face for all axes, or a map of axes; an axis that is left out has no flux."""
    if isinstance(raw, str):
        return dict.fromkeys(AXES, one_of(*FACES)(raw))
    if not isinstance(raw, dict):
        raise refuse(((), f"{{key}} = {{value}} must be one of {', '.join(FACES)}, or a map such as {{x: periodic}}"))
    findings = [((str(axis),), "unknown key '{key}'; allowed: x, y, z") for axis in raw if axis not in AXES]
    for axis, face in raw.items():
        if axis in AXES and face not in FACES:
            findings.append(((axis,), f"{{key}} = {{value}} is not one of {', '.join(FACES)}"))
    if findings:
        raise refuse(*findings)
    return {axis: raw.get(axis, FACES[0]) for axis in AXES}


def _placed(raw: Any, info: ValidationInfo) -> Any:
    """Read a density, or a map of a density and shares: own states of the cells."""
    if not isinstance(raw, dict) or "value" in raw:
        return DENSITY.read(raw, info)
    findings: list[Finding] = []
    read = {}
    for key, each in raw.items():
        try:
            read[key] = (DENSITY if key == "density" else SHARE).read(each, info)
        except PydanticCustomError as error:
            findings += [((str(key), *below), sentence) for below, sentence in (error.context or {})["findings"]]
    if "density" not in raw:
        findings.append(((), "{key} has no density; write one, such as 'density: 1e4 cells/mm^3'"))
    if findings:
        raise refuse(*findings)
    return read


def _all_or_names(raw: Any) -> Any:
    if raw == "all" or (isinstance(raw, list | tuple) and all(isinstance(name, str) for name in raw)):
        return raw if raw == "all" else tuple(raw)
    raise refuse(((), "{key} = {value} must be 'all' or a list of names"))


Colour = Annotated[str, BeforeValidator(_colour), Described(json_schema_extra={"pattern": COLOUR.pattern})]
Faces = Annotated[
    dict[str, str],
    BeforeValidator(_faces),
    Described(json_schema_extra={"type": ["string", "object"], "additionalProperties": {"enum": list(FACES)}}),
]
Chosen = Annotated[
    str | tuple[str, ...], BeforeValidator(_all_or_names), Described(json_schema_extra={"type": ["string", "array"]})
]
OfField = Annotated[Quantity, Unit("of field")]
DENSITY = Unit("cells/mm^3", at_least=0, at_most=1e9)
SHARE = Unit("1", at_least=0, at_most=1)
Density = Annotated[Quantity, DENSITY]
Placed = Annotated[Any, BeforeValidator(_placed), Described(json_schema_extra={"type": ["number", "string", "object"]})]
Hours = Annotated[Quantity, Unit("h", above=0, at_most=1e8)]


class Time(Part):
    """How long, and in which steps."""

    days: Annotated[Quantity, Unit("day", "length of the run", above=0, at_most=1e5)]
    step: Annotated[Quantity, Unit("min", "step of cells", at_least=1e-3, at_most=1e5)] = Quantity(6, "min")


class Grid(Part):
    """The domain."""

    size: Annotated[tuple[Length, ...], BeforeValidator(_row)]
    voxel: Annotated[Quantity, Unit("um", "edge of a voxel", at_least=1e-2, at_most=1e5)]
    thickness: Annotated[Quantity, Unit("um", "thickness of a 2D slab", above=0, at_most=1e7)] | None = None
    faces: Faces = dict.fromkeys(AXES, FACES[0])

    @model_validator(mode="after")
    def _whole_voxels(self) -> Self:
        findings: list[Finding] = []
        for index, length in enumerate(self.size):
            count = length / self.voxel
            if count > MOST_VOXELS_ALONG:
                findings.append(
                    (
                        ("size", str(index)),
                        f"{{key}} = {length.text} is {count:.3g} voxels long, at most {MOST_VOXELS_ALONG}",
                    )
                )
            elif round(count) < 1 or abs(count - round(count)) > 1e-6 * count:
                whole = max(1, round(count)) * self.voxel
                findings.append(
                    (
                        ("size", str(index)),
                        f"{{key}} = {length.text} is no multiple of grid.voxel = {self.voxel.text}; the nearest is {whole:.12g} um",
                    )
                )
        if len(self.size) == 2 and self.thickness is None:
            findings.append(
                ((), "grid.thickness is missing; a 2D grid is a slab, so write for example 'thickness: 20 um'")
            )
        if findings:
            raise refuse(*findings)
        return self


class Point(Part):
    """A place in the domain; ``z`` only in 3D."""

    x: Annotated[Quantity, Unit("um", "place along x", at_least=0)]
    y: Annotated[Quantity, Unit("um", "place along y", at_least=0)]
    z: Annotated[Quantity, Unit("um", "place along z", at_least=0)] | None = None


class PointSource(Point):
    """A fixed point that gives off a field."""

    amount: Annotated[Quantity, Unit("molecules", "put in at the start", at_least=0)] = Quantity(0)
    rate: Annotated[Quantity, Unit("molecules/s", "given off", at_least=0)] = Quantity(0, "molecules/s")


class Field(Part):
    """One field of concentrations."""

    label: str
    colour: Colour
    unit: Annotated[UnitText, Described(json_schema_extra={"enum": [*FIELD_UNITS, 1]})]
    D: Annotated[Quantity, Unit("um^2/s", "diffusion coefficient in tissue", at_least=0)]
    half_life: Annotated[Quantity, Unit("min", "half-life without cells; left out: no decay", above=0)] | None = None
    baseline: OfField = Described(default=0, validate_default=True)
    molar_mass: Annotated[Quantity, Unit("kDa", "molar mass", above=0)] | None = None
    faces: Faces | None = None
    value: OfField | None = None
    quasi_steady: bool = False
    sources: dict[Name, PointSource] = {}

    @field_validator("unit")
    @classmethod
    def _known_unit(cls, unit: str) -> str:
        same = {
            "1/mm^3": "1/mm3",
            "units/mm3": "1/mm3",
            "units/mm^3": "1/mm3",
            "cells/mm3": "1/mm3",
            "cells/mm^3": "1/mm3",
        }
        if same.get(unit, unit) not in FIELD_UNITS:
            raise refuse(((), "{key} = {value} is not one of pg/mL, uM, 1/mm3, '1'"))
        return same.get(unit, unit)

    @field_validator("baseline", "value")
    @classmethod
    def _not_negative(cls, amount: Quantity | None) -> Quantity | None:
        if amount is not None and amount < 0:
            raise refuse(((), "{key} = {value} must be at least 0"))
        return amount


class Cell(Part):
    """One kind of cell."""

    label: str
    colour: Colour
    diameter: Annotated[Quantity, Unit("um", "diameter", above=0, at_most=1000)]
    motile: bool
    persistence: Annotated[Quantity, Unit("min", "persistence of its walk", above=0)] | None = None
    initial_density: Density = Quantity(0, "cells/mm^3")
    max_density: (
        Annotated[
            Quantity, Unit("cells/mm^3", "most that may be placed at the start, in a plaque or by a dose", above=0)
        ]
        | None
    ) = None


class Conduction(Part):
    """How fast axons conduct."""

    myelinated_velocity: Annotated[Quantity, Unit("m/s", "of a normal axon", above=0)]
    demyelinated_velocity: Annotated[Quantity, Unit("m/s", "of a bare axon", above=0)]
    base_latency: Annotated[Quantity, Unit("ms", "of healthy tissue", at_least=0)]
    block: Annotated[Quantity, Unit("day", "mean time in which a bare stretch does not conduct", at_least=0)]


class Venules(Part):
    """Where venules are, and the tissue they serve."""

    radius: Annotated[Quantity, Unit("um", "tissue that a venule serves", above=0)]
    place_radius: Annotated[Quantity, Unit("um", "arrivals appear within it", above=0)]
    spacing: Annotated[Quantity, Unit("um", "distance between venules", above=0)] | None = None
    positions: dict[Name, Point] = {}

    @property
    def any(self) -> bool:
        """Say whether there is a venule at all."""
        return self.spacing is not None or bool(self.positions)


class TriggerWindow(Window):
    """When the trigger is on: everywhere, or at one venule; at once, or rising over some time."""

    venule: str | None = None
    rise: Annotated[Quantity, Unit("day", "time over which it rises to 1", at_least=0)] = Quantity(0, "day")


class Relapses(Part):
    """Openings at random times, each at one of the venules with a position."""

    rate: Annotated[Quantity, Unit("1/year", "openings per time", above=0, at_most=1e4)]
    length: Annotated[Quantity, Unit("day", "how long the trigger is on", above=0)]
    from_: Annotated[Quantity, Unit("day", "none begins earlier", at_least=0)] = Described(
        Quantity(0, "day"), alias="from"
    )


class Trigger(Part):
    """When something acts on the tissue from outside."""

    windows: dict[Name, TriggerWindow] = {}
    relapses: Relapses | None = None


class Plaque(Part):
    """A disc, ball or ring of tissue that is damaged at the start. Shares are of the healthy state.

    myelin         share of their sheaths that the surviving axons carry
    remyelinated   share of these sheaths that is new
    axons          share that survives
    survive        share of the cells there that survives, by kind
    cells          cells there besides: a density, or a map of a density and their own states

    A plaque that lost axons or has new sheaths is an old one: the lost are long gone, the sheaths of dead cells have new
    owners as far as these can carry them, and what is bare conducts again. In a fresh one dead cells shed their sheaths.
    """

    at: Point
    radius: Length
    inner: Annotated[Quantity, Unit("um", "inner radius of a ring", at_least=0)] = Quantity(0, "um")
    myelin: Share = Quantity(1)
    remyelinated: Share = Quantity(0)
    axons: Share = Quantity(1)
    debris: Share = Quantity(0)
    bbb: Share = Quantity(0)
    survive: dict[Name, Share] = {}
    cells: dict[Name, Placed] = {}

    @model_validator(mode="after")
    def _is_a_ring(self) -> Self:
        if self.inner >= self.radius:
            raise refuse((("inner",), "{key} = {value} must be less than 'radius'"))
        return self


class Tissue(Part):
    """Axons, sheaths, sessile glia, venules."""

    axon_density: Annotated[Quantity, Unit("1/mm^2", "axons crossing a plane", at_least=0)]
    axon_diameter: Annotated[Quantity, Unit("um", "diameter of an axon", above=0)]
    sheath_density: Annotated[Quantity, Unit("units/mm^3", "sheath units when fully myelinated", above=0)]
    internode: Annotated[Quantity, Unit("um", "length of a normal sheath", above=0)]
    remyelinated_internode: Annotated[Quantity, Unit("um", "length of a new sheath", above=0)]
    g_ratio: Annotated[Quantity, Unit("1", "axon over fibre diameter", above=0, at_most=0.99)]
    remyelinated_g_ratio: Annotated[Quantity, Unit("1", "that of a new sheath", above=0, at_most=0.99)]
    sheaths_per_oligodendrocyte: Annotated[Quantity, Unit("1", "sheaths of one cell", at_least=1, at_most=1000)]
    sheath_surplus: Annotated[
        Quantity, Unit("1", "what one cell can carry over its normal share", at_least=1, at_most=10)
    ]
    sheath_reach: Length
    oligodendrocyte_reach: Length
    astrocyte_density: Density
    astrocytes_reactive_above: Annotated[
        Quantity, Unit("1", "reactivity at which days towards a scar count", above=0, at_most=1)
    ]
    glia_capacity: Annotated[Quantity, Unit("cells/mm^3", "room for sessile glia", above=0)]
    motile_fill: Annotated[Quantity, Unit("1", "part of a voxel that motile cells may fill", above=0, at_most=1)]
    conduction: Conduction
    venules: Venules | None = None
    trigger: Trigger = Trigger()
    plaques: dict[Name, Plaque] = {}


class Subject(Part):
    """Who is treated, for doses per kg and per subject."""

    species: Annotated[str, Described(description="a label, from which nothing follows: set the values beside it too")]
    mass: Annotated[Quantity, Unit("kg", "body mass", above=0)]
    cns_volume: Annotated[Quantity, Unit("mm^3", "brain and cord", above=0)]
    engaged_volume: Annotated[Quantity, Unit("mm^3", "rim reached from the CSF", above=0)]
    lesion_volume: Annotated[Quantity, Unit("mm^3", "tissue with an open barrier", above=0)]
    ref_dose: Annotated[Quantity, Unit("cells", "usual dose, to which others are compared", above=0)] | None = None
    csf_volume: Annotated[Quantity, Unit("uL", "cerebrospinal fluid", above=0)] | None = None
    csf_turnover: Annotated[Quantity, Unit("1/day", "share of it that is renewed", above=0)] | None = None
    isf_flow: Annotated[Quantity, Unit("1/day", "flow from tissue to CSF, per volume of tissue", at_least=0)] | None = (
        None
    )


class Potency(Part):
    """What cells of one source can do, relative to bone marrow."""

    immune: Annotated[Quantity, Unit("1", "immune potency", at_least=0, at_most=100)]
    trophic: Annotated[Quantity, Unit("1", "trophic potency", at_least=0, at_most=100)]
    remyel: Annotated[Quantity, Unit("1", "potency for repair", at_least=0, at_most=100)]


class Donor(Part):
    """Who gave the cells."""

    potency: Annotated[Quantity, Unit("1", "factor on every potency", at_least=0, at_most=100)]


class Pretreatment(Part):
    """What was done to the cells before."""

    potency: Annotated[Quantity, Unit("1", "factor on every potency", at_least=0, at_most=100)]
    initial_licence: Share
    licence_rise: Hours | None = None
    lasts: Annotated[Quantity, Unit("day", "how long the factor lasts", above=0)] | None = None


class MscTables(Part):
    """Potencies of mesenchymal stem cells by source, donor and pretreatment."""

    sources: dict[Name, Potency]
    donors: dict[Name, Donor]
    pretreatments: dict[Name, Pretreatment]
    intrathecal_fraction: Share
    niche_cap: Annotated[Quantity, Unit("cells/mm^3", "most that settle", above=0)]


class Output(Part):
    """What is kept, and when; nothing here changes a run."""

    measures_every: Hours = Quantity(6, "h")
    frames_every: Hours = Quantity(24, "h")
    checkpoint_every: Hours = Quantity(48, "h")
    profile_width: Length = Quantity(50, "um")
    fields: Chosen = "all"
    cells: Chosen = "all"


class Reference(Part):
    """One entry of the bibliography."""

    cite: str
    supports: str | None = None
    kind: str | None = None
    doi: str | None = None
    url: str | None = None
    bibtex: str | None = None
    note: str | None = None
