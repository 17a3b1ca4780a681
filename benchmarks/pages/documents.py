"""docs/performance.md with its drawing, and the table of docs/scaling.md, from what one run has measured."""

import os
import platform
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.table import Table
from rich.text import Text

from benchmarks.pages import scaling
from benchmarks.pages.plot import svg
from benchmarks.result import Result
from benchmarks.trees import commit_here

_DOCS = Path(__file__).parents[2] / "docs"
_PLOT = "performance.svg"
_TITLE = "Processor time of a POST"
_TABLE = re.compile(r"(<!-- computed -->\n).*?(<!-- end -->)", re.DOTALL)
_QUICK = """

**From a quick run, which only shows that everything can be measured: the figures mean nothing.** `make bench` writes
those that do."""
_INTRODUCTION = """# Performance

{machine}

`make bench` measures and writes this page; nothing here is written by hand. Processor time is that of the app's
process, user and system. Rates and latencies depend on the sender and the services too, which share the processors,
and on whatever else runs there; a high load makes processor time several times longer too, and not by one factor.
The sandbox's host is written in Python and is part of the process; Azure's is neither. What is compared was measured in
turns, in one run. What follows from the costs is in [scaling.md](scaling.md).

![{title}]({plot})
"""


def write(results: Sequence[Result], *, is_quick: bool) -> None:
    """Write the pages; what is from a quick run says so."""
    costs = {name: cost for result in results for name, cost in result.costs.items()}
    bars = {key: value for result in results for key, value in result.bars.items()}
    (_DOCS / _PLOT).write_text(svg(bars, _TITLE), encoding="utf-8")
    machine = _machine() + (_QUICK if is_quick else "")
    introduction = _INTRODUCTION.format(machine=machine, title=_TITLE, plot=_PLOT)
    parts = [introduction, "## Costs", costs_table(costs)]
    for table in (table for result in results for table in result.tables):
        parts += [f"## {table.title}", *([_caption(table)] if table.caption else []), markdown(table)]
    for title, text in (each for result in results for each in result.own.items()):
        parts += [f"## {title}, by its own benchmark", f"```text\n{text.strip()}\n```"]
    (_DOCS / "performance.md").write_text("\n\n".join(part.strip() for part in parts) + "\n", encoding="utf-8")
    write_scaling()


def write_scaling() -> None:
    """Compute the table of docs/scaling.md from the costs of docs/performance.md."""
    page = _DOCS / "scaling.md"
    measured = (_DOCS / "performance.md").read_text(encoding="utf-8")
    computed = scaling.table(scaling.costs_of(measured)) + "\n"
    if _QUICK in measured:
        computed = f"{_QUICK.strip()}\n\n{computed}"
    text = page.read_text(encoding="utf-8")
    page.write_text(_TABLE.sub(lambda found: f"{found[1]}{computed}{found[2]}", text), encoding="utf-8")


def _machine() -> str:
    processor = next(iter(_processors()), platform.processor() or "an unknown processor")
    load, _, _ = os.getloadavg()
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, commit {commit_here()}: {os.cpu_count()} processors ({processor}),"
        f" {platform.system()} {platform.release()}, Python {platform.python_version()}.\n"
        f"Load at the end of the run: {load:.1f}."
    )


def _processors() -> Iterator[str]:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return
    yield from re.findall(r"^model name\s*: (.+)$", text, re.MULTILINE)


def costs_table(costs: Mapping[str, str]) -> str:
    """Return the Markdown table that ``scaling.costs_of`` reads."""
    return "\n".join(
        ["| Cost of a notification | Measured |", "|---|---|", *(f"| {k} | {v} |" for k, v in costs.items())]
    )


def _caption(table: Table) -> str:
    # A sentence a line: lines of a page are short.
    return re.sub(r"(?<=[.:;]) ", "\n", _plain(table.caption).replace("\n", " "))


def markdown(table: Table) -> str:
    """Return a table as Markdown, without colours."""
    rows = [[_plain(column.header) for column in table.columns], ["---"] * len(table.columns)]
    rows += [list(map(_plain, cells)) for cells in zip(*(column.cells for column in table.columns), strict=True)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _plain(cell: object) -> str:
    return Text.from_markup(str(cell)).plain.replace("|", "\\|")
