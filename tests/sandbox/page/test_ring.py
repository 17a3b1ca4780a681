"""The last notifications, as the live page of a sandbox shows them."""

from dataclasses import replace
from datetime import timedelta

from dashboard.source import MOST_ROWS
from sandbox.graph import Answer, Delivery, Item
from sandbox.ledger import Arrival, ExpectedChange, ReceivedEvent
from sandbox.page.ring import Ring
from sandbox.run.queue_consumer import Event
from tests.sandbox.deliveries import BASIC, CHANGE, SUBSCRIPTION, WHEN, delivery

SECOND = timedelta(seconds=1)
NOW = WHEN + SECOND


def _ring(*deliveries: Delivery) -> Ring:
    ring = Ring(lambda: NOW)
    for each in deliveries:
        ring.delivered(each)
    return ring


def _took(milliseconds: int) -> Delivery:
    return replace(delivery(), answer=Answer(status=202, took=timedelta(milliseconds=milliseconds)))


def test_change_with_two_notifications_is_one_row_and_sealed() -> None:
    ring = _ring(delivery(BASIC), delivery(SUBSCRIPTION))
    (row,) = ring.rows()
    assert (row.change, row.kind, row.sealed, row.status) == ("created", "ChatMessage", "RSA-2048", 202)
    assert ring.rate().per_minute == 1


def test_refused_change_is_red_until_it_is_taken() -> None:
    ring = _ring(delivery(status=503))
    (row,) = ring.rows()
    assert (row.light, row.status, row.arrival) == ("red", 503, "attempt 1, to be repeated")
    assert (ring.rate().per_minute, ring.changed_at) == (0, None)
    ring.delivered(delivery())
    (again,) = ring.rows()
    assert (again.id, again.light, again.arrival) == (row.id, "green", "accepted")
    assert (ring.rate().per_minute, ring.changed_at) == (1, WHEN)


def test_event_in_the_queue_ends_the_way_of_its_change() -> None:
    first = delivery()
    ring = _ring(first)
    event = Event(attributes={"id": "1"}, data={}, size=1)
    arrival = Arrival(
        expected=ExpectedChange(change=CHANGE),
        received=ReceivedEvent(event=event, when=WHEN + 0.035 * SECOND),
        item=first.items[0],
        delivery=first,
        notifications=1,
    )
    ring.arrived(arrival)
    assert [row.arrival for row in ring.rows()] == ["queued in 35 ms"]


def test_long_text_is_cut_to_one_line_of_whole_characters() -> None:
    entity = {"id": "1", "body": {"content": "\ud800 word\n" * 1000}}
    (row,) = _ring(delivery(change=replace(CHANGE, entity=entity))).rows()
    assert "\n" not in row.what
    assert row.what.encode()
    assert len(row.what) <= 200


def test_lifecycle_notification_is_a_row_without_content() -> None:
    item = Item(subscription=BASIC, url="", born=WHEN, lifecycle_event="missed")
    (row,) = _ring(replace(delivery(), items=(item,))).rows()
    assert (row.kind, row.what, row.sealed) == ("missed", "/chats/getAllMessages", "lifecycle")


def test_newest_rows_come_first_and_the_oldest_are_forgotten() -> None:
    ring = _ring(*(delivery(change=replace(CHANGE, path=("chats", "c", "messages", str(n)))) for n in range(250)))
    rows = ring.rows()
    assert len(rows) == MOST_ROWS
    assert [row.id for row in rows[:2]] == ["250", "249"]


def test_percentiles_are_of_the_last_ten_minutes_without_handshakes() -> None:
    old = replace(_took(9000), when=NOW - timedelta(minutes=11))
    handshake = replace(_took(8000), handshake=True, items=())
    times = _ring(old, handshake, *(_took(n) for n in range(1, 101))).answers()
    assert (times.count, times.p50_ms, times.p99_ms, times.limit_ms) == (100, 50, 99, 3000)
    assert _ring().answers().p99_ms == 0


def test_history_counts_each_change_in_its_ten_seconds() -> None:
    moments = [NOW, NOW - 15 * SECOND, NOW - 299 * SECOND, NOW - 301 * SECOND]
    rate = _ring(*(replace(delivery(change=replace(CHANGE)), when=at) for at in reversed(moments))).rate()
    assert (rate.history[-1], rate.history[-2], rate.history[0]) == (1, 1, 1)
    assert (sum(rate.history), rate.per_minute, rate.history_seconds) == (3, 2, 300)
