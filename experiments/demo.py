"""``make demo``: one lesion untreated and with MSCs placed in its tissue, side by side, as an animation and as numbers."""

import json
import subprocess
import sys
import time
from pathlib import Path

TREATMENT = ("therapy.msc.route=local", "therapy.msc.dose=1000 cells/mm^3", "therapy.msc.day=7")
READOUTS = {
    "lesion area, mm2": "lesion_area_mm2",
    "demyelinated axons": "demyelinated_fraction",
    "remyelinated area, mm2": "remyelinated_area_mm2",
    "axons lost in the lesion": "axon_loss",
    "macrophages M2 : M1": "m2_m1",
    "BBB leak": "bbb_leak",
    "conducting axons": "amplitude",
}


def start(scenario: str, overrides: tuple[str, ...], quiet: bool) -> subprocess.Popen:
    """Start one arm as a process of its own: each takes one core."""
    command = [sys.executable, "-m", "experiments", "run", scenario, "--threads", "1", "--json"]
    for override in overrides:
        command += ["--set", override]
    return subprocess.Popen([*command, *(["--quiet"] if quiet else [])], stdout=subprocess.PIPE, text=True)


def main(scenario: str = "demo", out: str = "runs/demo") -> int:
    """Run both arms, animate them on one clock, and print what became of each."""
    begin = time.monotonic()
    print(
        f"two arms of the scenario '{scenario}', untreated and with MSCs, one core each; progress of the first:",
        flush=True,
    )
    arms = [start(scenario, (), quiet=False), start(scenario, TREATMENT, quiet=True)]
    results = [json.loads(arm.communicate()[0].splitlines()[-1]) for arm in arms]
    for result in results:
        if result["error"]:
            print(result["error"], file=sys.stderr)
            return 1
    folders = [result["run"] for result in results]
    film, poster = Path(out) / "arms.mp4", Path(out) / "lesion.png"
    for command in (
        ["animate", *folders, "--view", "arms", "-o", str(film)],
        ["picture", folders[0], "--day", "14", "-o", str(poster)],
    ):
        subprocess.run([sys.executable, "-m", "experiments", *command], check=True)
    print_numbers(folders)
    print(
        f"animation  {film}\npicture    {poster}\nnumbers    {folders[0]}/measures.csv\n           {folders[1]}/measures.csv"
    )
    print(f"done in {time.monotonic() - begin:.0f} s")
    return 0


def print_numbers(folders: list[str]) -> None:
    """Print the worst and the last value of each read-out, arm by arm."""
    from rich.console import Console
    from rich.table import Table

    from abm.run_folder import Run

    tables = [Run.load(folder).measures for folder in folders]
    last = float(tables[0]["day"].iloc[-1])
    table = Table(
        "", "untreated, peak", f"day {last:g}", "MSC, peak", f"day {last:g}", title="What became of the lesion"
    )
    for label, name in READOUTS.items():
        row = [label]
        for measures in tables:
            row += [f"{measures[name].max():.3g}", f"{measures[name].iloc[-1]:.3g}"]
        table.add_row(*row)
    Console().print(table)


if __name__ == "__main__":
    sys.exit(main())
