"""What is known of one gap of a subscription while it is filled: how far that is, and what stands against it.

Source: https://learn.microsoft.com/graph/change-notifications-lifecycle-events#responding-to-missed-notifications
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Self

from shared.errors import Malformed
from shared.subscriptions.tracked import AppliedSubscription, TrackedSubscription
from shared.timing import Backoff

# Two clocks may differ, and what is read twice is published once.
MARGIN = timedelta(minutes=5)


class GapState(StrEnum):
    """How far the recovery of a gap is."""

    OPEN = "open"
    REFUSED = "refused"
    """Graph refuses to tell, for want of a permission perhaps; asked again now and then."""
    RECOVERED = "recovered"
    UNRECOVERABLE = "unrecoverable"
    """Some or all of it is lost, and has been said to be."""
    BASELINED = "noted"
    """The end of a baseline."""


DONE_STATES = frozenset({GapState.RECOVERED, GapState.UNRECOVERABLE, GapState.BASELINED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """One gap that has ended, from ``since`` to ``until``, and what came of it.

    It is filled from sources in a fixed order: ``checkpoint`` names the last one that is done, ``current_query`` one
    that is not, and ``next_page`` where to go on in it. ``recovered`` counts events, ``skipped`` sources that were
    refused, or that nothing was known of to compare with. ``recheck_at`` is when its lists are to be compared once
    more, which were compared while changes of before might still be told: None where they need not be, or have been.

    A baseline is a gap of no length: nothing was missed, and what is there is noted, to be compared with after a gap.
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
        """Return what is to be recovered for a tracked row: nothing while it has no gap, or one that lasts."""
        if row.applied is None or row.missed_interval is None or row.missed_interval.until is None:
            return None
        return cls._for_interval(row, row.applied, row.missed_interval.since, row.missed_interval.until)

    @classmethod
    def baseline(cls, row: TrackedSubscription, now: datetime) -> Self | None:
        """Return what is to be noted for a tracked row: nothing before it lives."""
        if row.applied is None:
            return None
        return replace(cls._for_interval(row, row.applied, now, now), is_baseline=True)

    @classmethod
    def _for_interval(
        cls, row: TrackedSubscription, applied: AppliedSubscription, since: datetime, until: datetime
    ) -> Self:
        return cls(
            tenant_id=row.desired.tenant_id,
            subscription_key=row.key,
            subscription_id=applied.subscription_id,
            resource=row.desired.resource,
            change_types=row.desired.change_types,
            delegated=row.desired.delegated,
            since=since,
            until=until,
        )

    @property
    def key(self) -> str:
        """What tells it from the others of its tenant: the subscription's key, and when the gap began."""
        start = "baseline" if self.is_baseline else f"{self.since:%Y%m%dT%H%M%S%f}"
        return f"{self.subscription_key}-{start}"

    def is_due(self, now: datetime) -> bool:
        """Return whether it is time to go on with it."""
        is_open = self.state not in DONE_STATES or (self.recheck_at is not None and self.recheck_at <= now)
        return is_open and (self.failure is None or self.failure.retry_at <= now)

    def covers(self, moment: datetime) -> bool:
        """Return whether what happened at ``moment`` may have gone unnoticed."""
        return self.since - MARGIN < moment < self.until + MARGIN

    def merged_with(self, other: "Gap") -> "Gap":
        """Return this one, from its beginning again if ``other``, which began at the same time, lasts longer."""
        if other.until <= self.until:
            return self
        return replace(other, etag=self.etag)

    def reset(self) -> "Gap":
        """Return this one as it was at first, for an operator who has mended what stood against it."""
        restarted = replace(self, checkpoint=None, current_query=None, next_page=None, recovered=0, skipped=0)
        return replace(restarted, state=GapState.OPEN, reason=None, failure=None, ended_at=None, recheck_at=None)


def parse_time(item: Mapping[str, Any], name: str) -> datetime | None:
    """Return a time that Graph tells of a thing; None where it tells none.

    Raises:
        Malformed: it is no time, or has no offset.
    """
    value = item.get(name)
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except (ValueError, TypeError) as exc:
        raise Malformed(f"{name} is no time") from exc
    if moment.tzinfo is None:
        raise Malformed(f"{name} has no offset")
    return moment
