"""``docs/benchmarks.md``, written from a result of ``remyelin bench --json`` and one of another machine beside it:

python -m experiments.bench.page RESULT.json ELSEWHERE.json
"""

import json
import re
import sys
from collections.abc import Iterator, Sequence
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


def main(path: Path, elsewhere: Path) -> None:
    """Write the page and its figures from a result, with targets of another machine beside, and keep the results there."""
    result, other = _read(path), _read(elsewhere)
    FOLDER.mkdir(exist_ok=True)
    for name, kept in (("result", result), ("elsewhere", other)):
        (FOLDER / f"{name}.json").write_text(json.dumps(kept) + "\n")
    for name, draw in FIGURES.items():
        draw(FOLDER / f"{name}.png", values(result, name), result["bandwidth_gb_s"])
    PAGE.write_text("\n".join(lines(result, other)) + "\n")


def _read(path: Path) -> dict[str, Any]:
    read_result(path)  # refuses what is none
    return json.loads(path.read_text().strip().splitlines()[-1])


def values(result: dict[str, Any], workload: str) -> dict[str, float]:
    """Return the figures of a workload by name."""
    return {figure["name"]: float(figure["value"]) for figure in result["workloads"][workload]}


def lines(result: dict[str, Any], elsewhere: dict[str, Any]) -> Iterator[str]:
    """Give the page line by line: the notes, with what was measured in its places."""
    results = [result, elsewhere]
    parts = {
        "machines": "\n".join(f"- {_machine(each)}" for each in results),
        "targets": "\n".join(_targets(results)),
        "workloads": "\n".join(_workloads(result)),
    }
    text = NOTES.read_text()
    if unknown := set(re.findall(r"\{\{(\w+)\}\}", text)) - parts.keys():
        raise ValueError(f"{NOTES.name}: there is no {unknown.pop()!r} to put there")
    yield "<!-- written by `python -m experiments.bench.page` from docs/benchmarks/result.json and experiments/bench/page.md -->"
    yield re.sub(r"\{\{(\w+)\}\}", lambda place: parts[place[1]], text).rstrip()


def _machine(result: dict[str, Any]) -> str:
    versions = result["versions"]
    told = ", ".join(f"{name} {versions[name]}" for name in ("python", "numpy", "numba", "mesa") if name in versions)
    return f"{result['when'][:10]}, {_place(result)}: {told}; code version `{result['code_version']}`"


def _place(result: dict[str, Any]) -> str:
    machine = result["machine"]
    return f"{machine['processor']}, {machine['cores']} cores, {result['bandwidth_gb_s']:.1f} GB/s on one thread"


def _targets(results: Sequence[dict[str, Any]]) -> list[str]:
    """A row for each figure that has a target in the first result; what others found stands beside it."""
    found = [{(w, f["name"]): f for w, figures in each["workloads"].items() for f in figures} for each in results]
    rows = []
    for (workload, name), figure in found[0].items():
        goal = verdict(figure).rpartition(" ")[0]
        if goal:
            each = [_judged(figures.get((workload, name))) for figures in found]
            rows.append((workload, name, goal, *each))
    heads = [f"{each['machine']['processor']}, {each['bandwidth_gb_s']:.0f} GB/s" for each in results]
    return markdown(("workload", "figure", "target", *heads), rows)


def _judged(figure: dict[str, Any] | None) -> str:
    if figure is None:
        return "not measured"
    return f"{_told(figure)} {verdict(figure).rpartition(' ')[2].replace('MISSED', '**missed**')}"


def _told(figure: dict[str, Any]) -> str:
    return f"{short(figure['value'])} {figure['unit']}".rstrip()


def _workloads(result: dict[str, Any]) -> Iterator[str]:
    for name, figures in result["workloads"].items():
        yield f"### {name}: {WORKLOADS[name].about.split(';')[0]}"
        yield ""
        if name in CAPTIONS:
            yield f"![{CAPTIONS[name]}](benchmarks/{name}.png)"
            yield ""
        yield from markdown(("figure", "value"), [(figure["name"], _told(figure)) for figure in figures])
        yield ""


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:3]))
