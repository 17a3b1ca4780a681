"""A gap: the time in which a subscription missed changes, and the progress of its backfill.

Source: https://learn.microsoft.com/graph/change-notifications-lifecycle-events#responding-to-missed-notifications
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Self

from shared.errors import Malformed
from shared.subscriptions.delivery import LONGEST_OUTAGE
from shared.subscriptions.tracked import TrackedSubscription
from shared.timing import Backoff, utc_time

# Two clocks may differ, and what is read twice is published once.
MARGIN = timedelta(minutes=5)
# Source: https://learn.microsoft.com/graph/api/chatmessage-delta ("messages of the last eight months")
GRAPH_HISTORY = timedelta(days=240)
TOO_OLD = "Graph goes back eight months only"
_TOO_LONG = "an outage is read back for its last seven days: for more, python -m cli gaps add"


class GapCause(StrEnum):
    """Why changes may be missing, or why Graph is read all the same."""

    OUTAGE = "outage"
    REPLACED = "replaced"
    LAPSED = "lapsed"
    MISSED = "missed"
    AUDIT = "audit"
    REQUESTED = "requested"
    """An operator wants the changes again, also those that were published."""
    BASELINE = "baseline"
    """Nothing was missed: the lists are read to be compared with later."""
    RECHECK = "recheck"
    """Lists are compared a second time, because Graph delivers some changes late."""


class GapState(StrEnum):
    """How far the backfill of a gap has come."""

    OPEN = "open"
    REFUSED = "refused"
    """Graph refuses all requests, perhaps because a permission is missing; later runs try again."""
    RECOVERED = "recovered"
    PARTIAL = "partial"
    """Everything was read but what Graph refuses or what cannot be understood, which an event reports."""
    UNRECOVERABLE = "unrecoverable"
    """Some or all changes are lost, which an event reports."""
    BASELINED = "noted"
    """A baseline that is complete."""


DONE_STATES = frozenset({GapState.RECOVERED, GapState.PARTIAL, GapState.UNRECOVERABLE, GapState.BASELINED})


@dataclass(frozen=True, slots=True)
class Step:
    """A place in a list: ``item`` is the last one done on the page at ``page``, None before the first one.

    If another step follows, that one is a place in the list that belongs to ``item``, which is not done yet.
    """

    page: str
    item: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """One gap, from ``since`` to ``until``, and its backfill, which begins once the gap has ended.

    ``position`` leads from the outermost list to the innermost one that is being read. ``recovered`` counts events;
    ``read`` counts lists that were read to their end; ``skipped`` counts refused lists and malformed items.
    ``with_content``: whether the subscription is to changes with content. ``due_at``: when to begin, if not at once.
    ``begun_at``, ``turn_at``: the first and the last time it had its turn.
    """

    tenant_id: str
    subscription_key: str
    subscription_id: str
    resource: str
    change_types: frozenset[str]
    delegated: bool
    since: datetime
    until: datetime
    cause: GapCause = GapCause.OUTAGE
    state: GapState = GapState.OPEN
    reason: str | None = None
    position: tuple[Step, ...] = ()
    recovered: int = 0
    read: int = 0
    skipped: int = 0
    failure: Backoff | None = None
    due_at: datetime | None = None
    begun_at: datetime | None = None
    turn_at: datetime | None = None
    ended_at: datetime | None = None
    with_content: bool = False
    etag: str | None = None

    @classmethod
    def from_tracked(cls, row: TrackedSubscription) -> Self | None:
        """Return the gap of a subscription; None if it has none, or one that has not ended."""
        missed = row.missed_interval
        if missed is None or missed.until is None:
            return None
        return cls.of_subscription(row, GapCause(missed.cause.value), missed.since, missed.until)

    @classmethod
    def baseline(cls, row: TrackedSubscription, now: datetime) -> Self | None:
        """Return the baseline of a subscription; None if it does not exist at Graph yet."""
        return cls.of_subscription(row, GapCause.BASELINE, now, now)

    @classmethod
    def of_subscription(
        cls, row: TrackedSubscription, cause: GapCause, since: datetime, until: datetime
    ) -> Self | None:
        """Return a gap of a subscription; None if it does not exist at Graph yet."""
        if row.applied is None:
            return None
        return cls(
            tenant_id=row.desired.tenant_id,
            subscription_key=row.key,
            subscription_id=row.applied.subscription_id,
            resource=row.desired.resource,
            change_types=row.desired.change_types,
            delegated=row.desired.delegated,
            with_content=row.desired.include_resource_data or row.desired.fetch,
            since=since,
            until=until,
            cause=cause,
        )

    @property
    def key(self) -> str:
        """The key of its row within the tenant: the subscription's key, the cause, and when the gap began."""
        start = "" if self.is_baseline else f"-{self.since:%Y%m%dT%H%M%S%f}"
        return f"{self.subscription_key}-{self.cause}{start}"

    @property
    def is_baseline(self) -> bool:
        """Whether nothing was missed, and the lists are read to be compared with later."""
        return self.cause is GapCause.BASELINE

    @property
    def is_recheck(self) -> bool:
        """Whether lists are compared a second time."""
        return self.cause is GapCause.RECHECK

    def next_attempt_at(self) -> datetime:
        """Return when its backfill may go on: it has ended, it is due, and the pause after a failure is over."""
        moments = (self.until, self.due_at, self.failure.retry_at if self.failure else None)
        return max(moment for moment in moments if moment is not None)

    def is_due(self, now: datetime) -> bool:
        """Return whether to work on it in this run."""
        return self.state not in DONE_STATES and self.next_attempt_at() <= now

    def why_too_long_ago(self, now: datetime) -> str | None:
        """Return why all of it is too long ago to be read back; None if it is not."""
        if self.until < now - GRAPH_HISTORY:
            return TOO_OLD
        if self.cause is GapCause.OUTAGE and self.begun_at is None and self.until <= now - LONGEST_OUTAGE:
            return _TOO_LONG
        return None

    def recheck_at(self, moment: datetime) -> "Gap":
        """Return the gap that compares the same lists at ``moment``, and is a row of its own."""
        again = replace(self.reset(), cause=GapCause.RECHECK, due_at=moment)
        return replace(again, begun_at=None, turn_at=None, etag=None)

    def covers(self, moment: datetime) -> bool:
        """Return whether a change at ``moment`` may have been missed."""
        return self.since - MARGIN < moment < self.until + MARGIN

    def began_before(self, baseline: "Gap") -> bool:
        """Return whether it began before a baseline was complete, which then has changes that were missed."""
        return baseline.ended_at is not None and self.since < baseline.ended_at

    def merged_with(self, other: "Gap") -> "Gap":
        """Return this gap; if ``other``, which began at the same time, lasts longer, that one from the beginning."""
        return self if other.until <= self.until else replace(other, etag=self.etag)

    def reset(self) -> "Gap":
        """Return the gap as it was before its backfill, for an operator who has removed the cause of a failure."""
        restarted = replace(self, position=(), recovered=0, read=0, skipped=0)
        return replace(restarted, state=GapState.OPEN, reason=None, failure=None, ended_at=None)


def time_or_none(item: Mapping[str, Any], name: str) -> datetime | None:
    """Return a time in one of Graph's items; None if it is missing or malformed."""
    try:
        return parse_time(item, name)
    except Malformed:
        return None


def parse_time(item: Mapping[str, Any], name: str) -> datetime | None:
    """Return a time in one of Graph's items; None if it has none.

    Raises:
        Malformed: the property is not a time, or lacks an offset.
    """
    value = item.get(name)
    if value is None:
        return None
    try:
        return utc_time(value)
    except ValueError as exc:
        raise Malformed(f"{name} is not a time with an offset") from exc
