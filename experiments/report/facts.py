"""What a report says in words and tables: how far runs are, what was given, what differs, what they rest on."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from abm.doses_in_tissue import dose_lines
from experiments.budget import COLUMNS, MOST_MISSED
from experiments.folders import LOG
from experiments.info import differing
from experiments.labels import treatment
from experiments.progress import duration
from experiments.sources import Citation, by_source, citations, values
from experiments.status import status_now
from experiments.tables import short
from experiments.words import plain, written

WARNING = re.compile(r"^\S+ \S+ WARNING (.*)$", re.MULTILINE)
SOURCES = {"assumed": "assumed", "recalled": "recalled", "looked-up": "cited", "missing": "no source"}
STATUSES = {"done": "finished", "running": "still running", "stopped": "stopped", "failed": "failed"}
LINKS = ("https://", "http://")


@dataclass(frozen=True)
class About:
    """One run in words."""

    name: str
    given: str
    status: str
    day: str
    days: str
    what: str
    where: str
    treatments: list[str]

    @property
    def is_done(self) -> bool:
        return self.status == STATUSES["done"]


def about(run: Any, name: str) -> About:
    """Say what a run is, what was given in it, and how far it is."""
    status, what = status_now(run.folder, run.info)
    size = " × ".join(f"{float(side) / 1000:g}" for side in run.config.grid.size)
    days = [*run.measures["day"].tolist(), *run.frame_days.tolist()]
    return About(
        name=name,
        given=plain(treatment(run)),
        status=STATUSES.get(status, status),
        day=written(max(days)),
        days=f"{run.config.hours / 24:g}",
        what=f"computed by {what}" if status == "running" else what,
        where=f"scenario {run.name}, {size} mm, seed {run.config.seed}",
        treatments=[*_comparators(run.config), *map(plain, dose_lines(run.config))],
    )


def _comparators(config: Any) -> list[str]:
    """Say when each comparator is given: a drug from a day on, a transplantation once."""
    lines = []
    for name in config.therapy.comparators:
        plan = getattr(config.therapy, name)
        begins, until = f"day {float(plan.day) / 24:g}", getattr(plan, "until", None)
        when = f"from {begins} on" if hasattr(plan, "until") else f"on {begins}"
        lines.append(f"{name.replace('_', ' ')} {when}{f', until day {float(until) / 24:g}' if until else ''}")
    return lines


def events(run: Any) -> list[tuple[str, str, str]]:
    """Day, kind and words of what happened, in order."""
    return [(written(event["day"]), str(event["kind"]), plain(str(event["text"]))) for event in run.events]


def warnings(run: Any) -> list[str]:
    """The warnings in the log of a run, each once."""
    try:
        text = (run.folder / LOG).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return list(dict.fromkeys(WARNING.findall(text)))


def differences(runs: Sequence[Any]) -> list[tuple[str, list[str]]]:
    """The keys of the configs in which any run differs from the first, each with its value in every run."""
    found = [{each.key: each for each in differing(runs[0].config, run.config)} for run in runs]
    firsts = {key: each.first for differences in found for key, each in differences.items()}
    return [
        (key, [differences[key].second if key in differences else first for differences in found])
        for key, first in firsts.items()
    ]


def source_counts(run: Any) -> list[tuple[str, str, int]]:
    """How many values of biology there are of each kind of source: the kind, words for it, and the number."""
    return [(kind, SOURCES[kind], count) for kind, count in by_source(values(run.config)).items() if count]


def literature(runs: Sequence[Any]) -> list[tuple[Citation, str]]:
    """What the runs rest on, each with an address that is safe to follow, or none."""
    found = {each.key: each for run in runs for each in citations(run.config)}
    return [(each, each.link if each.link.startswith(LINKS) else "") for _, each in sorted(found.items())]


def budgets(run: Any) -> list[list[str]]:
    """The books of the fields so far: a row for each, under ``budget.HEADINGS``."""
    labels = {name: field.label for name, field in run.config.fields.items()}
    return [
        [
            labels.get(name, name),
            *(short(book[what]) for what in COLUMNS),
            plain(book["unit"]),
            f"{book['error']:.0e}" + (" (!)" if book["error"] > MOST_MISSED else ""),
        ]
        for name, book in (run.info.get("budgets") or {}).items()
    ]


def provenance(run: Any) -> list[tuple[str, str]]:
    """What made a run, as pairs of a name and words."""
    info, machine = run.info, run.info.get("machine") or {}
    sessions, parent = info.get("sessions") or [{}], info.get("branched_from") or {}
    parts = [
        ("scenario", info["name"]),
        ("command", info.get("command")),
        ("folder", run.folder),
        ("seed", info.get("seed")),
        ("identity", info.get("identity")),
        ("branched from", f"{parent['identity']} on day {parent['day']:g}" if parent else None),
        ("digest", info.get("digest")),
        ("code version", info["code_version"]),
        ("steps", f"{info.get('steps') or 0:,} of {run.config.step_hours * 60:g} min"),
        ("begun", sessions[0].get("begun")),
        (
            "wall time",
            f"{duration(info.get('wall_s') or 0)}, in {len(sessions)} stretch{'es'[: 2 * (len(sessions) > 1)]}",
        ),
        ("computed on", f"{info.get('backend')}, {info.get('threads')} threads"),
        ("machine", ", ".join(f"{value} {unit}".strip() for value, unit in _machine(machine))),
        ("versions", ", ".join(f"{name} {version}" for name, version in (info.get("versions") or {}).items())),
    ]
    return [(name, str(text)) for name, text in parts if text not in (None, "")]


def _machine(machine: dict[str, Any]) -> list[tuple[Any, str]]:
    units = {"processor": "", "cores": "cores", "memory_gib": "GiB of memory", "system": "", "host": ""}
    return [(machine[name], unit) for name, unit in units.items() if name in machine]
