"""The result of ``bench``: what it holds, how it is read again, shown, and set beside an earlier one."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from experiments.failures import Refused

COLUMNS = ("value", "target", "now / before")


def begun(bandwidth: float) -> dict[str, Any]:
    """Return a result without figures: the machine, the versions and the time."""
    from experiments import provenance

    return {
        "status": "done",
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": provenance.machine_facts(),
        "versions": provenance.versions(),
        "code_version": provenance.code_version(),
        "bandwidth_gb_s": bandwidth / 1e9,
        "workloads": {},
        "left_out": [],
        "error": None,
    }


def read_result(path: Path) -> dict[str, Any]:
    """Read what ``bench --json`` once printed."""
    try:
        lines = path.read_text().strip().splitlines()
        result = json.loads(lines[-1])
        figures = {
            name: [{"name": str(figure["name"]), "value": float(figure["value"])} for figure in of_one]
            for name, of_one in result["workloads"].items()
        }
        return {"bandwidth_gb_s": float(result["bandwidth_gb_s"]), "workloads": figures}
    except OSError as error:
        raise Refused(f"--compare {path}: cannot be read ({error.strerror})") from None
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        raise Refused(f"--compare {path}: not what `remyelin bench --json` printed") from None


def ratios(now: dict[str, Any], before: dict[str, Any]) -> dict[str, float]:
    """Return each figure over the earlier one; times are first taken at the same memory bandwidth."""
    faster = now["bandwidth_gb_s"] / before["bandwidth_gb_s"]
    old = {(w, figure["name"]): figure["value"] for w, figures in before["workloads"].items() for figure in figures}
    return {
        f"{w} {figure['name']}": figure["value"] * (faster if figure["timed"] else 1.0) / old[w, figure["name"]]
        for w, figures in now["workloads"].items()
        for figure in figures
        if old.get((w, figure["name"]))
    }


def rows(name: str, figures: list[dict[str, Any]], changes: dict[str, float]) -> Iterator[tuple[str, ...]]:
    """Give the figures of a workload as lines of a table."""
    from experiments.tables import short

    for figure in figures:
        change = changes.get(f"{name} {figure['name']}")
        value = f"{short(figure['value'])} {figure['unit']}".rstrip()
        yield figure["name"], value, verdict(figure), "" if change is None else f"{change:.2f}"


def verdict(figure: dict[str, Any]) -> str:
    """Say what a figure should be, and whether it is."""
    least, most, value = figure["at_least"], figure["at_most"], figure["value"]
    if least is None and most is None:
        return ""
    if least is not None and most is not None:
        goal, met = f"{least:g} to {most:g}", least <= value <= most
    elif least is not None:
        goal, met = f">= {least:g}", value >= least
    else:
        goal, met = f"<= {most:g}", value <= most
    return f"{goal} {'met' if met else 'MISSED'}"
