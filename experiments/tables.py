"""Numbers and tables for people: drawn on a terminal, plain aligned text in a pipe, Markdown on a page."""

from collections.abc import Sequence

import typer

Row = Sequence[str]
PLAINLY = (1e-4, 1e6)  # numbers between these are written without a power of ten


def short(number: float, digits: int = 4) -> str:
    """Write a number with a few significant digits: ``0.0198``, ``80000``, ``9.1e-6``."""
    rounded = float(f"{number:.{digits}g}")
    if rounded == 0 or PLAINLY[0] <= abs(rounded) < PLAINLY[1]:
        return f"{rounded:.12g}"
    mantissa, exponent = f"{rounded:e}".split("e")
    return f"{float(mantissa):g}e{int(exponent)}"


def print_table(columns: Row, rows: Sequence[Row]) -> None:
    """Print rows under column names; in a pipe nothing is cut or folded."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    if not console.is_terminal:
        for line in plain(columns, rows):
            typer.echo(line)
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))  # Text: square brackets are signals here, not markup
    console.print(table)


def plain(columns: Row, rows: Sequence[Row]) -> list[str]:
    """Align rows in columns two blanks apart."""
    widths = [max(map(len, column)) for column in zip(columns, *rows)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in (columns, *rows)]


def markdown(columns: Row, rows: Sequence[Row]) -> list[str]:
    """Write rows as a table of GitHub's Markdown."""
    lines = [columns, ["---"] * len(columns), *rows]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines]
