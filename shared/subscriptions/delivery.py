"""What proves that changes arrive, and what was missed where a proof is missing.

Two things have to hold: the endpoint takes POSTs, and the subscription lives. Each has a proof, which only the timer
moves. A notification, a list, or a subscription read by its id proves nothing of the time before it.

Source: https://learn.microsoft.com/graph/change-notifications-delivery-webhooks
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.notifications.probe import Verdict
from shared.subscriptions.tracked import TrackedSubscription

# After time-outs Graph may drop what comes for ten minutes, and it probes the endpoint every ten. Source: as above.
AFTER_OUTAGE = timedelta(minutes=20)
# Where no outage is longer than this, no run of the timer was missed.
_PERIODS_WITHOUT_PROOF = 1.5
# What lies before is reported, not read back: it may be more than a run can read in weeks.
LONGEST_OUTAGE = timedelta(days=7)
_LONGEST_WITHOUT_FIRST_PROOF = timedelta(days=3)
# Activity is recorded at most every four minutes.
_RECENTLY = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointAnswer:
    """The verdict of a call of ``url`` that began at ``asked_at``; ``reason``: what came instead of a *yes*."""

    url: str
    verdict: Verdict
    asked_at: datetime
    reason: str = ""

    def for_account(self, rows: Iterable[TrackedSubscription]) -> Verdict:
        """Return the verdict for an account. Recent notifications show that the app's own view may be wrong."""
        if self.verdict is Verdict.NO and any(_is_delivering(row, self.asked_at) for row in rows):
            return Verdict.CANNOT_TELL
        return self.verdict


def _is_delivering(row: TrackedSubscription, now: datetime) -> bool:
    last_at = row.activity.last_at
    return last_at is not None and last_at > now - _RECENTLY


def is_dead_replacement(row: TrackedSubscription, now: datetime) -> bool:
    """Return whether a row's subscription was deleted to be replaced, and Graph refuses its successor."""
    is_open = row.missed_interval is not None and row.missed_interval.until is None
    return is_open and row.failure is not None and row.living(now) is None


def first_endpoint_proof(rows: Iterable[TrackedSubscription], now: datetime) -> datetime:
    """Return the proof of the endpoint for an account that has none: the oldest of its living subscriptions."""
    proofs = (living.proven_at for row in rows if (living := row.living(now)) is not None)
    return max(min(proofs, default=now), now - _LONGEST_WITHOUT_FIRST_PROOF)


def is_outage(proven_at: datetime, asked_at: datetime, period: timedelta) -> bool:
    """Return whether the endpoint may have been down since its last proof; ``period``: the time between two runs."""
    return asked_at - proven_at > period * _PERIODS_WITHOUT_PROOF
