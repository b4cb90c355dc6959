"""Words that laws and conditions may use: what the code of each kind does and keeps. A new behaviour is one line here."""

from abm.config.units import same_dimension

MECHANISMS = (
    "t_cell_suppression",
    "b_cell_suppression",
    "dendritic_suppression",
    "macrophage_suppression",
    "treg_induction",
    "m2_polarisation",
    "trophic_factors",
    "opc_recruitment",
    "cytokine_reduction",
    "ros_scavenging",
    "netosis_inhibition",
)
COMPARATORS = ("ahsct", "anti_cd20", "natalizumab", "dimethyl_fumarate")

# owners of laws that are no kind of cell
PLACES = ("astrocytes", "tissue", "venule")
TISSUE_KINDS = ("astrocytes", "tissue", "neuron")  # owners of laws that are of voxels, not of cells

TISSUE_STATES = ("need", "deficit", "demyelinated", "ol_fraction", "scar", "myelin", "axons", "bbb", "trigger")

# law name -> type; `<field>` and `<kind>` stand for a name
EXCHANGE = {"secrete_<field>": "secretion", "uptake_<field>": "uptake"}
ENTRY = {"enter_<kind>": "rate"}
ANY_CELL = EXCHANGE | {"divide": "rate", "die": "rate", "become_<kind>": "rate", "speed": "speed", "bias": "bias"}
SWITCH = {"activate": "rate", "deactivate": "rate"}
SCORE = {"to_m1": "rate", "to_m2": "rate"}
BEHAVIOURS: dict[str, dict[str, str]] = {
    "th1": ANY_CELL | SWITCH,
    "th17": ANY_CELL | SWITCH,
    "cd8": ANY_CELL | SWITCH,
    "treg": ANY_CELL,
    "b_cell": ANY_CELL | SWITCH,
    "plasma_cell": ANY_CELL,
    "dendritic": ANY_CELL | {"mature": "rate"},
    "macrophage": ANY_CELL | SCORE,
    "microglia": ANY_CELL | SCORE | {"alarm": "level", "activate": "rate", "calm": "rate"},
    "neutrophil": ANY_CELL | {"netose": "rate", "be_engulfed": "rate", "release_<field>": "secretion"},
    "opc": ANY_CELL | {"differentiate": "rate"},
    "premyelinating_ol": ANY_CELL | {"mature": "rate"},
    "oligodendrocyte": ANY_CELL | {"myelinate": "rate"},
    "neuron": dict.fromkeys(("swell", "recover", "transect", "degenerate", "clear_ovoid"), "rate"),
    "msc": ANY_CELL | {"licence": "level"},
    "astrocytes": EXCHANGE | {"reactivity": "level", "scar": "rate"},
    "tissue": EXCHANGE | ENTRY | dict.fromkeys(("strip_myelin", "shed_dead_myelin", "clear_debris"), "rate"),
    "venule": EXCHANGE | ENTRY | {"open": "rate", "close": "rate"},
}
OTHER_CELL = ANY_CELL | SWITCH  # a kind that a modeller adds

# own states and their units; `density.<kind>.<state>` sums one that is a pure number
ANY_STATE = {"age": "h"}
LYMPHOCYTE_STATES = {"active": "1", "divided": "1"}
T_STATES = LYMPHOCYTE_STATES | {"since_antigen": "h"}
STATES: dict[str, dict[str, str]] = {
    "th1": T_STATES,
    "th17": T_STATES,
    "cd8": T_STATES,
    "b_cell": LYMPHOCYTE_STATES,
    "dendritic": {"mature": "1"},
    "macrophage": {"m1": "1", "m2": "1"},
    "microglia": {"active": "1", "m1": "1", "m2": "1", "alarm": "1"},
    "msc": {"licence": "1", "immune": "1", "trophic": "1", "remyel": "1"},
    "astrocytes": {"reactivity": "1", "reactive_days": "day"},
}

