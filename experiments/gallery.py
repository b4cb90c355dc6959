"""docs/scenarios.md: what each scenario is, with a figure made from a run of it.  python -m experiments.gallery

The words are the title and purpose of the scenario's file; which day is shown stands in ``gallery.yaml``.
"""

import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from abm.config import load
from abm.config.files import scenario_names
from experiments.ensemble import Job, Outcome, compute_all

PAGE = Path(__file__).parents[1] / "docs" / "scenarios.md"
PLAN = Path(__file__).with_suffix(".yaml")
FIGURE_DPI = 70  # 1344 x 756 pixels
LAST = "last"
FIRST_FRAME = "output.frames_every=6 h"
HEAD = """<!-- written by `python -m experiments.gallery` -->
# Scenarios

`remyelin run NAME` runs one, `remyelin show NAME --resolved` prints every value with its origin. Any lesion scenario can be
treated: extend it together with a file of `configs/therapies/`, as in `extends: [eae, msc_intrathecal]`.
"""


def read_plan() -> dict[str, Any]:
    """Read which day of each scenario is shown."""
    from ruamel.yaml import YAML

    return YAML(typ="safe", pure=True).load(PLAN.read_text(encoding="utf-8"))


def job(name: str, shown: Mapping[str, Any]) -> Job:
    """Return the run that a figure is made from: the scenario up to the day that is shown."""
    days = () if shown["day"] == LAST else (f"time.days={shown['day']} day", FIRST_FRAME)
    return Job(name, name, (*shown.get("set", ()), *days), shown.get("seed", 1))


def draw(name: str, shown: Mapping[str, Any], run: Any, folder: Path) -> None:
    """Draw the figure of a scenario from its run."""
    from PIL import Image

    from experiments.frames import write_png
    from experiments.render import view_of

    page = view_of([run], shown.get("view"), FIGURE_DPI)
    with tempfile.TemporaryDirectory() as aside:
        path = Path(aside) / "figure.png"
        write_png(path, page.frame(float(run.frame_days[-1])), FIGURE_DPI)
        Image.open(path).save(folder / f"{name}.jpg", quality=82, optimize=True)


def section(name: str, shown: Mapping[str, Any]) -> str:
    """Write what the page says of a scenario."""
    config = load(name)
    day = config.time.days / 24 if shown["day"] == LAST else shown["day"]
    changed = "".join(f" --set '{each}'" for each in shown.get("set", ()))
    size = " x ".join(f"{float(length) / 1000:g}" for length in config.grid.size)
    facts = f"{size} mm, {config.hours / 24:g} days."
    caption = (
        f"Day {day:g} of `remyelin run {name}{changed}{' --seed ' + str(shown['seed']) if 'seed' in shown else ''}`."
    )
    return "\n".join(
        [
            f"## {name}: {config.title}",
            "",
            f"{config.purpose} {facts}",
            "",
            f"![{caption}](scenarios/{name}.jpg)",
            "",
            f"*{caption}*",
        ]
    )


def write(plan: Mapping[str, Any], page: Path = PAGE) -> None:
    """Write the page; figures are drawn by ``draw``."""
    sections = [section(name, plan[name]) for name in scenario_names()]
    page.write_text(HEAD + "\n" + "\n\n".join(sections) + "\n", encoding="utf-8")


def told(outcome: Outcome) -> None:
    """Say on standard error what became of a run."""
    print(f"{outcome.job.name}: {outcome.status} {outcome.error or ''}", file=sys.stderr, flush=True)


def main() -> int:
    """Make the runs, draw every figure and write the page."""
    from abm.run_folder import Run

    plan = read_plan()
    outcomes = compute_all([job(name, plan[name]) for name in scenario_names()], tell=told)
    figures = PAGE.with_suffix("")
    figures.mkdir(exist_ok=True)
    for outcome in outcomes:
        if outcome.is_done:
            draw(outcome.job.name, plan[outcome.job.name], Run.load(outcome.folder), figures)
    write(plan)
    return 0 if all(outcome.is_done for outcome in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
