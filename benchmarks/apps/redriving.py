"""What it costs to redrive a stored POST: processor time of a run of the timer that publishes what was parked.

The apps of all source trees do the same, one after the other, on the sandbox's Functions host with a storage stub.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from rich.table import Table

from benchmarks.apps.kinds import MESSAGE
from benchmarks.apps.over_http import running
from benchmarks.apps.running_app import RunningApp
from benchmarks.apps.storage_stub import StorageStub
from benchmarks.tables import new_table
from benchmarks.trees import HERE, Tree

_AT_ONCE = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What a run of the timer published of what was parked; ``processor_time`` is that beyond a run without work."""

    published: int
    parked: int
    processor_time: timedelta

    @property
    def milliseconds(self) -> float:
        """Processor time of each of them."""
        return self.processor_time / timedelta(milliseconds=1) / max(1, self.published)


type Report = Mapping[str, Run]
"""By the name of the tree."""


async def measure(trees: Sequence[Tree], folder: Path, *, posts: int) -> Report:
    """Return what it costs each tree to publish ``posts`` of one message that were parked."""
    runs: dict[str, Run] = {}
    for tree in (tree for tree in trees if not tree.uses_event_hub):
        async with running([tree], folder, StorageStub) as [app]:
            # A first run has things to do that no later one has.
            await app.run_timer()
            idle = await app.run_timer()
            parked = await _park(app, posts)
            before = await app.published()
            spent = await app.run_timer() - idle
            published = await app.published() - before
        runs[tree.name] = Run(published=published, parked=parked, processor_time=spent)
    return runs


def table(report: Report) -> Table:
    """Return a row for each tree."""
    caption = "Processor time of the app's process, beyond that of a run which has nothing to do."
    title = "Redriving stored POSTs of one message"
    result = new_table(title, "tree", "published", "processor ms of each", f"{HERE} / it", caption=caption)
    for tree, run in report.items():
        ratio = "" if tree == HERE else f"{report[HERE].milliseconds / run.milliseconds:.2f}"
        result.add_row(tree, f"{run.published:,} of {run.parked:,}", f"{run.milliseconds:,.2f}", ratio)
    return result


def costs(report: Report) -> Mapping[str, str]:
    """Return that of the tree at hand, with its unit."""
    return {"stored POST, redriven": f"{report[HERE].milliseconds:,.2f} ms"}


async def _park(app: RunningApp[StorageStub], posts: int) -> int:
    """Send POSTs while no queue takes a message, so that the app stores them; return how many it has stored."""
    await app.storage.refuse_messages(refused=True)
    load = await app.load(MESSAGE, posts=posts, at_once=_AT_ONCE)
    await app.storage.refuse_messages(refused=False)
    # On a busy machine it may refuse some.
    return load.statuses[202]
