"""Everything in one run, or the sections that are named; ``--base COMMIT`` measures that tree too, side by side.

With ``--write``, the figures go to docs/performance.md, and what follows from them to docs/scaling.md.

What depends on the machine is measured and not judged. The limits that 10,000 subscriptions have to keep to are judged:
a missed one makes the exit status 1.
"""

import logging
import sys
import tempfile
import time
import traceback
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from benchmarks.pages import documents
from benchmarks.result import Plan, Result
from benchmarks.sections import SECTIONS
from benchmarks.trees import all_trees

# Also where no terminal says how wide it is.
_WIDTH = 140
_ROUNDS = 3


def main() -> int:
    """Print the tables of a section once its figures are there; return the exit status."""
    options = _options()
    # Its lines are of the app's problems, which the figures show.
    logging.getLogger("shared").setLevel(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as folder, all_trees(options.base, Path(folder)) as trees:
        plan = Plan(trees=trees, folder=Path(folder), is_quick=options.quick, rounds=options.rounds)
        results = _measured(plan, options.section)
    if options.write:
        documents.write(results, is_quick=options.quick)
    return 0 if all(result.is_met for result in results) else 1


def _options() -> Namespace:
    parser = ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("section", nargs="*", default=[], help=", ".join(SECTIONS))
    parser.add_argument("--base", action="append", default=[], metavar="COMMIT", help="compare with it; repeatable")
    parser.add_argument("--rounds", type=int, default=_ROUNDS, help="how often the trees take turns over HTTP")
    parser.add_argument("--quick", action="store_true", help="see that it works: the figures mean nothing")
    parser.add_argument("--write", action="store_true", help="write docs/performance.md and docs/scaling.md")
    options = parser.parse_args()
    if unknown := set(options.section) - set(SECTIONS):
        parser.error(f"no such section: {', '.join(sorted(unknown))} (there are: {', '.join(SECTIONS)})")
    if options.write and options.section:
        parser.error("--write needs the figures of all sections")
    return options


def _measured(plan: Plan, asked: Sequence[str]) -> Sequence[Result]:
    console, results = Console(width=_WIDTH), []
    began = time.monotonic()
    for name in asked or SECTIONS:
        console.print(f"[dim]{time.monotonic() - began:4.0f} s: {name} ...")
        try:
            result = SECTIONS[name](plan)
        # What one section meets on a busy machine does not take the figures of the others away.
        except Exception:  # noqa: BLE001  whatever it is, it is printed, and the run fails in the end
            traceback.print_exc()
            result = Result(tables=[], is_met=False)
        for table in result.tables:
            console.print(table)
        results.append(result)
    console.print(f"[dim]{time.monotonic() - began:4.0f} s: done")
    return results


if __name__ == "__main__":
    sys.exit(main())
