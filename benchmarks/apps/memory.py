"""Memory of the app's process while it takes one distinct notification after the other, and keys and tokens rotate."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from benchmarks.apps.kinds import TEN_MESSAGES
from benchmarks.apps.over_http import running
from benchmarks.apps.running_app import RunningApp, new_addressee
from benchmarks.apps.storage_stub import StorageStub
from benchmarks.tables import Figure, Target, figures_table
from benchmarks.trees import Tree

NOTIFICATIONS = 100_000

_PARTS = 10
_FROM_PART = 4
_MOST_GROWTH = 0.05
_AT_ONCE = 8
# Each with a validation token of its own.
_LOADS_IN_A_PART = 10
_RESIDENT = re.compile(r"^VmRSS:\s+(\d+) kB$", re.MULTILINE)
_KIBIBYTE, _MEBIBYTE = 1024, 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The resident size after each part, in bytes, and how many notifications became messages."""

    sizes: Sequence[int]
    in_a_part: int
    queued: int

    @property
    def growth(self) -> float:
        """The last size beyond that after the fourth part, as a part of it."""
        return self.sizes[-1] / self.sizes[_FROM_PART - 1] - 1


async def measure(tree: Tree, folder: Path, *, notifications: int = NOTIFICATIONS) -> Report:
    """Return the figures; after each tenth of the notifications, there are a new certificate and a new signing key."""
    async with running([tree], folder, StorageStub) as [app]:
        sizes = []
        for _ in range(_PARTS):
            posts = notifications // _PARTS // TEN_MESSAGES.items // _LOADS_IN_A_PART
            for _ in range(_LOADS_IN_A_PART):
                await app.load(TEN_MESSAGES, posts=posts, at_once=_AT_ONCE, until_quiet=False)
            sizes.append(_resident(app))
            app.addressee = await new_addressee(app.world)
            app.world.entra.rotate_signing_key()
        return Report(sizes=sizes, in_a_part=notifications // _PARTS, queued=await app.published())


def table(report: Report) -> Table:
    """Return the sizes on the way, and the growth with its limit."""
    counts = [report.in_a_part * (number + 1) for number in range(_PARTS)]
    figures = [
        Figure(name=f"after {count:,} notifications", value=f"{size / _MEBIBYTE:,.1f} MiB")
        for count, size in zip(counts, report.sizes, strict=True)
    ]
    limit = Target(text=f"≤ {_MOST_GROWTH:.0%}", met=report.growth <= _MOST_GROWTH)
    name = f"growth between {counts[_FROM_PART - 1]:,} and {counts[-1]:,}"
    caption = f"Resident size of the process. {report.queued:,} of {counts[-1]:,} notifications became messages."
    return figures_table(
        "Memory, with a new certificate and signing key after each row",
        [*figures, Figure(name=name, value=f"{report.growth:.1%}", target=limit)],
        caption=caption,
    )


def _resident(app: RunningApp[StorageStub]) -> int:
    """Return the resident size of the app's process.

    Source: https://man7.org/linux/man-pages/man5/proc_pid_status.5.html (VmRSS)
    """
    match = _RESIDENT.search(Path(f"/proc/{app.host.pid}/status").read_text(encoding="ascii"))
    if match is None:
        raise RuntimeError("this kernel does not say how much memory a process has")
    return int(match[1]) * _KIBIBYTE
