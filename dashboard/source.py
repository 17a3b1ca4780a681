"""Where the page's data come from, and who does what its buttons say."""

from collections.abc import Mapping
from typing import Protocol

from dashboard.snapshot import Snapshot

MOST_ROWS = 200
"""Of the stream."""


class Source(Protocol):
    """Something to look at."""

    @property
    def period_seconds(self) -> float:
        """How long to wait before it is looked at again."""
        ...

    async def look(self) -> Snapshot:
        """Return what is there; that something does not answer is a snapshot, too."""
        ...


class CannotBeDone(Exception):
    """What a button asked for cannot be done; the text says why."""


class Actor(Protocol):
    """Does what the buttons say. A page without one has no buttons, and its server takes no orders."""

    async def act(self, verb: str, values: Mapping[str, str]) -> str:
        """Return what has happened, in a sentence.

        Raises:
            CannotBeDone: there is no such verb, person or place, or nothing to do it to.
        """
        ...
