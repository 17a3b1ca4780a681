"""POSTs over HTTPS, through the sandbox's Functions host: processor time of the app's process, rates and latencies.

The apps of all source trees run side by side, each with services of its own, and take turns: what is compared was
measured in the same minute.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from tempfile import mkdtemp
from typing import Any

from rich.table import Table

from benchmarks.apps.kinds import MEMBER, MESSAGE, TEAM, TEN_MESSAGES, Kind
from benchmarks.apps.running_app import Load, RunningApp
from benchmarks.apps.storage_stub import StorageStub
from benchmarks.tables import new_table
from benchmarks.trees import Tree
from sandbox.azurite import Azurite

type Rounds = Mapping[tuple[str, str], Sequence[Load]]
"""The loads of each round, by the names of a level and a tree."""

_WARM_UP_POSTS, _WARM_UP_AT_ONCE = 20, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """What is sent in a round: ``posts`` of a kind, ``at_once`` at a time."""

    kind: Callable[[RunningApp[Any]], Kind]
    posts: int
    at_once: int = 8

    def name(self, app: RunningApp[Any]) -> str:
        """Return what its row is called."""
        return f"{self.kind(app).name}, {self.at_once} at once"


STUB_LEVELS = (
    Level(kind=lambda _: MESSAGE, posts=300),
    Level(kind=lambda _: MESSAGE, posts=300, at_once=32),
    Level(kind=lambda _: TEN_MESSAGES, posts=40),
    Level(kind=lambda _: MEMBER, posts=160),
    Level(kind=lambda _: TEAM, posts=100),
    Level(kind=lambda app: app.fetched, posts=100),
)
AZURITE_LEVELS = tuple(Level(kind=lambda _: MESSAGE, posts=200, at_once=at_once) for at_once in (1, 8, 32))


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All rounds; ``storage`` is what the account is, ``bases`` are the trees that others are compared with."""

    storage: str
    bases: Sequence[str]
    levels: Sequence[str]
    trees: Sequence[str]
    rounds: Rounds = field(repr=False)

    def milliseconds(self, level: str, tree: str) -> float:
        """Return the processor time of a POST, the median of the rounds."""
        return median(load.milliseconds for load in self.rounds[level, tree])

    def ratio(self, level: str, tree: str, other: str) -> float:
        """Return the processor time of a tree as a part of another's, the median of the rounds."""
        pairs = zip(self.rounds[level, tree], self.rounds[level, other], strict=True)
        return median(load.milliseconds / base.milliseconds for load, base in pairs)

    def rate(self, level: str, tree: str) -> float:
        """Return the POSTs a second, the median of the rounds."""
        return median(load.rate for load in self.rounds[level, tree])


async def measure(
    trees: Sequence[Tree], folder: Path, *, levels: Sequence[Level], rounds: int, storage: type[Azurite] = StorageStub
) -> Report:
    """Return the figures of the apps of ``trees``, in worlds that are started in ``folder`` and stopped again."""
    found: dict[tuple[str, str], list[Load]] = {}
    async with running(trees, folder, storage) as apps:
        for level in levels:
            for app in apps:
                posts = min(level.posts, _WARM_UP_POSTS)
                await app.load(level.kind(app), posts=posts, at_once=_WARM_UP_AT_ONCE, until_quiet=False)
        for number in range(rounds):
            for level in levels:
                # Whoever comes second finds the machine as the first one left it.
                for app in apps if number % 2 else reversed(apps):
                    load = await app.load(level.kind(app), posts=level.posts, at_once=level.at_once)
                    found.setdefault((level.name(app), app.tree.name), []).append(load)
        names = [level.name(apps[0]) for level in levels]
    title = "a storage stub" if storage is StorageStub else "Azurite"
    return Report(
        storage=title,
        bases=[tree.name for tree in trees if tree.is_base],
        levels=names,
        trees=[tree.name for tree in trees],
        rounds=found,
    )


@asynccontextmanager
async def running[Storage: Azurite](
    trees: Sequence[Tree], folder: Path, storage: type[Storage]
) -> AsyncIterator[Sequence[RunningApp[Storage]]]:
    """Yield the apps of ``trees`` while they run."""
    async with AsyncExitStack() as stack:
        apps = [RunningApp(tree, Path(mkdtemp(dir=folder)), storage()) for tree in trees]
        for app in apps:
            stack.push_async_callback(app.stop)
        await asyncio.gather(*(app.start() for app in apps))
        yield apps


def table(report: Report) -> Table:
    """Return a row for each level and tree."""
    caption = (
        "Every notification is another one. Processor time is the app's process's, user and system, until it is quiet"
        " after the answers; sender, services and apps share this machine. Medians of the rounds."
    )
    ratios = (f"of {base}" for base in report.bases)
    columns = ("POSTs", "tree", "processor ms a POST", *ratios, "POSTs/s", "p50", "p99", "answers", "published")
    result = new_table(f"POSTs over HTTPS, with {report.storage}", *columns, caption=caption)
    for level in report.levels:
        for tree in report.trees:
            result.add_row(*_row(report, level, tree))
    return result


def _row(report: Report, level: str, tree: str) -> tuple[str, ...]:
    loads = report.rounds[level, tree]
    statuses = sum((load.statuses for load in loads), Counter[int]())
    return (
        level,
        tree,
        f"{report.milliseconds(level, tree):,.2f}",
        *("" if base == tree else f"{report.ratio(level, tree, base):.2f}" for base in report.bases),
        f"{report.rate(level, tree):,.0f}",
        f"{median(load.percentile(50) for load in loads):,.0f} ms",
        f"{median(load.percentile(99) for load in loads):,.0f} ms",
        ", ".join(f"{count:,} of {status}" for status, count in sorted(statuses.items())),
        f"{sum(load.published for load in loads):,}",
    )
