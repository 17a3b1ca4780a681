"""Each change once: what is dropped, what never is, and how little of it depends on the table of records.

The table is in memory and keeps the real one's contract: rows with ETags, Conflict and Unavailable.
"""

import json
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, override

import pytest

from shared.errors import Unavailable
from shared.events.cloud_events import CloudEvent
from shared.events.publication import PublicationRecord
from shared.events.publish_once import PublishOnce
from shared.timing import Deadline
from tests.eventually import eventually
from tests.fakes.publish_once_fixture import (
    NOW,
    WINDOW,
    Sent,
    Table,
    Worker,
    event_of,
    in_time,
    message,
    team,
)


def test_what_graph_sends_again_is_published_once() -> None:
    worker = Worker(Table())
    for _ in range(3):
        worker.publish(message())
    assert len(worker.sunk) == 1


def test_the_same_change_twice_in_one_post_is_published_once() -> None:
    worker = Worker(Table())
    worker.publish(message(), message(), team("A"), team("A"))
    assert len(worker.sunk) == 2


def test_edits_and_deletions_of_a_message_are_separate_changes() -> None:
    """Peers' hole 14: de-duplication by message id alone, so that edits and deletions are lost."""
    worker = Worker(Table())
    changes = [message("created"), message("updated", "2"), message("updated", "3"), message("deleted", "4")]
    for change in changes * 2:
        worker.publish(change)
    assert worker.ids == [change.id for change in changes]


def test_version_reported_by_overlapping_subscriptions_is_published_once() -> None:
    worker = Worker(Table())
    worker.publish(message(subscriptionId="wide"))
    worker.publish(message(subscriptionId="narrow"))
    assert len(worker.sunk) == 1


def test_unversioned_change_is_published_once_per_subscription() -> None:
    worker = Worker(Table())
    worker.publish(team("A", seal="of wide", subscriptionId="wide"))
    worker.publish(team("A", seal="of narrow", subscriptionId="narrow"))
    assert len(set(worker.ids)) == len(worker.sunk) == 2


def test_state_that_comes_back_is_published_each_time() -> None:
    """A member leaves, comes back and leaves again; each notification is redelivered."""
    worker = Worker(Table())
    for number, name in enumerate("ABAB"):
        for minute in (0, 60):
            worker.publish(team(name, minute, seal=f"of {number}"))
    assert [json.loads(event.data)["content"]["displayName"] for event in worker.sunk] == list("ABAB")
    assert len(set(worker.ids)) == 4


def test_returning_state_is_published_while_the_other_is_parked() -> None:
    """The coming back waits for the timer."""
    worker = Worker(Table())
    left, back, left_again = (team(name, minute) for minute, name in enumerate("ABA"))
    for event in (left, left_again, back):
        worker.publish(event)
    assert len(set(worker.ids)) == len(worker.sunk) == 3


def test_unsealed_changes_of_one_post_differ_by_their_position() -> None:
    worker = Worker(Table())
    for _ in range(2):
        worker.publish(team("A", ordinal=0), team("A", ordinal=1))
    assert len(set(worker.ids)) == len(worker.sunk) == 2


def test_redelivered_event_has_the_time_of_its_first_publication() -> None:
    worker = Worker(Table())
    worker.now = NOW + timedelta(seconds=1)
    first, other = message(), message(etag="3", received_at=NOW + timedelta(minutes=1))
    again = replace(first, time=NOW + timedelta(minutes=9))
    published = (worker.published.publish(events, in_time()) for events in ([first], [other, again]))
    assert [[event.time for event in events] for events in published] == [[NOW], [other.time, worker.now]]
    assert len(worker.sunk) == 2


@pytest.mark.parametrize("order", ["bare first", "content first"])
def test_content_is_published_whether_or_not_the_bare_change_came_first(order: str) -> None:
    worker = Worker(Table())
    bare, full = event_of(None, changeType="created"), message("created")
    for _ in range(2):
        for event in (bare, full) if order == "bare first" else (full, bare):
            worker.publish(event)
    assert worker.ids == ([bare.id, full.id] if order == "bare first" else [full.id])


def test_what_has_no_content_and_no_version_is_never_dropped() -> None:
    worker = Worker(Table())
    for minute in range(2):
        worker.publish(event_of(None, changeType="updated", received_at=NOW + timedelta(minutes=minute)))
    assert len(worker.sunk) == 2


def test_record_counts_for_the_window_and_no_longer() -> None:
    worker = Worker(Table())
    worker.publish(message())
    worker.now = NOW + WINDOW
    worker.publish(message())
    assert len(worker.sunk) == 1
    worker.now = NOW + WINDOW + timedelta(seconds=1)
    worker.publish(message())
    worker.publish(message())
    assert len(worker.sunk) == 2


