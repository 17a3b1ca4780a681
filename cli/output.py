"""Output of all commands: tables that fit the terminal, plain text in a pipe, one JSON document for scripts.

Progress goes to standard error, if that is a terminal.
"""

import json
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import pairwise

from rich.console import Console
from rich.padding import Padding
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))

# In a pipe, no line is cut or wrapped.
_PIPE_WIDTH = 10_000

# Styles of cells that contain only this text.
_STYLES: Mapping[str, str] = {
    "active": "green",
    "failing": "bold red",
    "granted": "green",
    "lacking": "bold red",
    "lapsed": "bold red",
    "not wanted": "dim",
    "overdue": "bold red",
    "pending": "yellow",
    "recovered": "green",
    "refused": "bold red",
    "removed": "bold red",
    "unrecoverable": "bold red",
}


def console() -> Console:
    """Return the console for standard output, as wide as the terminal."""
    found = Console(highlight=False, markup=False, emoji=False)
    return found if found.is_terminal else Console(width=_PIPE_WIDTH, highlight=False, markup=False, emoji=False)


def print_json(document: Mapping[str, object]) -> None:
    """Print one document for scripts, in ASCII."""
    sys.stdout.write(json.dumps(document, indent=2) + "\n")


def print_line(out: Console, text: str, style: str = "") -> None:
    """Print a sentence, wrapped between words if the output is a terminal."""
    out.print(Text(printable(text), style=style), soft_wrap=not out.is_terminal)


def print_warnings(out: Console, warnings: Iterable[str]) -> None:
    """Print sentences that an operator must not overlook."""
    for warning in warnings:
        print_line(out, f"! {warning}", "yellow")


def print_rows(out: Console, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table without empty columns; if it is wider than the terminal, print a few lines per row."""
    listed = [tuple(printable(cell) for cell in row) for row in rows]
    used = [column for column in zip(columns, *listed, strict=True) if any(column[1:])]
    heading, *lines = zip(*used, strict=True)
    table = Table(*heading, box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for line in lines:
        table.add_row(*map(_styled, line))
    if out.measure(table, options=out.options.update(width=_PIPE_WIDTH)).maximum <= out.width:
        out.print(table)
        return
    for first, *others in lines:
        named = [
            Text.assemble(f"{column} ", _styled(cell)) for column, cell in zip(heading[1:], others, strict=True) if cell
        ]
        out.print(Text(first, style="bold"))
        out.print(Padding(Text(", ").join(named), (0, 0, 0, 2)))


def _styled(cell: str) -> Text:
    return Text(cell, style=_STYLES.get(cell, ""))


@contextmanager
def busy(what: str) -> Iterator[None]:
    """Show a spinner while the block runs."""
    err = Console(stderr=True)
    if not err.is_terminal:
        yield
        return
    with err.status(what):
        yield


@contextmanager
def bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show a progress bar; the callable adds to the number done and to the total."""
    err = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as shown:
        task, lock, to_do = shown.add_task(what, total=None), threading.Lock(), 0

        def progress(done: int, more: int) -> None:
            nonlocal to_do
            with lock:
                to_do += more
                shown.update(task, advance=done, total=to_do)

        yield progress


def span(time: timedelta) -> str:
    """Return a duration in its one or two largest units, such as "2 d 23 h" or "12 min"; at least "0 s"."""
    seconds = max(0, int(time.total_seconds()))
    for (size, name), (smaller_size, smaller_name) in pairwise(_UNITS):
        if seconds >= size:
            rest = seconds % size // smaller_size
            # From one minute on, leave the seconds out.
            return f"{seconds // size} {name}{f' {rest} {smaller_name}' if rest and size > _UNITS[2][0] else ''}"
    return f"{seconds} s"


def ago(moment: datetime | None, now: datetime) -> str:
    """Return how long ago ``moment`` was; "never" if it is None."""
    return "never" if moment is None else f"{span(now - moment)} ago"


def iso(moment: datetime) -> str:
    """Return a time in UTC in ISO 8601 format, to the second."""
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def iso_or_none(moment: datetime | None) -> str | None:
    """Return ``moment`` in ISO 8601 format, or None."""
    return None if moment is None else iso(moment)


def printable(text: str) -> str:
    """Return ``text`` on one line without control characters: text typed in Teams must not control the terminal."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
