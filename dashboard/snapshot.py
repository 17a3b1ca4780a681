"""What the page shows at one moment: plain values that become JSON as they are. Times are aware, in UTC.

None stands for what a source cannot know.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Light(StrEnum):
    """Of the whole, or of one thing: all is well, to be watched, changes stop or are lost, or nothing to say."""

    GREEN = "green"
    AMBER = "amber"
    RED = "red"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """The whole in one sentence, and what to do about it."""

    light: Light
    sentence: str
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """How many changes arrive: in the last minute, and in each equal part of ``history_seconds``, the oldest first."""

    per_minute: int
    history: tuple[int, ...]
    history_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerTimes:
    """How long the app took to answer Graph, in milliseconds, and from when on Graph calls it slow."""

    count: int
    p50_ms: int
    p99_ms: int
    limit_ms: int = 3000
    """Source: https://learn.microsoft.com/graph/change-notifications-delivery-webhooks"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What is on its way; ``queued`` is None for an event hub, and ``oldest_at`` is when the oldest of it came."""

    queued: int | None
    parked: int
    quarantined: int
    oldest_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gaps:
    """Times in which changes were missed: those that are being filled, and those that cannot be."""

    open: int
    lost: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """One subscription; the times are those of its last renewal, its end and its last change."""

    id: str
    """Unique in a snapshot."""
    resource: str
    changes: str
    content: str
    state: str
    light: Light
    renewed_at: datetime | None
    expires_at: datetime | None
    changed_at: datetime | None
    failure: str = ""
    """In Graph's words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamRow:
    """One notification. ``what`` may be content: only a sandbox shows that."""

    id: str
    at: datetime
    change: str
    """created, updated or deleted."""
    kind: str
    what: str = field(default="", repr=False)
    sealed: str = ""
    """How its content was encrypted."""
    status: int | None = None
    answer_ms: int | None = None
    arrival: str = ""
    """Where it is: in the queue, on its way."""
    light: Light = Light.NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """A certificate or a key: its name or id, what uses it, and when it ends."""

    id: str
    kind: str
    use: str
    ends_at: datetime | None = None
    light: Light = Light.NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class NextRun:
    """When the timer last ran, when it runs next, and what it will do, one sentence each."""

    last_at: datetime | None
    at: datetime | None
    plan: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Breakable:
    """Something that can be broken and mended."""

    name: str
    label: str
    is_broken: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Controls:
    """What can be done from the page, for a source that is also ``Acting``."""

    people: tuple[str, ...]
    places: tuple[str, ...]
    breakables: tuple[Breakable, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Everything on the page. ``place`` names what is looked at; ``now`` is the clock of all its times."""

    place: str
    now: datetime
    health: Health
    changed_at: datetime | None = None
    rate: Rate | None = None
    answers: AnswerTimes | None = None
    waiting: Waiting | None = None
    gaps: Gaps | None = None
    subscriptions: tuple[Subscription, ...] = ()
    stream: tuple[StreamRow, ...] = ()
    """The newest first."""
    credentials: tuple[Credential, ...] = ()
    next_run: NextRun | None = None
    controls: Controls | None = None
    notes: tuple[str, ...] = ()
    """What else is to be known of these figures, such as that a source cannot know some."""
