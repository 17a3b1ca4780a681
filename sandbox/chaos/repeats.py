"""Why events came twice under one id in a chaos run: what explains it, and what breaks the law."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sandbox.chaos.arrival import Arrival

# Two clocks, the moment between a change and its event, and the whole seconds in which the queue tells the time.
_MARGIN = timedelta(seconds=6)


class Cause(StrEnum):
    """What the app can do nothing against, when it makes an event come twice."""

    UNANSWERED = "the sink's answer was cut off"
    """It has taken the message, and nobody can know."""
    KILLED = "killed before it was noted"
    KILLED_LATER = "killed while its note waited for the table"


class CutOff(StrEnum):
    """What the app was cut off from: its life, its sink, or the table where it notes what is published."""

    LIFE = "life"
    SINK = "sink"
    NOTES = "notes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Interruption:
    """A time in which the app was cut off from something."""

    cut_off: CutOff
    since: datetime
    until: datetime

    def covers(self, moment: datetime) -> bool:
        """Return whether what happened at ``moment`` may have been touched by it."""
        return self.since - _MARGIN <= moment <= self.until + _MARGIN


def repeats(arrivals: Iterable[Arrival], interruptions: Sequence[Interruption]) -> Counter[Cause | None]:
    """Return how many events came again under the same id, by what explains it; None where nothing does."""
    seen: dict[str, Arrival] = {}
    found: Counter[Cause | None] = Counter()
    for arrival in arrivals:
        if (first := seen.setdefault(arrival.id, arrival)) is not arrival:
            found[_explained(first, arrival, interruptions)] += 1
    return found


def _explained(first: Arrival, again: Arrival, interruptions: Sequence[Interruption]) -> Cause | None:
    around = {each.cut_off for each in interruptions if each.covers(first.when)}
    if CutOff.SINK in around:
        return Cause.UNANSWERED
    if CutOff.LIFE in around:
        return Cause.KILLED
    kills = (each.since for each in interruptions if each.cut_off is CutOff.LIFE)
    if CutOff.NOTES in around and any(first.when <= kill <= again.when for kill in kills):
        return Cause.KILLED_LATER
    return None
