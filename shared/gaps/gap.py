"""A gap: the time in which a subscription missed changes, and the progress of its backfill.

Source: https://learn.microsoft.com/graph/change-notifications-lifecycle-events#responding-to-missed-notifications
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Self

from shared.errors import Malformed
from shared.subscriptions.tracked import TrackedSubscription
from shared.timing import Backoff, utc_time

# Two clocks may differ, and what is read twice is published once.
MARGIN = timedelta(minutes=5)


class GapState(StrEnum):
    """How far the backfill of a gap has come."""

    OPEN = "open"
    REFUSED = "refused"
    """Graph refuses the requests, perhaps because a permission is missing; later runs try again."""
    RECOVERED = "recovered"
    UNRECOVERABLE = "unrecoverable"
    """Some or all changes are lost, which an event reports."""
    BASELINED = "noted"
    """A baseline that is complete."""


DONE_STATES = frozenset({GapState.RECOVERED, GapState.UNRECOVERABLE, GapState.BASELINED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """One gap that has ended, from ``since`` to ``until``, and its backfill.

    Its queries run in a fixed order: ``checkpoint`` is the key of the last one done, ``current_query`` that of an
    unfinished one, ``next_page`` where to continue in it. ``recovered`` counts events, ``skipped`` refused queries.
    ``recheck_at``: when to compare the lists a second time, after Graph's 4-hour retry period; None if never.

    A baseline is a gap of zero length: nothing was missed; its backfill fills the snapshot to compare with later.
    """

    tenant_id: str
    subscription_key: str
    subscription_id: str
    resource: str
    change_types: frozenset[str]
    delegated: bool
    since: datetime
    until: datetime
    is_baseline: bool = False
    state: GapState = GapState.OPEN
    reason: str | None = None
    checkpoint: str | None = None
    current_query: str | None = None
    next_page: str | None = None
    recovered: int = 0
    skipped: int = 0
    failure: Backoff | None = None
    ended_at: datetime | None = None
    recheck_at: datetime | None = None
    etag: str | None = None

    @classmethod
    def from_tracked(cls, row: TrackedSubscription) -> Self | None:
        """Return the gap of a subscription; None if it has none, or one that has not ended."""
        missed = row.missed_interval
        return None if missed is None or missed.until is None else cls._for_interval(row, missed.since, missed.until)

    @classmethod
    def baseline(cls, row: TrackedSubscription, now: datetime) -> Self | None:
        """Return the baseline of a subscription; None if it does not exist at Graph yet."""
        gap = cls._for_interval(row, now, now)
        return None if gap is None else replace(gap, is_baseline=True)

    @classmethod
    def _for_interval(cls, row: TrackedSubscription, since: datetime, until: datetime) -> Self | None:
        if row.applied is None:
            return None
        return cls(
            tenant_id=row.desired.tenant_id,
            subscription_key=row.key,
            subscription_id=row.applied.subscription_id,
            resource=row.desired.resource,
            change_types=row.desired.change_types,
            delegated=row.desired.delegated,
            since=since,
            until=until,
        )

    @property
    def key(self) -> str:
        """The key of its row within the tenant: the subscription's key, and when the gap began."""
        start = "baseline" if self.is_baseline else f"{self.since:%Y%m%dT%H%M%S%f}"
        return f"{self.subscription_key}-{start}"

    def is_due(self, now: datetime) -> bool:
        """Return whether to work on it in this run."""
        is_open = self.state not in DONE_STATES or (self.recheck_at is not None and self.recheck_at <= now)
        return is_open and (self.failure is None or self.failure.retry_at <= now)

    def covers(self, moment: datetime) -> bool:
        """Return whether a change at ``moment`` may have been missed."""
        return self.since - MARGIN < moment < self.until + MARGIN

    def merged_with(self, other: "Gap") -> "Gap":
        """Return this gap; if ``other``, which began at the same time, lasts longer, that one from the beginning."""
        return self if other.until <= self.until else replace(other, etag=self.etag)

    def reset(self) -> "Gap":
        """Return the gap as it was before its backfill, for an operator who has removed the cause of a failure."""
        restarted = replace(self, checkpoint=None, current_query=None, next_page=None, recovered=0, skipped=0)
        return replace(restarted, state=GapState.OPEN, reason=None, failure=None, ended_at=None, recheck_at=None)


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
