"""Figures as tables: what was measured, and where there is a target, whether it was met."""

from collections.abc import Iterable
from dataclasses import dataclass

from rich.table import Table

_VERDICTS = {True: "[green]yes", False: "[red]no", None: "[yellow]?"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A limit that a figure has to keep to, in words; ``met`` is None where this machine cannot tell."""

    text: str
    met: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured figure, its value in words with its unit."""

    name: str
    value: str
    target: Target | None = None


def figures_table(title: str, figures: Iterable[Figure], *, caption: str) -> Table:
    """Return a row for each figure."""
    table = new_table(title, "", "measured", "target", "met", caption=caption)
    for figure in figures:
        target = figure.target
        verdict = ("", "") if target is None else (target.text, _VERDICTS[target.met])
        table.add_row(figure.name, figure.value, *verdict)
    return table


def new_table(title: str, *columns: str, caption: str) -> Table:
    """Return an empty table: the first column to the left, as it holds names, all others to the right."""
    table = Table(title=title, title_justify="left", caption=caption, caption_justify="left")
    for column in columns:
        table.add_column(column, justify="right" if table.columns else "left")
    return table
