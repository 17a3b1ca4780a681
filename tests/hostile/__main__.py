"""``python -m tests.hostile [--bodies N] [--seed S]``: give ``receive`` N hostile bodies.

The exit status is 1 at the first body without a documented outcome. That body is printed: add it to
``tests/hostile/corpus.py``.
"""

import argparse
import sys
import traceback
from collections import Counter
from itertools import islice

from rich.console import Console
from rich.progress import track

from tests.fakes.graph_sender import graph
from tests.hostile.mutations import mutations
from tests.hostile.outcomes import outcome


def main() -> int:
    """Receive the bodies, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.hostile")
    parser.add_argument("--bodies", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    console, outcomes = Console(), Counter[str]()
    bodies = islice(mutations(graph(), options.seed), options.bodies)
    for body in track(bodies, "Receiving", total=options.bodies, console=Console(stderr=True)):
        try:
            outcomes[outcome(body)] += 1
        except Exception:  # noqa: BLE001  none of them is documented
            traceback.print_exc()
            console.print(repr(body), markup=False)
            return 1
    for name, count in outcomes.most_common():
        console.print(f"{count:>9,}  {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