def test_record_is_as_old_as_the_publishing_not_as_the_notification() -> None:
    """A POST parked for hours may be delivered again a minute after it was published."""
    worker = Worker(Table(), now=NOW + timedelta(hours=6))
    worker.publish(message())
    worker.now += timedelta(minutes=1)
    worker.publish(message())
    assert len(worker.sunk) == 1


def test_other_workers_drop_it_too() -> None:
    table = Table()
    first, second = Worker(table), Worker(table)
    for worker in (first, second):
        worker.publish(message(), team("A", seal="of A"))
    assert (len(first.sunk), second.sunk) == (2, [])


def test_key_of_a_receipt_is_looked_up_only_when_redriven() -> None:
    table = Table()
    first, second = Worker(table), Worker(table)
    first.publish(team("A"))
    assert table.calls == ["write"]
    second.published.publish([team("A")], in_time(), is_live=False)
    assert (second.sunk, table.calls) == ([], ["write", "read"])


def test_live_event_repeats_the_window_and_a_redriven_one_all_days_kept() -> None:
    table = Table()
    Worker(table).publish(message())
    for age, is_live, published in [
        (WINDOW, True, 0),
        (WINDOW + timedelta(seconds=1), True, 1),
        (WINDOW + timedelta(seconds=1), False, 0),
        (WINDOW + timedelta(days=2), False, 0),
        (WINDOW + timedelta(days=2, seconds=1), False, 1),
    ]:
        worker = Worker(Table(rows=dict(table.rows)), now=NOW + age)
        worker.published.publish([message()], in_time(), is_live=is_live)
        assert len(worker.sunk) == published, (age, is_live)


def test_redriven_event_is_sought_where_graph_may_have_sent_it_before() -> None:
    for event, days in [(message(), 1), (replace(message(), recovered=True), 3)]:
        worker = Worker(Table(), now=NOW + timedelta(minutes=10))
        worker.published.publish([event], in_time(), is_live=False)
        assert len(worker.table.days_read) == days


def test_redriven_event_repeats_what_graph_sent_four_hours_before() -> None:
    table = Table()
    Worker(table).publish(message())
    # The last try of Graph's, at an instance whose clock is an hour fast.
    received_at = NOW + WINDOW + timedelta(hours=1)
    worker = Worker(table, now=received_at + timedelta(days=1))
    worker.published.publish([replace(message(), time=received_at)], in_time(), is_live=False)
    assert worker.sunk == []


def test_record_of_yesterday_counts_while_the_window_reaches_into_it() -> None:
    table, midnight = Table(), NOW + timedelta(hours=12)
    Worker(table, now=midnight - timedelta(minutes=1)).publish(message())
    worker = Worker(table, now=midnight + timedelta(minutes=1))
    worker.publish(message())
    assert worker.sunk == []


def test_published_by_this_process_is_dropped_without_the_table() -> None:
    worker = Worker(Table(trouble=_down))
    for _ in range(2):
        worker.publish(message(), team("A", seal="of A"))
    assert len(worker.sunk) == 2


def test_required_lookup_fails_while_the_table_is_unavailable() -> None:
    table = Table(trouble=_down)
    worker = Worker(table)
    for events in ([message()], [message(), team("A")]):
        with pytest.raises(Unavailable, match="does not answer"):
            worker.published.publish(events, in_time(), require_lookup=True)
    assert worker.sunk == []
    worker.publish(message())
    # That is remembered: nothing has to be looked up.
    worker.published.publish([message()], in_time(), require_lookup=True)
    assert len(worker.sunk) == 1


@pytest.mark.slow
def test_what_is_remembered_is_bounded() -> None:
    worker = Worker(Table(trouble=_down))
    one, others = message(), [message(etag=str(number)) for number in range(2, 20_002)]
    for events in ([one], others, [one]):
        worker.publish(*events)
    assert len(worker.sunk) == 20_002


def _down(_call: str) -> None:
    raise Unavailable("the table does not answer")


def _down_for_reading(call: str) -> None:
    if call == "read":
        raise Unavailable("no answer")


def _down_for_writing(call: str) -> None:
    if call == "write":
        raise Unavailable("storage is full")


def test_unavailable_table_stops_no_event_and_is_not_read_for_a_while() -> None:
    worker = Worker(Table(trouble=_down))
    for etag in "123":
        worker.publish(message(etag=etag))
    assert len(worker.sunk) == 3
    assert worker.table.calls.count("read") == 1


