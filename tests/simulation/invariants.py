"""An eye on the simulated Graph: which subscriptions live, for how long one was missing, and which laws are broken."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Self

from sandbox.graph import Subscription
from shared.subscriptions.desired import DesiredSubscription
from shared.subscriptions.tracked import TenantState, TrackedSubscription
from tests.flows.world import World

# Of all that a run asks for one subscription, with faults in one call of twenty about one run of seven fails; so many
# in a row are no chance any more.
_RUNS = 5
# For so long Graph keeps what it cannot deliver, and faults by chance do not last for so long.
_LONGEST = timedelta(hours=4)

type Key = tuple[str, str, frozenset[str]]
"""Tenant, resource as the app writes it, change types."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """A subscription that Graph gave up behind the app's back."""

    key: Key
    at: datetime


@dataclass(slots=True, kw_only=True)
class Absence:
    """A subscription that is wanted and not there; ``runs`` counts those that no recorded pause excuses."""

    since: datetime
    runs: int = 0


@dataclass(kw_only=True)
class Watch:
    """What has been seen of Graph, sample by sample; ``broken`` says in words which laws did not hold."""

    world: World
    wanted: Mapping[Key, DesiredSubscription]
    broken: list[str] = field(default_factory=list)
    removals: list[Removal] = field(default_factory=list)
    absences: dict[Key, Absence] = field(default_factory=dict)
    longest_absence: timedelta = timedelta()
    longest_without_token: timedelta = timedelta()
    _before: Mapping[str, Subscription] = field(default_factory=dict)

    @classmethod
    def beginning(cls, world: World) -> Self:
        """Return a watch over all that the app is to keep, of which nothing is there."""
        wanted = {(each.tenant_id, each.resource, each.change_types): each for each in world.app.desired}
        now = world.clock.now()
        return cls(world=world, wanted=wanted, absences={key: Absence(since=now) for key in wanted})

    def remove(self, subscription: Subscription) -> None:
        """Have Graph give a subscription up, and remember that."""
        self.world.do(lambda: self.world.graph.remove_subscription(subscription.id))
        now, key = self.world.clock.now(), _key(subscription)
        self.removals.append(Removal(key=key, at=now))
        self.absences.setdefault(key, Absence(since=now))
        self._before = {id_: each for id_, each in self._before.items() if id_ != subscription.id}

    def sample(self, ran_at: datetime) -> None:
        """Look at everything after the run that began at ``ran_at``."""
        now, live = self.world.clock.now(), self.world.do(self.world.graph.subscriptions)
        self._look_for_lapses(live, now)
        self._before = {each.id: each for each in live}
        by_key = defaultdict(list)
        for each in live:
            by_key[_key(each)].append(each)
            self.longest_without_token = max(self.longest_without_token, now - each.authorized_until)
        for key in self.wanted:
            self._count(key, len(by_key[key]), now)
        self._judge_absences(now, ran_at)

    def settled(self, certificate_id: str) -> Iterator[str]:
        """Yield what is not as it should be when no fault is left, in words."""
        live = {_key(each): each for each in self.world.do(self.world.graph.subscriptions)}
        rows = {_key_of_row(row): row for tenant_id in self.world.tenant_ids for row in self.world.rows(tenant_id)}
        if not live.keys() == rows.keys() == self.wanted.keys():
            yield f"{len(self.wanted)} are wanted, {len(live)} live, {len(rows)} are tracked"
        for key in live.keys() & rows.keys():
            yield from _unlike(live[key], rows[key], certificate_id)
        for removal in self.removals:
            if not _is_recorded(removal, rows.get(removal.key)):
                yield f"{removal.key[1]} was removed at {removal.at}, and no gap says so"

    def _look_for_lapses(self, live: Sequence[Subscription], now: datetime) -> None:
        ids = {each.id for each in live}
        for id_, each in self._before.items():
            if id_ not in ids and each.expires_at <= now:
                self.broken.append(f"{each.resource} lapsed at {each.expires_at}")

    def _count(self, key: Key, found: int, now: datetime) -> None:
        if found > 1:
            self.broken.append(f"{key[1]} is subscribed to {found} times")
        if found == 0:
            self.absences.setdefault(key, Absence(since=now))
        elif absence := self.absences.pop(key, None):
            self.longest_absence = max(self.longest_absence, now - absence.since)

    def _judge_absences(self, now: datetime, ran_at: datetime) -> None:
        tables = {key[0]: self.world.app.rows(key[0]) for key in self.absences}
        for key, absence in self.absences.items():
            absence.runs += not _is_excused(key, tables[key[0]], ran_at)
            self.longest_absence = max(self.longest_absence, now - absence.since)
            if absence.runs > _RUNS or now - absence.since > _LONGEST:
                self.broken.append(f"{key[1]} has been missing since {absence.since}")


def _key(subscription: Subscription) -> Key:
    return (subscription.tenant_id, subscription.resource, subscription.change_types)


def _key_of_row(row: TrackedSubscription) -> Key:
    return (row.desired.tenant_id, row.desired.resource, row.desired.change_types)


def _is_excused(key: Key, rows: TenantState, ran_at: datetime) -> bool:
    """Return whether a run was right to leave a subscription alone, or wrote down why it failed."""
    row = next((each for each in rows.tracked if _key_of_row(each) == key), None)
    failures = [row.failure if row else None, rows.account(key[0], delegated=False).failure]
    return any(failure is not None and failure.retry_at > ran_at for failure in failures)


def _unlike(live: Subscription, row: TrackedSubscription, certificate_id: str) -> Iterator[str]:
    observed = row.applied
    if observed is None or observed.subscription_id != live.id:
        yield f"{live.resource}: its row does not know the subscription that lives"
    elif live.is_rich and {live.certificate_id, observed.certificate_id} != {certificate_id}:
        yield f"{live.resource} has an old certificate"
    if row.failure is not None:
        yield f"{live.resource} keeps an error: {row.failure.text}"


def _is_recorded(removal: Removal, row: TrackedSubscription | None) -> bool:
    gap = row.missed_interval if row else None
    return gap is not None and gap.since <= removal.at and gap.until is not None and removal.at < gap.until
