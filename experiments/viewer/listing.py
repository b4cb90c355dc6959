"""The list of runs of a folder, to choose one or several from: a plain form, whose answer is the address of their page."""

from urllib.parse import urlencode

from experiments.viewer.shelf import MOST, Shelf
from experiments.viewer.style import safe

HEADS = ("", "run", "scenario", "seed", "status", "day", "")


def listing(shelf: Shelf) -> str:
    """Write the list as HTML."""
    rows = "".join(row_of(shelf, name) for name in shelf.folders)
    heads = "".join(f"<th>{head}</th>" for head in HEADS)
    return (
        f"<h1>{len(shelf.folders)} runs</h1>"
        f'<p class="dim">Choose one, or tick up to {MOST} to see them side by side on one clock. '
        "Simulations, not for clinical use.</p>"
        f'<form method="get"><table class="list"><tr>{heads}</tr>{rows}</table>'
        "<button>Show those ticked</button></form>"
    )


def row_of(shelf: Shelf, name: str) -> str:
    """Write a run as a row."""
    _, scenario, seed, status, day, what = shelf.row(name)
    tick = f'<input type="checkbox" name="run" value="{safe(name)}" aria-label="{safe(name)}">'
    link = f'<a href="{safe("?" + urlencode({"run": name}))}">{safe(name)}</a>'
    cells = (tick, link, *(safe(text) for text in (scenario, seed, status, day, what)))
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
