"""From a dose to the density of cells that it brings into the tissue: what runs compute with, and tell before they begin."""

import math
from typing import Any

from abm.config.checks import PER_UM3

EARLY = 1e-6  # h by which a step may begin before what is due in it


def cells_given(config: Any, dose: Any) -> float:
    """Return how many cells a subject gets; of a dose that is a density, the density."""
    return float(dose.dose) * (float(config.subject.mass) if dose.dose.canonical == "1/kg" else 1.0)


def engaged_density(config: Any, cells: Any) -> Any:
    """Return the density (1/mm3) that an intrathecal dose brings to the tissue around the CSF spaces, without a cap."""
    return cells * float(config.msc.intrathecal_fraction) / (float(config.subject.engaged_volume) * PER_UM3)


def arriving_density(config: Any, cells: float) -> float:
    """Return the density (1/mm3) that an intravenous dose brings to the tissue of a fully open venule."""
    return cells * float(config.periphery.cns_fraction) / (float(config.subject.lesion_volume) * PER_UM3)


def peripheral_suppression(config: Any, cells: float) -> float:
    """Return the share by which an intravenous dose lowers the entry of leukocytes: ``a 2 d / (1 + d)``, d = dose / usual."""
    d = cells / float(config.subject.ref_dose)
    return min(1.0, float(config.periphery.suppression.amount) * 2 * d / (1 + d))


def never_given(config: Any) -> list[str]:
    """Say which doses and comparators begin after the last step of a run has begun: they do nothing in it."""
    last = (config.n_steps - 1) * config.step_hours
    begins = {f"dose {dose.name}": dose.day for dose in config.doses}
    begins |= {name: getattr(config.therapy, name).day for name in config.therapy.comparators}
    advice = "it is never given; make the run longer (--days), or let it begin earlier"
    return [
        f"{what} begins on day {float(day) / 24:g}, and the run ends on day {config.hours / 24:g}: {advice}"
        for what, day in begins.items()
        if float(day) > last + EARLY
    ]


def dose_lines(config: Any) -> list[str]:
    """Say of each dose of a configuration what it comes to in the tissue: one line each."""
    return [f"dose {dose.name}: {_given(dose)} {_when(dose)} = {in_tissue(config, dose)}" for dose in config.doses]


def in_tissue(config: Any, dose: Any) -> str:
    """Say what one dose comes to in the tissue."""
    cells = cells_given(config, dose)
    if dose.route == "local":
        return _local(config, dose, cells)
    subject = config.subject
    if dose.route == "intrathecal":
        density, cap = engaged_density(config, cells), float(config.msc.niche_cap)
        share, volume = float(config.msc.intrathecal_fraction), float(subject.engaged_volume) * PER_UM3
        return f"{number(min(density, cap))} MSC/mm3 around venules (n x {share:g} / {volume:g} mm3; cap {cap:g})"
    return (
        f"{number(arriving_density(config, cells))} MSC/mm3 at open venules "
        f"over {3 * float(config.periphery.time_in_blood):.3g} h, "
        f"peripheral suppression {peripheral_suppression(config, cells):.2f}"
    )


def _local(config: Any, dose: Any, amount: float) -> str:
    """Say what a local dose comes to; a part of its disc may lie outside the tissue, which holds so much more."""
    grid, radius = config.grid, float(dose.radius)
    if dose.dose.canonical == "1/mm^3":
        return f"{number(amount)} MSC/mm3 within {radius:g} um"
    flat = len(grid.size) == 2
    place = math.pi * radius**2 * float(grid.thickness) if flat else 4 / 3 * math.pi * radius**3
    tissue = math.prod(float(length) for length in grid.size) * (float(grid.thickness) if flat else 1.0)
    return f"{number(amount / (min(place, tissue) * PER_UM3))} MSC/mm3 within {radius:g} um"


def _given(dose: Any) -> str:
    unit = "cells" if dose.dose.unit == "1" else dose.dose.unit
    return f"{number(dose.dose.typed)} {unit} {dose.route}"


def number(value: float) -> str:
    """Write a number in the way that people type it: 1e6, not 1e+06."""
    return f"{value:.4g}".replace("e+0", "e").replace("e+", "e")


def _when(dose: Any) -> str:
    day = f"{float(dose.day) / 24:g}"
    every = f"{float(dose.every) / 24:g} days" if dose.every is not None else ""
    if dose.when is not None:
        apart = f", {every} apart" if every else ""
        return f"from day {day} when {dose.when.text} (at most {dose.repeats} times{apart})"
    return f"on day {day}" if dose.repeats == 1 else f"{dose.repeats} times from day {day} every {every}"
