"""What slabs of one model have alike, and the laws of each.

Slabs share the grid, the tissue, the kinds of cells and the names of fields. Of its own a slab may have its seed, its therapy,
what becomes of doses outside the tissue, what its fields are, and the values of its laws.
"""

from collections.abc import Sequence
from typing import Any

from abm.arms import drugs_of
from abm.cells import population_class
from abm.cells.venule import Venule
from abm.config.vocabulary import TISSUE_KINDS
from abm.law_tables import LawTables
from abm.population import Population
from abm.tissue import ASTROCYTE_STATES, make_grid, voxel_volume

SPEECH = ("name", "title", "purpose", "references")  # say nothing to a model
THERAPY = ("therapy", "doses", "msc", "subject", "periphery", "comparators")
OWN = ("seed", "fields", "accuracy", "laws", *THERAPY, *SPEECH)
OUTSIDE = ("subject", "periphery")  # of these only values


def classes_of(config: Any) -> dict[str, type[Population]]:
    """Return the population class of each kind of cell that a config has, venules among them."""
    venules = config.tissue.venules if config.tissue is not None else None
    has_venules = venules is not None and venules.any and "venule" in config.laws
    kinds = [*config.cells, *(["venule"] if has_venules else [])]
    return {kind: Venule if kind == "venule" else population_class(kind) for kind in kinds}


def tables_of(config: Any, grid: Any, drugs: Sequence[str]) -> LawTables:
    """Return the tables of a config's laws, with a row for each drug of the model."""
    classes = classes_of(config)
    shapes = {kind: each.shape() for kind, each in classes.items() if kind not in TISSUE_KINDS}
    tables = LawTables(config, grid, voxel_volume(config), shapes, ASTROCYTE_STATES, drugs)
    if "oligodendrocyte" in classes:
        tables.count_row("oligodendrocyte")
    return tables


def replicates(one: Any, other: Any) -> bool:
    """Whether two configs are the same but for the seed."""
    names = (name for name in type(one).model_fields if name != "seed" and name not in SPEECH)
    doses, others = ([dose.dose.canonical for dose in config.doses] for config in (one, other))  # 1 per kg is not 1
    return doses == others and all(getattr(one, name) == getattr(other, name) for name in names)


def shared(config: Any) -> list[Any]:
    """Return what slabs of one model cannot have of their own: runs of two configs with equal ones can go together."""
    sections = [getattr(config, name) for name in type(config).model_fields if name not in OWN]
    outside = [_given(getattr(config, name)) for name in OUTSIDE]
    in_csf = [] if config.periphery is None else list(config.periphery.csf_baseline)
    fields = [(name, field.unit) for name, field in config.fields.items()]
    outline = tables_of(config, make_grid(config), drugs_of([config])).outline()
    return [*sections, *outside, in_csf, fields, list(config.laws), outline]


def _given(part: Any) -> Any:
    return None if part is None else sorted(name for name in type(part).model_fields if getattr(part, name) is not None)
