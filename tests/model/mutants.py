"""Rules of the app that are taken away, one at a time, from outside: a port that does less than it promises."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from shared.events.cloud_events import CloudEvent
from shared.events.publication import IsEnough, PublicationRecord, PublicationRow
from shared.events.publish_once import PublicationRecords
from shared.graph.client import Page
from shared.graph.subscription import GraphSubscription
from shared.notifications.probe import Verdict
from shared.subscriptions.delivery import AFTER_OUTAGE
from shared.subscriptions.ports import GapRecorder, MissedChanges, SubscriptionsApi, TrackedSubscriptions
from shared.subscriptions.tracked import AccountStatus, TenantState, TrackedSubscription
from shared.timing import Deadline
from tests.model.process import Ports

type Send = Callable[[Sequence[CloudEvent], Deadline, Callable[[CloudEvent], None]], None]


@dataclass(frozen=True, kw_only=True)
class ForgetfulRecorder:
    """Records no outage, or one that ends ``early``."""

    recorder: GapRecorder
    early: timedelta | None = None

    def record_gaps(self, tenant_id: str, missed: Sequence[MissedChanges]) -> None:
        if self.early is not None:
            self.recorder.record_gaps(tenant_id, [replace(each, until=each.until - self.early) for each in missed])


@dataclass(frozen=True, kw_only=True)
class ForgetfulTable:
    """The table of subscriptions; ``forgets`` makes of a row what is saved of it."""

    table: TrackedSubscriptions
    forgets: Callable[[TrackedSubscription], TrackedSubscription]

    def load(self, tenant_id: str) -> TenantState:
        return self.table.load(tenant_id)

    def save[Row: (TrackedSubscription, AccountStatus)](self, row: Row) -> Row:
        if isinstance(row, TrackedSubscription):
            row = self.forgets(row)
        return self.table.save(row)

    def delete(self, row: TrackedSubscription) -> None:
        self.table.delete(row)

    def delete_activity(self, tenant_id: str, subscription_id: str) -> None:
        self.table.delete_activity(tenant_id, subscription_id)


@dataclass(frozen=True, kw_only=True)
class Unwritten:
    """Records that are read, and never written."""

    records: PublicationRecords

    def read(
        self, key: str, days: Sequence[date], *, since: datetime, is_enough: IsEnough, deadline: Deadline
    ) -> PublicationRecord | None:
        return self.records.read(key, days, since=since, is_enough=is_enough, deadline=deadline)

    def write(self, _rows: Sequence[PublicationRow], _day: date) -> int | None:
        return None


@dataclass(frozen=True, kw_only=True)
class LongTokens:
    """Graph with tokens that never seem to end."""

    graph: SubscriptionsApi
    renews: bool = True

    def token_expires_at(self) -> datetime:
        return self.graph.token_expires_at() + timedelta(days=1)

    def list_subscriptions(self) -> Iterable[GraphSubscription]:
        return self.graph.list_subscriptions()

    def create_subscription(self, properties: Mapping[str, Any], *, beta: bool) -> GraphSubscription:
        return self.graph.create_subscription(properties, beta=beta)

    def update_subscription(
        self, subscription_id: str, properties: Mapping[str, Any], *, beta: bool
    ) -> GraphSubscription:
        if self.renews:
            return self.graph.update_subscription(subscription_id, properties, beta=beta)
        return self.graph.get_subscription(subscription_id, beta=beta)

    def get_subscription(self, subscription_id: str, *, beta: bool) -> GraphSubscription:
        return self.graph.get_subscription(subscription_id, beta=beta)

    def delete_subscription(self, subscription_id: str) -> None:
        self.graph.delete_subscription(subscription_id)


class EmptyLists:
    """Graph's lists, of which no page is read."""

    @staticmethod
    def get_page(_path: str) -> Page:
        return Page(items=(), next_path=None)

    @staticmethod
    def get_item(path: str) -> Mapping[str, Any]:
        raise AssertionError(path)


def _no_outages(ports: Ports) -> None:
    ports.gap_recorder = ForgetfulRecorder(recorder=ports.gap_recorder)


def _no_margin(ports: Ports) -> None:
    ports.gap_recorder = ForgetfulRecorder(recorder=ports.gap_recorder, early=AFTER_OUTAGE)


def _no_intervals(ports: Ports) -> None:
    ports.table = ForgetfulTable(table=ports.table, forgets=lambda row: replace(row, missed_interval=None))


def _late_intervals(ports: Ports) -> None:
    """Begin what was missed when it was noticed."""
    now = ports.clock.now

    def forgets(row: TrackedSubscription) -> TrackedSubscription:
        missed = row.missed_interval
        return row if missed is None else replace(row, missed_interval=replace(missed, since=max(missed.since, now())))

    ports.table = ForgetfulTable(table=ports.table, forgets=forgets)


def _always_yes(ports: Ports) -> None:
    ask = ports.endpoint
    ports.endpoint = lambda: replace(ask(), verdict=Verdict.YES)


def _no_lapse(ports: Ports) -> None:
    ports.graph = LongTokens(graph=ports.graph)


def _no_renewal(ports: Ports) -> None:
    ports.graph = LongTokens(graph=ports.graph, renews=False)


def _unwritten(ports: Ports) -> None:
    ports.records = Unwritten(records=ports.records)


def _without_content(ports: Ports) -> None:
    def tagged(events: Sequence[CloudEvent]) -> Sequence[CloudEvent]:
        return [replace(event, id=event.provenance.dedup_key) if event.has_content else event for event in events]

    ports.tagged = tagged


def _recorded_first(ports: Ports) -> None:
    send = ports.sink

    def recording(events: Sequence[CloudEvent], deadline: Deadline, sent: Callable[[CloudEvent], None]) -> None:
        for event in events:
            sent(event)
        send(events, deadline, lambda _event: None)

    ports.sink = recording


def _no_redriving(ports: Ports) -> None:
    ports.redrives = False


def _nothing_parked(ports: Ports) -> None:
    ports.park = lambda posts, _deadline: len(posts)


def _nothing_read(ports: Ports) -> None:
    ports.lists = EmptyLists()


MUTANTS: Mapping[str, tuple[Callable[[Ports], None], str]] = {
    "outages are not recorded": (_no_outages, "law 1"),
    "an outage ends with the first answer": (_no_margin, "law 1"),
    "what was missed is not recorded": (_no_intervals, "law 1"),
    "what was missed begins when it is noticed": (_late_intervals, "law 1"),
    "the proof moves without a verdict": (_always_yes, "law 1"),
    "tokens count as good for ever": (_no_lapse, "law 1"),
    "renewals are only pretended": (_no_renewal, "law 1"),
    "records are not written": (_unwritten, "law 4"),
    "ids leave the content out": (_without_content, "law 3"),
    "records are written before events are sent": (_recorded_first, "law 1"),
    "nothing is redriven": (_no_redriving, "law 5"),
    "what should be parked is dropped": (_nothing_parked, "law 1"),
    "gaps are closed unread": (_nothing_read, "law 2"),
}
"""What is taken away, and the law that is broken."""
