"""Which workloads and which peers there are, and how one is run."""

import importlib
import importlib.util
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from experiments.bench.figures import Figure
from experiments.failures import Refused


@dataclass(frozen=True)
class Peer:
    """Another program that does the same: the package it is imported as, the file here that runs it, how to get it."""

    package: str
    module: str
    remedy: str = 'pip install "remyelin[peers]"'


@dataclass(frozen=True)
class Workload:
    """What is measured: a line for people, and the file here whose ``figures(bandwidth)`` does it."""

    about: str
    module: str
    peer: Peer | None = None


WORKLOADS = {
    "W-DIFF": Workload("one stage of the field solver on six grids; a minute", "diffusion"),
    "W-TTS": Workload(
        "an hour of ten fields with moving sources; seconds, its peer compiles for minutes",
        "tts",
        Peer("pde", "peer_pypde"),
    ),
    "W-TTS-U": Workload("the same with moving uptake; seconds", "tts_uptake"),
    "W-AGENT": Workload("agents that climb a field; seconds", "agents", Peer("mesa", "peer_mesa")),
    "W-CELLS": Workload(
        "an hour of cells in ten fields; a minute, with its peer ten", "cells", Peer("pyphysicell", "peer_pyphysicell")
    ),
    "W-STEP": Workload(
        "a step of the lesion at its peak, to 4 million cells; minutes, and some GB",
        "lesion",
        Peer("tests", "peer_twin", "it stands in tests/twin: run the benchmark from a checkout"),
    ),
    "W-SCALE": Workload("a step against the number of fields, slabs and threads; a minute", "scale"),
    "W-ACUTE": Workload("60 days of the scenario acute, on all threads; minutes", "acute"),
}


def known(names: list[str]) -> list[str]:
    """Return names of workloads, or raise Refused at one that is none."""
    if unknown := [name for name in names if name not in WORKLOADS]:
        raise Refused(f"--workload {unknown[0]}: there is no such workload; there are {', '.join(WORKLOADS)}")
    return names


def figures_of(name: str, bandwidth: float) -> Iterator[Figure]:
    """Run a workload."""
    return _load(WORKLOADS[name].module).figures(bandwidth)


def figures_of_peer(name: str, ours: dict[str, float], leave_out: Callable[[str], None]) -> Iterator[Figure]:
    """Run the peer of a workload beside our figures, or say why it is left out: peers are not ours to keep going."""
    peer = WORKLOADS[name].peer
    if peer is None:
        return
    if importlib.util.find_spec(peer.package) is None:
        leave_out(f"{name}: the peer {peer.package} is not installed; {peer.remedy}")
        return
    try:
        yield from _load(peer.module).figures(ours)
    except Exception as error:
        leave_out(f"{name}: the peer {peer.package} failed: {type(error).__name__}: {error}")


def _load(module: str) -> Any:
    return importlib.import_module(f"experiments.bench.{module}")
