"""How pictures and figures write days, units and numbers for people."""

import math

NOTICE = "a simulation, not for clinical use"
DECIMALS = 3  # of a day: a minute and a half


def written(day: float) -> str:
    """Write a day with as many decimals as it needs: ``14``, ``0.25``, ``0.042``."""
    return f"{round(float(day), DECIMALS):.10g}"


def plain(text: str) -> str:
    """Write a quantity as people print it: ``cells/mm³`` for ``cells/mm^3``."""
    return text.replace("^3", "³").replace("^2", "²").replace("mm3", "mm³").replace("mm2", "mm²").replace("uM", "µM")


def measured(value: float) -> str:
    """Write what was measured, never something small as zero: ``1.23``, ``0.012``, ``0.0004``, ``8e-6``, ``0``."""
    if abs(value) < 0.001:
        return f"{value:.1g}".replace("e-0", "e-")
    return f"{value:.3f}" if abs(value) < 0.1 else f"{value:.2f}"


def percent(value: float) -> str:
    """Write a percentage; a dash where there is nothing to take it of."""
    return f"{value:.0f} %" if math.isfinite(value) else "–"
