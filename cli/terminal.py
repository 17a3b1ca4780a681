"""Output of all commands: tables that fit the terminal, plain text in a pipe, one JSON document for scripts."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated

import typer
from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from cli.texts import printable

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]

# In a pipe, no line is cut or wrapped.
_PIPE_WIDTH = 10_000
_SEPARATOR = "  "

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


def print_rows(out: Console, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table without empty columns; if it is wider than the terminal, print a few lines per row."""
    listed = [tuple(printable(cell) for cell in row) for row in rows]
    used = [column for column in zip(columns, *listed, strict=True) if any(column[1:])]
    widths = [max(map(cell_len, column)) for column in used]
    heading, *lines = zip(*used, strict=True)
    if sum(widths) + len(_SEPARATOR) * (len(widths) - 1) > out.width:
        for line in lines:
            _print_record(out, heading, line)
        return
    out.print(Text(_align(heading, widths), style="dim"))
    for line in lines:
        out.print(_with_styles(_align(line, widths), line))


def _print_record(out: Console, heading: Sequence[str], line: Sequence[str]) -> None:
    named = [f"{column} {cell}" for column, cell in zip(heading[1:], line[1:], strict=True) if cell]
    out.print(Text(line[0], style="bold"))
    out.print(Padding(_with_styles(", ".join(named), line), (0, 0, 0, 2)))


def _align(cells: Sequence[str], widths: Sequence[int]) -> str:
    return _SEPARATOR.join(map(set_cell_size, cells, widths)).rstrip()


def _with_styles(line: str, cells: Sequence[str]) -> Text:
    text = Text(line)
    for cell in cells:
        if cell in _STYLES:
            text.highlight_words([cell], _STYLES[cell])
    return text
