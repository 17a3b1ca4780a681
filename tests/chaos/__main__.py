"""Chaos at the command line; it exits with status 1 where a law is broken."""

import argparse
import asyncio
import sys
import tempfile
from datetime import timedelta
from pathlib import Path

from rich.console import Console

from sandbox.run.sink import Sink
from tests.chaos.plan import all_kinds, in_words
from tests.chaos.removals import Without
from tests.chaos.run import Chaos, Options


def main() -> int:
    """Play what the arguments ask for, print what came of it, and return the exit status."""
    console = Console()
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        report = asyncio.run(Chaos(Path(folder), _options(), console.print).play())
    report.show(console)
    return 1 if report.broken else 0


def _options() -> Options:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5, help="how long things fail; recovery comes on top")
    parser.add_argument("--seed", type=int, default=1, help="what fails when: the same seed, the same plan")
    parser.add_argument("--rate", type=float, default=10, help="changes a second in Teams")
    parser.add_argument("--without", type=Without, choices=list(Without), help="disable a part: the run must fail")
    kinds = [in_words(*kind) for kind in all_kinds()]
    parser.add_argument(
        "--only", action="append", default=[], choices=kinds, help="this kind of fault; repeat for more"
    )
    parser.add_argument("--sink", type=Sink, choices=list(Sink), default=Sink.QUEUE, help="where events go")
    parser.add_argument("--busy", action="store_true", help="the machine has other work: Graph finds no endpoint slow")
    asked = parser.parse_args()
    return Options(
        length=timedelta(minutes=asked.minutes),
        seed=asked.seed,
        rate=asked.rate,
        without=asked.without,
        only=tuple(asked.only),
        sink=asked.sink,
        busy=asked.busy,
    )


if __name__ == "__main__":
    sys.exit(main())
