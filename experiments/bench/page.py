"""``docs/benchmarks.md``, written from a result of ``remyelin bench --json``:  python -m experiments.bench.page RESULT.json"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from experiments.bench.page_figures import grids_figure, scale_figure, step_figure
from experiments.bench.result import read_result, verdict
from experiments.bench.workloads import WORKLOADS
from experiments.tables import markdown, short

DOCS = Path(__file__).parents[2] / "docs"
PAGE, FOLDER = DOCS / "benchmarks.md", DOCS / "benchmarks"
NOTES = Path(__file__).with_name("page.md")
FIGURES = {"W-DIFF": grids_figure, "W-STEP": step_figure, "W-SCALE": scale_figure}
CAPTIONS = {
    "W-DIFF": "One stage of the solver against the size of the grid, beside the memory time of its bytes",
    "W-STEP": "What a cell and step take, phase by phase, against the number of cells",
    "W-SCALE": "What a step takes against the number of fields, slabs and threads",
}


def main(path: Path) -> None:
    """Write the page and its figures from a result, and keep the result beside them."""
    read_result(path)  # refuses what is none
    result = json.loads(path.read_text().strip().splitlines()[-1])
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / "result.json").write_text(json.dumps(result) + "\n")
    for name, draw in FIGURES.items():
        draw(FOLDER / f"{name}.png", values(result, name), result["bandwidth_gb_s"])
    PAGE.write_text("\n".join(lines(result)) + "\n")


def values(result: dict[str, Any], workload: str) -> dict[str, float]:
    """Return the figures of a workload by name."""
    return {figure["name"]: float(figure["value"]) for figure in result["workloads"][workload]}


def lines(result: dict[str, Any]) -> Iterator[str]:
    """Give the page line by line: the notes, with what was measured in its places."""
    parts = {
        "when": result["when"][:10],
        "machine": _machine(result),
        "targets": "\n".join(_targets(result)),
        "workloads": "\n".join(_workloads(result)),
    }
    text = NOTES.read_text()
    if unknown := set(re.findall(r"\{\{(\w+)\}\}", text)) - parts.keys():
        raise ValueError(f"{NOTES.name}: there is no {unknown.pop()!r} to put there")
    yield "<!-- written by `python -m experiments.bench.page` from docs/benchmarks/result.json and experiments/bench/page.md -->"
    yield re.sub(r"\{\{(\w+)\}\}", lambda place: parts[place[1]], text).rstrip()


def _machine(result: dict[str, Any]) -> str:
    machine, versions = result["machine"], result["versions"]
    told = ", ".join(
        f"{name} {version}" for name, version in versions.items() if name in ("python", "numpy", "numba", "mesa")
    )
    return (
        f"{machine['processor']}, {machine['cores']} cores, {result['bandwidth_gb_s']:.1f} GB/s on one thread; "
        f"{told}; code version `{result['code_version']}`"
    )


def _targets(result: dict[str, Any]) -> list[str]:
    rows = [
        (
            name,
            figure["name"],
            f"{short(figure['value'])} {figure['unit']}".rstrip(),
            verdict(figure).replace("MISSED", "**missed**"),
        )
        for name, figures in result["workloads"].items()
        for figure in figures
        if verdict(figure)
    ]
    return markdown(("workload", "figure", "value", "target"), rows)


def _told(figure: dict[str, Any]) -> str:
    return f"{short(figure['value'])} {figure['unit']}".rstrip()


def _workloads(result: dict[str, Any]) -> Iterator[str]:
    for name, figures in result["workloads"].items():
        yield f"### {name}: {WORKLOADS[name].about.split(';')[0]}"
        yield ""
        if name in CAPTIONS:
            yield f"![{CAPTIONS[name]}](benchmarks/{name}.png)"
            yield ""
        yield from markdown(
            ("figure", "value"), [(f["name"], f"{short(f['value'])} {f['unit']}".rstrip()) for f in figures]
        )
        yield ""


if __name__ == "__main__":
    main(Path(sys.argv[1]))
