"""What this machine can do, in facts for programs and sentences for people; and whether its targets agree to the bit."""

import importlib.util
import math
import os
from collections.abc import Iterable, Sequence

from abm.config.memory import total_and_free
from experiments import provenance

PARITY_SCENARIO = "demo"
MSC = ("therapy.msc.dose=3000 cells/mm^3", "therapy.msc.route=local", "therapy.msc.day=0")
# Small and short enough for plain Python; and large enough that cells divide, die and come in.
TINY = ("grid.size=[160, 160]", "tissue.venules.positions.central={x: 80, y: 80}", *MSC)
SMALL = ("grid.size=[400, 400]", "tissue.venules.positions.central={x: 200, y: 200}", *MSC)
TINY_STEPS, SMALL_STEPS = 3, 120


def examine(parity: bool = False) -> dict:
    """Return facts about processor, memory, libraries, kernel cache and GPU; with ``parity`` also compare digests."""
    from kernels.device import usable_threads

    total, free = (each / 2**30 for each in total_and_free())
    found = {
        "status": "done",
        "code_version": provenance.code_version(),
        "machine": {**provenance.machine_facts(), "memory_free_gib": round(free, 1), "memory_gib": round(total, 1)},
        "threads": usable_threads(),
        "versions": provenance.versions(),
        "cache": examine_cache(),
        "gpu": examine_gpu(),
        "error": None,
    }
    if parity:
        found["parity"] = compare_targets()
        if not found["parity"]["agree"]:  # type: ignore[index]
            found |= {"status": "failed", "error": "the targets of this machine do not agree to the bit"}
    return found


def examine_cache() -> dict:
    """Return folder, size and writability of the kernel cache."""
    from kernels.launch import cache_folder

    folder = cache_folder()
    files = [path for path in folder.rglob("*") if path.is_file()] if folder.exists() else []
    nearest = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    return {
        "folder": str(folder),
        "kernels": sum(path.suffix == ".py" for path in files),
        "mb": round(sum(path.stat().st_size for path in files) / 1e6, 1),
        "writable": nearest.is_dir() and os.access(nearest, os.W_OK),
    }


def examine_gpu() -> dict:
    """Return whether a CUDA device can be used, its name, and what is missing if not."""
    from kernels.device import find_gpu, has_driver

    packages = {name: importlib.util.find_spec(name) is not None for name in ("cupy", "numba_cuda")}
    missing = [name.replace("_", "-") for name, there in packages.items() if not there]
    device, why = find_gpu()
    return {
        "usable": device is not None and not missing,
        "device": device,
        "driver": has_driver(),
        "missing_packages": missing,
        "why_not": why,
    }


def compare_targets() -> dict:
    """Run two lesions on each target and thread count, and compare the digests of the complete state."""
    from kernels.device import find_gpu

    compiled = [("cpu, 1 thread", "cpu", 1), ("cpu, 2 threads", "cpu", 2)]
    device, _ = find_gpu()
    if device is not None:
        compiled.append((f"cuda, {device}", "cuda", 1))
    found = [
        _compare(TINY, TINY_STEPS, [*compiled, ("plain python", "python", 1)]),
        _compare(SMALL, SMALL_STEPS, compiled),
    ]
    return {"gpu": device, "lesions": found, "agree": all(each["agree"] for each in found)}


def _compare(overrides: Sequence[str], steps: int, targets: Iterable[tuple[str, str, int]]) -> dict:
    from abm.config import load
    from abm.model import LesionModel
    from experiments.run import open_machine

    config = load(PARITY_SCENARIO, overrides=overrides)
    digests, cells = {}, 0
    for name, backend, threads in targets:
        model = LesionModel(config, open_machine(backend, threads))
        for _ in range(steps):
            model.step()
        digests[name], cells = model.digest(), sum(model.counts().values())
    agree = len(set(digests.values())) == 1
    return {"steps": steps, "voxels": math.prod(config.shape), "cells": cells, "digests": digests, "agree": agree}


def sentences(found: dict) -> list[str]:
    """Write what was found for people."""
    machine, cache, gpu = found["machine"], found["cache"], found["gpu"]
    lines = [
        f"remyelin {found['code_version']} on {machine['host']} ({machine['system']})",
        f"Processor: {machine['processor']}, {machine['cores']} cores; runs use {found['threads']} threads (--threads).",
        f"Memory: {machine['memory_gib']} GiB, {machine['memory_free_gib']} GiB free.",
        "Versions: " + ", ".join(f"{name} {version}" for name, version in found["versions"].items()) + ".",
        f"Kernel cache: {cache['folder']}, {cache['kernels']} kernels, {cache['mb']} MB; "
        "set REMYELIN_CACHE to keep it elsewhere.",
    ]
    if not cache["writable"]:
        lines.append("The kernel cache cannot be written: every run compiles its kernels anew (about 20 s).")
    lines.append(_gpu_sentence(gpu))
    if "parity" in found:
        lines += _parity_sentences(found["parity"])
    return lines


def _parity_sentences(parity: dict) -> list[str]:
    lines = []
    for lesion in parity["lesions"]:
        lines.append(
            f"Parity after {lesion['steps']} steps of {lesion['voxels']:,} voxels and {lesion['cells']:,} cells:"
        )
        lines += [f"  {name:15s} {digest}" for name, digest in lesion["digests"].items()]
    verdict = "agree to the bit" if parity["agree"] else "DO NOT AGREE; please report this machine"
    beside = "" if parity["gpu"] else " (no GPU here: CUDA was not compared)"
    return [*lines, f"Parity: the targets {verdict}{beside}."]


def _gpu_sentence(gpu: dict) -> str:
    from kernels.device import GPU_PAYS

    if gpu["usable"]:
        return (
            f"GPU: {gpu['device']}; runs of {GPU_PAYS:,} voxels and more use it (by estimate: from what size a GPU pays has "
            "not been measured), others with --backend cuda. Compare its bits first: remyelin doctor --parity."
        )
    if not gpu["driver"]:
        return "GPU: no NVIDIA driver on this machine; runs use the CPU."
    if gpu["missing_packages"]:
        missing = " and ".join(gpu["missing_packages"])
        return f'GPU: a driver is here, but {missing} is not installed: pip install "remyelin[gpu13]" (or gpu12).'
    return (
        f"GPU: driver and packages are here, but {gpu['why_not']}; is one given to this process (CUDA_VISIBLE_DEVICES)?"
    )