@dataclass
class Late(Table):
    """Answers nothing until its time is up, as the real one does."""

    @override
    def read(self, key: str, *arguments: Any, deadline: Deadline, **options: Any) -> PublicationRecord | None:
        time.sleep(deadline.seconds_left())
        raise Unavailable("no answer")


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 2])
def test_table_that_hangs_stops_no_event(count: int) -> None:
    worker = Worker(Late())
    began = time.monotonic()
    worker.published.publish(
        [message(etag=str(number)) for number in range(count)], Deadline.after(timedelta(seconds=2))
    )
    assert (len(worker.sunk), time.monotonic() - began < 2) == (count, True)


def test_nothing_is_marked_that_the_sink_did_not_take() -> None:
    """Peers' markers before the publish lose what a crash comes between."""
    table, failing = Table(), True

    def sink(events: Sequence[CloudEvent], _deadline: Deadline, sent: Sent) -> None:
        assert not table.rows
        if failing:
            raise Unavailable("storage")
        sent(events[0])

    published = PublishOnce(table, sink, window=WINDOW, now=lambda: NOW)
    for _ in range(2):
        with pytest.raises(Unavailable):
            published.publish([message()], in_time())
    failing = False
    published.publish([message()], in_time())
    assert eventually(lambda: len(table.rows) == 1)


def test_what_was_sent_of_a_post_that_fails_is_not_sent_again() -> None:
    table, sunk = Table(), list[str]()

    def sink(events: Sequence[CloudEvent], _deadline: Deadline, sent: Sent) -> None:
        for event in events:
            if len(sunk) == 2:
                sunk.append("the queue is full")
                raise Unavailable("the queue is full")
            sunk.append(event.id)
            sent(event)

    published = PublishOnce(table, sink, window=WINDOW, now=lambda: NOW)
    events = [message(etag=etag) for etag in "123"]
    with pytest.raises(Unavailable):
        published.publish(events, in_time())
    assert eventually(lambda: len(table.rows) == 2)
    published.publish(events, in_time())
    assert sunk == [events[0].id, events[1].id, "the queue is full", events[2].id]


def test_two_posts_at_once_about_one_change_publish_it_once() -> None:
    table, sunk = Table(), list[CloudEvent]()

    def sink(events: Sequence[CloudEvent], _deadline: Deadline, sent: Sent) -> None:
        time.sleep(0.1)
        for event in events:
            sunk.append(event)
            sent(event)

    published = PublishOnce(table, sink, window=WINDOW, now=lambda: NOW)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: published.publish([message(), team("A")], in_time()), range(4)))
    assert len(sunk) == 2


def test_post_waits_for_a_concurrent_duplicate_until_its_deadline() -> None:
    """It is parked then, and a repetition once its turn has come."""
    let_go, sunk = threading.Event(), list[CloudEvent]()

    def sink(events: Sequence[CloudEvent], _deadline: Deadline, sent: Sent) -> None:
        sunk.extend(events)
        let_go.wait(20)
        sent(events[0])

    published = PublishOnce(Table(), sink, window=WINDOW, now=lambda: NOW)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(published.publish, [message()], in_time())
        assert eventually(lambda: len(sunk) == 1)
        with pytest.raises(Unavailable):
            published.publish([message()], Deadline.after(timedelta(seconds=0.1)))
        let_go.set()
        first.result()
    published.publish([message()], in_time())
    assert len(sunk) == 1


def test_what_is_known_to_be_published_is_not_looked_up_again() -> None:
    table = Table()
    Worker(table).publish(message())
    worker = Worker(table)
    before = table.calls.count("read")
    for subscription in ("wide", "narrow", "narrower"):
        worker.publish(message(subscriptionId=subscription))
    assert (worker.sunk, table.calls.count("read") - before) == ([], 1)


def test_two_contents_published_by_two_workers_at_once_are_both_recorded() -> None:
    """Neither finds a record of the other; then one row exists already when the other is written."""
    table = Table()
    workers = [Worker(table), Worker(table)]
    events = [message(), replace(message(), id="another content")]
    table.trouble = _down_for_reading
    for worker, event in zip(workers, events, strict=True):
        worker.publish(event)
    table.trouble = lambda _call: None
    assert table.entries(events[0].provenance.dedup_key) == {event.id for event in events}
    third = Worker(table)
    third.publish(*events)
    assert third.sunk == []


def test_record_that_the_table_refused_still_counts_in_this_process() -> None:
    worker = Worker(Table(trouble=_down_for_writing))
    for _ in range(2):
        worker.publish(message())
    assert len(worker.sunk) == 1
