"""What must hold of the subscriptions at the simulated Graph, and the violations that were observed."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Self

from sandbox.graph import Subscription
from shared.subscriptions.desired import DesiredSubscription
from shared.subscriptions.lifecycle import is_removal_reported
from shared.subscriptions.tracked import TenantState, TrackedSubscription
from tests.flows.deployment import LoopbackDeployment

# With faults in one call of twenty, about one run of seven fails for a subscription; so many in a row are no chance.
_RUNS = 5
# Graph retries for so long, and random faults do not last for so long.
_LONGEST = timedelta(hours=4)

type Key = tuple[str, str, frozenset[str]]
"""Tenant, resource as the app writes it, change types."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """A subscription that Graph removed without the app's doing."""

    key: Key
    at: datetime


@dataclass(slots=True, kw_only=True)
class Absence:
    """A desired subscription that does not exist; ``runs`` counts those that no recorded pause excuses."""

    since: datetime
    is_removal: bool = False
    runs: int = 0


@dataclass(kw_only=True)
class Invariants:
    """What was observed of Graph, sample by sample; ``violations`` are sentences."""

    deployment: LoopbackDeployment
    wanted: Mapping[Key, DesiredSubscription]
    violations: list[str] = field(default_factory=list)
    removals: list[Removal] = field(default_factory=list)
    absences: dict[Key, Absence] = field(default_factory=dict)
    longest_absence: timedelta = timedelta()
    longest_without_token: timedelta = timedelta()
    _before: Mapping[str, Subscription] = field(default_factory=dict)

    @classmethod
    def beginning(cls, deployment: LoopbackDeployment) -> Self:
        """Return the invariants of all desired subscriptions, none of which exists yet."""
        wanted = {(each.tenant_id, each.resource, each.change_types): each for each in deployment.app.desired}
        now = deployment.clock.now()
        return cls(deployment=deployment, wanted=wanted, absences={key: Absence(since=now) for key in wanted})

    def remove(self, subscription: Subscription) -> None:
        """Have Graph remove a subscription, and remember that."""
        self.deployment.remove_subscription(subscription.id)
        now, key = self.deployment.clock.now(), _key(subscription)
        self.removals.append(Removal(key=key, at=now))
        self.absences.setdefault(key, Absence(since=now, is_removal=True))
        self._before = {id_: each for id_, each in self._before.items() if id_ != subscription.id}

    def sample(self, ran_at: datetime) -> None:
        """Check everything after the run that began at ``ran_at``."""
        now, live = self.deployment.clock.now(), self.deployment.do(self.deployment.graph.subscriptions)
        self._check_expirations(live, now)
        self._before = {each.id: each for each in live}
        by_key = defaultdict(list)
        for each in live:
            by_key[_key(each)].append(each)
            self.longest_without_token = max(self.longest_without_token, now - each.authorized_until)
        for key in self.wanted:
            self._count(key, len(by_key[key]), now)
        self._check_absences(now, ran_at)

    def settled(self, certificate_id: str) -> Iterator[str]:
        """Yield the violations after a run without faults."""
        deployment = self.deployment
        live = {_key(each): each for each in deployment.do(deployment.graph.subscriptions)}
        rows = {_key_of_row(row): row for tenant_id in deployment.tenant_ids for row in deployment.rows(tenant_id)}
        if not live.keys() == rows.keys() == self.wanted.keys():
            yield f"{len(self.wanted)} are desired, {len(live)} exist, {len(rows)} are tracked"
        for key in live.keys() & rows.keys():
            yield from _differences(live[key], rows[key], certificate_id)
        for removal in self.removals:
            if not _is_recorded(removal, rows.get(removal.key)):
                yield f"{removal.key[1]} was removed at {removal.at}, and no gap says so"

    def _check_expirations(self, live: Sequence[Subscription], now: datetime) -> None:
        ids = {each.id for each in live}
        for id_, each in self._before.items():
            if id_ not in ids and each.expires_at <= now:
                self.violations.append(f"{each.resource} expired at {each.expires_at}")

    def _count(self, key: Key, found: int, now: datetime) -> None:
        if found > 1:
            self.violations.append(f"{key[1]} is subscribed to {found} times")
        if found == 0:
            self.absences.setdefault(key, Absence(since=now))
        elif absence := self.absences.pop(key, None):
            self.longest_absence = max(self.longest_absence, now - absence.since)

    def _check_absences(self, now: datetime, ran_at: datetime) -> None:
        tables = {key[0]: self.deployment.app.rows(key[0]) for key in self.absences}
        due_before = ran_at - self.deployment.app.settings.renew_after
        for key, absence in self.absences.items():
            row = _row_of(key, tables[key[0]])
            is_unnoticed = absence.is_removal and row is not None and _is_unnoticed(row, absence.since, due_before)
            absence.runs += not (is_unnoticed or _is_excused(key, tables[key[0]], ran_at))
            self.longest_absence = max(self.longest_absence, now - absence.since)
            if absence.runs > _RUNS or now - absence.since > _LONGEST:
                self.violations.append(f"{key[1]} has been missing since {absence.since}")


def _key(subscription: Subscription) -> Key:
    return (subscription.tenant_id, subscription.resource, subscription.change_types)


def _key_of_row(row: TrackedSubscription) -> Key:
    return (row.desired.tenant_id, row.desired.resource, row.desired.change_types)


def _row_of(key: Key, rows: TenantState) -> TrackedSubscription | None:
    return next((each for each in rows.tracked if _key_of_row(each) == key), None)


def _is_unnoticed(row: TrackedSubscription, removed_at: datetime, due_before: datetime) -> bool:
    """Return whether Graph has not reported a removal, which the next renewal therefore is the first to notice."""
    if row.applied is None or is_removal_reported(row):
        return False
    return due_before < row.applied.renewed_at <= removed_at


def _is_excused(key: Key, rows: TenantState, ran_at: datetime) -> bool:
    """Return whether a run was right to leave a subscription alone, or recorded why it failed."""
    row = _row_of(key, rows)
    failures = [row.failure if row else None, rows.account(key[0], delegated=False).failure]
    return any(failure is not None and failure.retry_at > ran_at for failure in failures)


def _differences(live: Subscription, row: TrackedSubscription, certificate_id: str) -> Iterator[str]:
    observed = row.applied
    if observed is None or observed.subscription_id != live.id:
        yield f"{live.resource}: its row does not know the subscription at Graph"
    elif live.is_rich and {live.certificate_id, observed.certificate_id} != {certificate_id}:
        yield f"{live.resource} has an old certificate"
    if row.failure is not None:
        yield f"{live.resource} has an error: {row.failure.text}"


def _is_recorded(removal: Removal, row: TrackedSubscription | None) -> bool:
    gap = row.missed_interval if row else None
    return gap is not None and gap.since <= removal.at and gap.until is not None and removal.at < gap.until
