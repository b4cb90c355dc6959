"""How cells look in a picture: which of a kind are drawn alike, in what colour, shape and size."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from experiments.palette import M1_LIKE, M2_LIKE

SMALLEST, LARGEST = 5.0, 18.0  # diameter of a point, px
ENLARGED = 1.25  # times its size in the tissue
COVER = 0.12  # share of a full map that the cells of a group may cover at their peak
FAINT, FAINT_PIXELS = 0.6, 0.6  # opacity and share of the size of cells that are everywhere
EDGE_WIDTH = 0.07  # points of dark edge for each pixel of diameter
TREATMENT, TREATMENT_PIXELS = "msc", 24.0
NOT_CELLS = ("neuron", "venule")  # axon bundles and vessels belong to the tissue
SESSILE_DRAWN = ("premyelinating_ol",)  # the other sessile glia are everywhere and would hide the rest
MARKERS = {"microglia": "D", "premyelinating_ol": "s", "msc": "*"}


@dataclass(frozen=True)
class Group:
    """Cells of one kind that are drawn alike: all, or those whose ``column`` lies on one side of a half."""

    kind: str
    words: str = ""
    column: str = ""
    above: bool = True
    colour: str = ""
    faint: bool = False


GROUPS = {
    "microglia.resting": Group("microglia", "resting", "active", above=False, faint=True),
    "microglia.active": Group("microglia", "active", "active"),
    "macrophage.m2": Group("macrophage", "M2-like", "m1", above=False, colour=M2_LIKE),
    "macrophage.m1": Group("macrophage", "M1-like", "m1", colour=M1_LIKE),
}


@dataclass(frozen=True)
class Look:
    """How a group of cells is drawn."""

    label: str
    colour: str
    pixels: float
    marker: str
    edge_width: float
    opacity: float = 1


def group_of(name: str) -> Group:
    """The group of that name: one of those that divide a kind, or a kind as a whole."""
    return GROUPS.get(name, Group(name))


def group_names(cells: dict[str, Any]) -> list[str]:
    """The groups that can be drawn, in the order of the config."""
    divided = {group.kind for group in GROUPS.values()}
    names = []
    for kind, cell in cells.items():
        if kind not in NOT_CELLS and (cell.motile or kind in SESSILE_DRAWN):
            parts = [name for name, group in reversed(GROUPS.items()) if group.kind == kind]
            names += parts if kind in divided else [kind]
    return names


def looks_of(most: Mapping[str, int], described: Mapping[str, Any], map_pixels: float, width: float) -> dict[str, Look]:
    """Choose how to draw each group of cells; the lowest come first: faint ones, then the most numerous.

    most         cells of each group that are seen at a time;  described  the kinds, as configs have them
    map_pixels   of the map, which shows ``width`` um
    """
    scale = ENLARGED * map_pixels / width
    looks = {}
    for name in sorted((name for name in most if most[name]), key=lambda name: (not group_of(name).faint, -most[name])):
        group = group_of(name)
        cell = described[group.kind]
        crowded = map_pixels * np.sqrt(COVER / most[name])
        pixels = min(max(min(crowded, float(cell.diameter) * scale), SMALLEST), LARGEST)
        label = f"{cell.label}, {group.words}" if group.words else cell.label
        marker = MARKERS.get(group.kind, "o")
        looks[name] = Look(label, group.colour or cell.colour, pixels, marker, edge_width=EDGE_WIDTH * pixels)
        if group.faint:
            looks[name] = replace(looks[name], pixels=FAINT_PIXELS * pixels, opacity=FAINT, edge_width=0)
    if TREATMENT in looks:
        looks[TREATMENT] = replace(looks.pop(TREATMENT), pixels=TREATMENT_PIXELS, edge_width=1.5)
    return looks
