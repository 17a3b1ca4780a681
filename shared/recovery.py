"""What is known of one gap of a subscription while it is filled: how far that is, and what stands against it.

Source: https://learn.microsoft.com/graph/change-notifications-lifecycle-events#responding-to-missed-notifications
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self

from shared.tracked import Failure, Tracked

# Two clocks may differ, and what is read twice is published once.
MARGIN = timedelta(minutes=5)


class State(StrEnum):
    """How far the recovery of a gap is."""

    OPEN = "open"
    REFUSED = "refused"
    """Graph refuses to tell, for want of a permission perhaps; asked again now and then."""
    RECOVERED = "recovered"
    UNRECOVERABLE = "unrecoverable"
    """Some or all of it is lost, and has been said to be."""


DONE = frozenset({State.RECOVERED, State.UNRECOVERABLE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """One gap that has ended, from ``since`` to ``until``, and what came of it.

    It is filled from sources in a fixed order: ``checkpoint`` names the last one that is done, ``reading`` one that is
    not, and ``next_page`` where to go on in it. ``recovered`` counts events, ``skipped`` sources that were refused.
    """

    tenant_id: str
    subscription_key: str
    subscription_id: str
    resource: str
    change_types: frozenset[str]
    delegated: bool
    since: datetime
    until: datetime
    state: State = State.OPEN
    reason: str | None = None
    checkpoint: str | None = None
    reading: str | None = None
    next_page: str | None = None
    recovered: int = 0
    skipped: int = 0
    failure: Failure | None = None
    ended_at: datetime | None = None
    etag: str | None = None

    @classmethod
    def of(cls, row: Tracked) -> Self | None:
        """Return what is to be recovered for a tracked row: nothing while it has no gap, or one that lasts."""
        if row.observed is None or row.gap is None or row.gap.until is None:
            return None
        return cls(
            tenant_id=row.desired.tenant_id,
            subscription_key=row.key,
            subscription_id=row.observed.subscription_id,
            resource=row.desired.resource,
            change_types=row.desired.change_types,
            delegated=row.desired.delegated,
            since=row.gap.since,
            until=row.gap.until,
        )

    @property
    def key(self) -> str:
        """What tells it from the others of its tenant: the subscription's key, and when the gap began."""
        return f"{self.subscription_key}-{self.since:%Y%m%dT%H%M%S%f}"

    def is_due(self, now: datetime) -> bool:
        """Return whether it is time to go on with it."""
        return self.state not in DONE and (self.failure is None or self.failure.retry_at <= now)

    def joined(self, other: "Recovery") -> "Recovery":
        """Return this one, from its beginning again if ``other``, which began at the same time, lasts longer."""
        if other.until <= self.until:
            return self
        return replace(other, etag=self.etag)

    def again(self) -> "Recovery":
        """Return this one as it was at first, for an operator who has mended what stood against it."""
        begun = replace(self, checkpoint=None, reading=None, next_page=None, recovered=0, skipped=0)
        return replace(begun, state=State.OPEN, reason=None, failure=None, ended_at=None)