# law type -> example units; a law's unit has the dimension of one of them
TYPE_UNITS: dict[str, tuple[str, ...]] = {
    "rate": ("1/day",),
    "level": ("1",),
    "secretion": ("molecules/s",),
    "uptake": ("um^3/s",),
    "speed": ("um/min",),
    "bias": ("1",),
}
ENTRY_UNITS = ("1/mm^3/day",)
TISSUE_SECRETION_UNITS = ("molecules/s", "uM/s", "pg/mL/s")
RELEASE_UNITS = ("units/event",)

FIELD_UNITS = ("pg/mL", "uM", "1/mm3", "1")

# what the tissue shows of each voxel, as fractions of the healthy state
LAYERS = ("myelin", "remyelinated", "axons", "swollen", "ovoids", "reactivity")

# regions that need no definition; the first is that of the read-outs unless `region:` says otherwise
REGIONS = ("ever_demyelinated", "demyelinated", "whole")

# read-out -> unit
READ_OUTS = {
    "lesion_area_mm2": "mm^2",
    "demyelinated_fraction": "1",
    "remyelinated_area_mm2": "mm^2",
    "mean.myelin": "1",
    "core.myelin": "1",
    "debris_mean": "1",
    "axon_loss": "1",
    "axon_swollen": "1",
    "transected_per_mm3": "1/mm^3",
    "region_mm3": "mm^3",
    "bbb_leak": "1",
    "bbb_max": "1",
    "m1_m2": "1",
    "m2_m1": "1",
    "m1_mean": "1",
    "phagocytes": "1",
    "treg_fraction": "1",
    "macrophage_t_ratio": "1",
    "cd8_cd4": "1",
    "net_load": "1/mm^3",
    "g_ratio": "1",
    "velocity_m_s": "m/s",
    "latency_ms": "ms",
    "amplitude": "1",
    "t2_volume_mm3": "mm^3",
    "msc_density": "1/mm^3",
    "msc.lung": "1",
    "msc.blood": "1",
    "msc.csf": "1",
    "peripheral_suppression": "1",
}
FIELD_READ_OUTS = ("mean", "core", "csf")  # in the unit of the field
BUDGET_READ_OUTS = ("mass_error", "clamped_mass")
KIND_READ_OUTS = {"count": "1", "density": "1/mm^3", "entry": "1"}
READ_OUT_ALIASES = {"lesion.area": "lesion_area_mm2"}

# states of cells that are 0 or 1, and those that follow from others
SWITCHED_STATES = ("active", "mature", "divided")
FOLLOWING_STATES = ("m2",)


def behaviours(owner: str) -> dict[str, str]:
    """Give the law names an owner may have, with the type of each."""
    return BEHAVIOURS.get(owner, OTHER_CELL)


def own_states(owner: str) -> dict[str, str]:
    """Give the names that may follow ``self.`` in the laws of an owner, with their units."""
    if owner in ("tissue", "venule", "neuron"):
        return {}
    if owner == "astrocytes":
        return STATES[owner]
    return ANY_STATE | (STATES.get(owner, {}) if owner in BEHAVIOURS else {"active": "1"})


def summed_states(kind: str) -> list[str]:
    """Give the states that ``density.<kind>.<state>`` may sum."""
    return [name for name, unit in own_states(kind).items() if same_dimension(unit, "1")]


def states_to_set(kind: str) -> list[str]:
    """Give the states that cells of a kind may be given at the start."""
    return [name for name in summed_states(kind) if name not in FOLLOWING_STATES]


def law_units(owner: str, name: str, law_type: str) -> tuple[str, ...]:
    """Give example units, one of each dimension that a law of this name and type may have."""
    if name.startswith("enter_"):
        return ENTRY_UNITS
    if law_type == "secretion" and name.startswith("release_"):
        return RELEASE_UNITS
    if law_type == "secretion" and owner == "tissue":
        return TISSUE_SECRETION_UNITS
    return TYPE_UNITS[law_type]
