"""A deployment at a glance: what its storage account says, put into one sentence and a few lines.

Nothing is asked of Graph, the vault or Entra ID: what they answer stands in the row of the app's last run.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cli.json_documents import GlanceDocument
from cli.output import ago, iso_or_none, span
from cli.subscription_status import StatusContext, SubscriptionState, state_of
from dashboard.snapshot import Light
from shared.gaps.gap import Gap, GapState
from shared.receiving.post_store import StoredPost
from shared.subscriptions.deployment_status import SILENT_AFTER, DeploymentStatus, failures, period_of
from shared.subscriptions.tracked import TrackedSubscription

# What is parked is published by the next run, or the one after it.
_LONG = timedelta(minutes=15)
_FINE = frozenset({SubscriptionState.ACTIVE, SubscriptionState.UNWANTED, SubscriptionState.PENDING})
_UNFILLED = frozenset({GapState.REFUSED, GapState.PARTIAL, GapState.UNRECOVERABLE})
_DOCTOR = "python -m cli doctor"


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """What was read at ``now``; ``oldest_event``: when the first event in the queue came.

    ``queued`` is None for an event hub, which does not say what its consumers have not read.
    """

    now: datetime
    overdue_after: timedelta
    owner: DeploymentStatus | None
    rows: Sequence[TrackedSubscription]
    gaps: Sequence[Gap]
    parked: Sequence[StoredPost]
    quarantined: int
    queued: int | None
    oldest_event: datetime | None

    @property
    def states(self) -> Counter[SubscriptionState]:
        """Return how many subscriptions are in each state."""
        context = StatusContext(now=self.now, overdue_after=self.overdue_after)
        return Counter(state_of(row, context) for row in self.rows)

    @property
    def last_change_at(self) -> datetime | None:
        """Return when the last notification came; it is written every four minutes."""
        return max((at for row in self.rows if (at := row.activity.notification_at)), default=None)

    @property
    def unanswered(self) -> Sequence[str]:
        """Return the systems that refuse the app or do not answer it."""
        answers = self.owner.answers if self.owner else None
        return list(failures(answers)) if answers else []

    @property
    def oldest_parked(self) -> timedelta:
        """Return how long what is parked waits."""
        return max((self.now - post.received_at for post in self.parked), default=timedelta())

    def open_gaps(self) -> Sequence[Gap]:
        """Return the gaps that are being filled."""
        return [gap for gap in self.gaps if gap.state is GapState.OPEN and not gap.is_baseline]

    def unfilled_gaps(self) -> Sequence[Gap]:
        """Return the gaps of which changes are lost, or may be."""
        return [gap for gap in self.gaps if gap.state in _UNFILLED]

    @property
    def on_its_way(self) -> int:
        """Return how many events and POSTs wait, as far as that is known."""
        return (self.queued or 0) + len(self.parked)

    def troubles(self) -> Iterator[str]:
        """Yield what stops changes or loses them, the worst first."""
        if self.owner is None:
            yield "the timer has not run yet"
        elif self.now - self.owner.last_run_at > SILENT_AFTER:
            yield f"the timer has been silent for {span(self.now - self.owner.last_run_at)}"
        if self.unanswered:
            yield f"{' and '.join(self.unanswered)} refused the app or did not answer it"
        bad = {state.value: count for state, count in self.states.items() if state not in _FINE}
        if bad:
            yield f"{', '.join(f'{count} {state}' for state, count in bad.items())} of the subscriptions"

    def remarks(self) -> Iterator[str]:
        """Yield what is to be watched."""
        if self.owner is not None and not self.rows:
            yield "nothing is watched"
        if self.oldest_parked > _LONG:
            yield f"{len(self.parked)} parked, the oldest for {span(self.oldest_parked)}"
        if self.quarantined:
            yield f"{self.quarantined} in quarantine"
        if self.oldest_event is not None and self.now - self.oldest_event > _LONG:
            yield f"the consumer is {span(self.now - self.oldest_event)} behind"
        if unfilled := len(self.unfilled_gaps()):
            yield f"{unfilled} gaps not filled"


def light(glance: Glance) -> Light:
    """Return green, amber or red."""
    if any(glance.troubles()):
        return Light.RED
    return Light.AMBER if any(glance.remarks()) else Light.GREEN


def sentence(glance: Glance) -> str:
    """Return the whole in one sentence."""
    found = [*glance.troubles(), *glance.remarks()]
    if found:
        return f"{'; '.join(found)}: {_DOCTOR}"
    last = glance.last_change_at
    change = f"last change {ago(last, glance.now)}" if last else "no change yet"
    return f"Graph delivers; {change}; {waiting(glance)}"


def waiting(glance: Glance) -> str:
    """Return what is on its way, in words."""
    return f"{glance.on_its_way} on their way" if glance.on_its_way else "nothing waits"


def lines(glance: Glance) -> Iterator[tuple[str, str]]:
    """Yield what stands below the sentence."""
    owner = glance.owner
    if owner is not None:
        every = span(period_of(owner.starts))
        yield "run", f"{ago(owner.last_run_at, glance.now)}, every {every}, version {owner.facts.version}"
        yield "url", owner.facts.notification_url.partition("?")[0]
    states = ", ".join(f"{count} {state.value}" for state, count in glance.states.items())
    ends = min((row.applied.expiration for row in glance.rows if row.applied), default=None)
    until = f", the first ends in {span(ends - glance.now)}" if ends else ""
    yield "subscriptions", f"{states}{until}" if states else "none"
    yield "last change", ago(glance.last_change_at, glance.now)
    parked = f", the oldest for {span(glance.oldest_parked)}" if glance.parked else ""
    if glance.queued is not None:
        yield "queue", f"about {glance.queued}" if glance.queued else "empty"
    yield "parked", f"{len(glance.parked)}{parked}"
    yield "quarantine", str(glance.quarantined)
    yield "gaps", f"{len(glance.open_gaps())} open, {len(glance.unfilled_gaps())} not filled"


def document(glance: Glance) -> GlanceDocument:
    """Return what `status --json` prints."""
    return {
        "light": light(glance),
        "sentence": sentence(glance),
        "runDateTime": iso_or_none(glance.owner.last_run_at if glance.owner else None),
        "subscriptions": {state.value: count for state, count in glance.states.items()},
        "notificationDateTime": iso_or_none(glance.last_change_at),
        "unanswered": list(glance.unanswered),
        "queued": glance.queued,
        "parked": len(glance.parked),
        "quarantined": glance.quarantined,
        "openGaps": len(glance.open_gaps()),
    }
