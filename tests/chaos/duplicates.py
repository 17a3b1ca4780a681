"""Why events came again under an id in a chaos run: what causes that, and what breaks the law."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sandbox.ledger import ReceivedEvent

# Two clocks, the moment between a change and its event, and the whole seconds in which the queue dates its messages.
_MARGIN = timedelta(seconds=6)


class Cause(StrEnum):
    """What makes an event come again, and the app cannot prevent."""

    UNANSWERED = "the queue's answer was cut off"
    """It has taken the message, and the app cannot know."""
    KILLED = "killed before it was recorded"
    KILLED_LATER = "killed while its record waited for the table"


class Lost(StrEnum):
    """What the app did not have: its process, its queue, the tables where it records what it did, or Graph's answer."""

    PROCESS = "process"
    QUEUE = "queue"
    TABLE = "table"
    GRAPH = "Graph"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """A time in which the app did not have something."""

    lost: Lost
    since: datetime
    until: datetime

    def covers(self, moment: datetime) -> bool:
        """Return whether what happened at ``moment`` may have been touched by it."""
        return self.since - _MARGIN <= moment <= self.until + _MARGIN


def causes(
    duplicates: Iterable[tuple[ReceivedEvent, ReceivedEvent]], outages: Sequence[Outage]
) -> Counter[Cause | None]:
    """Return how many events came again under an id, by cause; None without one."""
    return Counter(_cause(first, again, outages) for first, again in duplicates)


def _cause(first: ReceivedEvent, again: ReceivedEvent, outages: Sequence[Outage]) -> Cause | None:
    around = {each.lost for each in outages if each.covers(first.when)}
    if Lost.QUEUE in around:
        return Cause.UNANSWERED
    if Lost.PROCESS in around:
        return Cause.KILLED
    kills = (each.since for each in outages if each.lost is Lost.PROCESS)
    if Lost.TABLE in around and any(first.when <= kill <= again.when for kill in kills):
        return Cause.KILLED_LATER
    return None
