"""Everything in one run of some five minutes, or the sections that are named as arguments.

What depends on the machine is measured and not judged. The limits that 10,000 subscriptions have to keep to are judged:
a missed one makes the exit status 1.
"""

import asyncio
import logging
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import first_posts, imports, over_http, planning, receiving, redriving, renewing

type Section = Callable[[], tuple[Table, bool]]
"""Measures, and returns a table of the figures and whether the targets that are judged were met."""


def main() -> int:
    """Print one table after the other, each once its figures are there; return the exit status."""
    asked = sys.argv[1:] or list(_SECTIONS)
    if unknown := [name for name in asked if name not in _SECTIONS]:
        sys.exit(f"no such section: {', '.join(unknown)} (there are: {', '.join(_SECTIONS)})")
    console, are_met = Console(), True
    for name in asked:
        table, is_met = _SECTIONS[name]()
        are_met &= is_met
        console.print(table)
    return 0 if are_met else 1


def _receiving() -> tuple[Table, bool]:
    return receiving.table(receiving.measure()), True


def _over_http() -> tuple[Table, bool]:
    with tempfile.TemporaryDirectory() as folder:
        return over_http.table(asyncio.run(over_http.measure(Path(folder)))), True


def _imports() -> tuple[Table, bool]:
    return imports.table(imports.measure()), True


def _first_posts() -> tuple[Table, bool]:
    with tempfile.TemporaryDirectory() as folder:
        return first_posts.table(asyncio.run(first_posts.measure(Path(folder)))), True


def _redriving() -> tuple[Table, bool]:
    return redriving.table(redriving.measure()), True


def _planning() -> tuple[Table, bool]:
    report = planning.measure()
    return planning.table(report), report.is_met


def _renewing() -> tuple[Table, bool]:
    # What a run puts off is written to the log, a line for each.
    logging.getLogger("shared").setLevel(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as folder:
        report = renewing.measure(Path(folder))
    return renewing.table(report), report.is_met


_SECTIONS: Mapping[str, Section] = {
    "receiving": _receiving,
    "over_http": _over_http,
    "redriving": _redriving,
    "imports": _imports,
    "first_posts": _first_posts,
    "planning": _planning,
    "renewing": _renewing,
}


if __name__ == "__main__":
    sys.exit(main())
