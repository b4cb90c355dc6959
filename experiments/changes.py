"""What differs between two configs, seen from a day in the middle of a run: what cannot be changed then, and whether the
changed config would have had the same past."""

import json
import math
from collections.abc import Iterator
from typing import Any

from abm.config.config import Config
from abm.config.vocabulary import COMPARATORS
from abm.doses_in_tissue import EARLY

LEFT_FREE = ("trigger", "conduction", "glia_capacity", "motile_fill", "astrocytes_reactive_above")  # of the tissue
OF_THE_START = {
    "cells": ("initial_density", "motile"),
    "fields": ("unit", "baseline", "amount"),
    "periphery": ("csf_baseline", "initial"),
}
READ_OUTS = ("region", "regions", "readouts")
OF_MSCS = ("source", "donor", "pretreatment", "mechanisms")


def differing(then: Config, now: Config) -> list[tuple[str, ...]]:
    """List the keys of all that can change a run and is not the same in both configs."""
    before, after = (json.loads(config.identity()) for config in (then, now))
    keys = [key for key in {**before, **after} if before.get(key) != after.get(key)]
    return [tuple(key.split(".")) for key in keys if key.split(".")[0] not in READ_OUTS]


def hindrances(then: Config, now: Config, hours: float) -> Iterator[str]:
    """Say, one sentence each, which changes cannot be made at ``hours`` of a run that goes on from then."""
    day = f"day {hours / 24:.6g}"
    for section in ("cells", "fields"):
        for name in sorted(set(getattr(then, section)) ^ set(getattr(now, section))):
            yield f"{section}.{name} cannot come or go in the middle of a run; make a run of its own"
    for section in ("tissue", "subject", "msc", "periphery"):
        if (getattr(then, section, None) is None) != (getattr(now, section, None) is None):
            yield f"{section} cannot come or go in the middle of a run; make a run of its own"
    for key in differing(then, now):
        if _is_of_the_start(key):
            yield f"{'.'.join(key)} is what a run begins with and cannot change at {day}; make a run of its own"
    for kind in now.laws:
        if ("speed" in now.laws[kind]) != ("speed" in then.laws.get(kind, {})):
            yield f"laws.{kind}.speed cannot come or go in the middle of a run; set its base to 0 instead"
    if any(getattr(then, key) != getattr(now, key) for key in READ_OUTS):
        yield f"{', '.join(READ_OUTS)}: a branch has the read-outs of its run; make a run of its own"
    before, after = _begun(then, hours), _begun(now, hours)
    for name, plan in after.items():
        if name not in before:
            yield f"{name} begins before {day}, and the run did not have it; let it begin on {day} or later"
        elif plan != before[name]:
            yield f"{name} had begun before {day}: it can be removed (null), not changed; name another beside it"
    for name in sorted(set(before) & set(_plans(now, hours)) - set(after)):
        yield f"{name} had begun before {day}: it can be removed (null), not put off; name another beside it"


def _is_of_the_start(key: tuple[str, ...]) -> bool:
    """Whether a key says what a run begins with: the grid, the step, the tissue, chance."""
    section, rest = key[0], key[1:]
    if section == "tissue":
        return rest[0] not in LEFT_FREE
    if section in ("seed", "grid") or key == ("time", "step"):
        return True
    return rest[0] in OF_THE_START.get(section, ()) or rest[-1] in OF_THE_START.get(section, ())


def has_same_past(then: Config, now: Config, hours: float) -> bool:
    """Whether a run of the changed config alone is, until ``hours``, the run of the config before.

    So it is where nothing was changed but the length of the run, and doses, comparators and trigger windows that begin
    at that time or later.
    """
    if hours < EARLY:
        return True
    untouched = _begun(then, hours) == _begun(now, hours) and _windows(then, hours) == _windows(now, hours)
    return untouched and all(_is_of_later(key, then, now, hours) for key in differing(then, now))


def _is_of_later(key: tuple[str, ...], then: Config, now: Config, hours: float) -> bool:
    """Whether a change of this key, beside those of plans and windows, has no effect before ``hours``."""
    if key[:2] == ("therapy", "msc") and key[2] in OF_MSCS:
        return not any(_has_mscs(config, hours) for config in (then, now))
    return key == ("time", "days") or key[0] == "therapy" or key[:3] == ("tissue", "trigger", "windows")


def _has_mscs(config: Config, hours: float) -> bool:
    """Whether there can be MSCs before ``hours``."""
    plaques = config.tissue.plaques.values() if config.tissue is not None else ()
    at_start = "msc" in config.cells and config.cells["msc"].initial_density > 0
    given = any(dose.day < hours - EARLY for dose in config.doses)
    return at_start or given or any(plaque.cells.get("msc") for plaque in plaques)


def _plans(config: Config, hours: float) -> dict[str, tuple[float, Any]]:
    """Give every dose and comparator by its name in messages: when it begins, h, and what of it concerns the past."""
    plans: dict[str, tuple[float, Any]] = {}
    for dose in config.doses:
        name = "therapy.msc.dose" if dose.name == "single" else f"therapy.msc.doses.{dose.name}"
        plans[name] = (float(dose.day), (dose, dose.dose.canonical))
    for name in COMPARATORS:
        comparator = getattr(config.therapy, name)
        if comparator is not None:
            ended = {"until": None} if (getattr(comparator, "until", None) or math.inf) > hours - EARLY else {}
            plans[f"therapy.{name}"] = (float(comparator.day), comparator.model_copy(update=ended))
    return plans


def _begun(config: Config, hours: float) -> dict[str, Any]:
    """Give what begins before ``hours``."""
    return {name: plan for name, (begin, plan) in _plans(config, hours).items() if begin < hours - EARLY}


def _windows(config: Config, hours: float) -> dict[str, Any]:
    """Give the windows of the trigger that open before ``hours``."""
    windows = config.tissue.trigger.windows if config.tissue is not None else {}
    return {name: window for name, window in windows.items() if window.from_ < hours - EARLY}
