"""An event in the sink of a chaos run, and when it was put there."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sandbox.run.queue_consumer import Event
from sandbox.teams import Change

# The queue tells whole seconds.
_SECOND = timedelta(seconds=1)
# Three seconds, and as the queue tells the time, whole seconds.
_LONGEST_POST = timedelta(seconds=4)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """An event in the sink, and when it was put there."""

    event: Event
    when: datetime

    @property
    def id(self) -> str:
        """The event's id."""
        return str(self.event.attributes["id"])

    @property
    def parked(self) -> bool:
        """Whether its POST was kept before it was published: nothing is worked on for so long while Graph waits."""
        return self.when - datetime.fromisoformat(self.event.attributes["time"]) > _LONGEST_POST

    def follows(self, change: Change) -> bool:
        """Return whether it came after a change, which it may tell then."""
        return self.when + _SECOND > change.when
