"""Each change once: what is dropped, what never is, and how little of it depends on the table of markers.

The table is in memory and keeps the real one's contract: rows with ETags, Conflict and Unavailable.
"""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.authenticity import Authentic, dated, sign_client_state
from shared.deadline import Deadline
from shared.decryption import Content
from shared.errors import Conflict, Unavailable
from shared.events import CloudEvent, change_event
from shared.marker import MAX_NOTES, Marker, judged
from shared.notifications import ChangeNotification
from shared.published import Published
from tests.eventually import eventually
from tests.sender import CLIENT_ID, MESSAGE, NONCE, STATE_KEY, TENANT, basic_item

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
WINDOW = timedelta(hours=4)
TEAM = "teams('3f9a')"

type Sent = Callable[[CloudEvent], None]


def in_time() -> Deadline:
    return Deadline.after(timedelta(seconds=20))


@dataclass
class Table:
    """Rows in memory; ``trouble`` is met by every call."""

    rows: dict[str, Marker] = field(default_factory=dict)
    trouble: Callable[[str], None] = field(default=lambda _call: None)
    calls: list[str] = field(default_factory=list)
    lock: Any = field(default_factory=threading.Lock)

    def read(self, key: str) -> Marker | None:
        self.calls.append("read")
        self.trouble("read")
        return self.rows.get(key)

    def write(self, marker: Marker) -> None:
        self.calls.append("write")
        self.trouble("write")
        with self.lock:
            there = self.rows.get(marker.key)
            if marker.etag != (there.etag if there else None):
                raise Conflict("written since")
            self.rows[marker.key] = replace(marker, etag=str(len(self.calls)))


@dataclass
class Stale(Table):
    """The same rows, of which the first look-up tells the past."""

    past: dict[str, Marker] = field(default_factory=dict)

    def read(self, key: str) -> Marker | None:
        return self.past.pop(key) if key in self.past else super().read(key)


@dataclass
class Worker[T: Table = Table]:
    """One process of the app; several may share a table."""

    table: T
    now: datetime = NOW
    sunk: list[CloudEvent] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.published = Published(self.table, self._sink, window=WINDOW, now=lambda: self.now)

    def _sink(self, events: Sequence[CloudEvent], _deadline: Deadline, sent: Sent) -> None:
        for event in events:
            self.sunk.append(event)
            sent(event)

    def publish(self, *events: CloudEvent) -> None:
        """Publish one POST's events, and wait for their markers as the next POST about them would."""
        self.published.publish(events, in_time())
        assert eventually(self.published.is_at_rest)

    @property
    def ids(self) -> list[str]:
        return [event.id for event in self.sunk]


def message(change_type: str = "updated", etag: str = "1", **changes: Any) -> CloudEvent:
    """Return the event of one version of a message."""
    return _event(Content.from_json(json.dumps({"id": "1", "etag": etag}).encode()), changeType=change_type, **changes)


def team(name: str, minute: int = 0, ordinal: int = 0, **changes: Any) -> CloudEvent:
    """Return the event of a team with a name; Graph says nothing of its version."""
    content = Content.from_json(json.dumps({"id": "3f9a", "displayName": name}).encode())
    kind = {"id": "3f9a", "@odata.type": "#Microsoft.Graph.team", "@odata.id": TEAM}
    team = {"resource": TEAM, "resourceData": kind, "changeType": "updated"}
    return _event(content, received_at=NOW + timedelta(minutes=minute), ordinal=ordinal, **(team | changes))


def _event(content: Content | None, *, received_at: datetime = NOW, ordinal: int = 0, **changes: Any) -> CloudEvent:
    item = Authentic(ChangeNotification.from_json(basic_item(resource=MESSAGE) | changes))
    return change_event(item, content, client_id=CLIENT_ID, received_at=received_at, ordinal=ordinal)


def test_what_graph_sends_again_is_published_once() -> None:
    worker = Worker(Table())
    for _ in range(3):
        worker.publish(message())
    assert len(worker.sunk) == 1


def test_the_same_change_twice_in_one_post_is_published_once() -> None:
    worker = Worker(Table())
    worker.publish(message(), message(), team("A"), team("A"))
    assert len(worker.sunk) == 2


def test_edits_reactions_and_deletions_of_a_message_are_changes_of_their_own() -> None:
    """Peers' hole 14: de-duplication by message id alone, so that edits and deletions are lost."""
    worker = Worker(Table())
    changes = [message("created"), message("updated", "2"), message("updated", "3"), message("deleted", "4")]
    for change in changes * 2:
        worker.publish(change)
    assert worker.ids == [change.id for change in changes]


def test_a_change_that_overlapping_subscriptions_tell_is_published_once() -> None:
    worker = Worker(Table())
    worker.publish(message(subscriptionId="wide"))
    worker.publish(message(subscriptionId="narrow"))
    worker.publish(team("A", subscriptionId="wide"))
    worker.publish(team("A", subscriptionId="narrow"))
    assert len(worker.sunk) == 2


def test_a_state_that_comes_back_is_published_every_time_under_an_id_of_its_own() -> None:
    worker = Worker(Table())
    for minute, name in enumerate("ABAB"):
        worker.publish(team(name, minute))
        # As after a run of the timer that has ended before its body was gone.
        worker.publish(team(name, minute))
    assert [json.loads(event.data)["content"]["displayName"] for event in worker.sunk] == list("ABAB")
    assert len(set(worker.ids)) == 4
    assert worker.ids[:2] == [team("A").id, team("B").id]


def test_a_state_that_comes_back_while_the_one_in_between_is_parked_is_published() -> None:
    """A member leaves, comes back and leaves again within seconds; the coming back waits for the timer."""
    worker = Worker(Table())
    left, back, left_again = (team(name, minute) for minute, name in enumerate("ABA"))
    worker.publish(left)
    worker.publish(left_again)
    worker.publish(back)
    assert len(set(worker.ids)) == len(worker.sunk) == 3


def test_states_that_come_back_in_one_post_are_all_published_and_told_apart_by_their_seals() -> None:
    worker = Worker(Table())
    sealed = [team(name, encryptedContent={"dataSignature": f"of {n}"}) for n, name in enumerate("ABBA")]
    for _ in range(2):
        worker.publish(*sealed)
    assert len(worker.sunk) == len(set(worker.ids)) == 4


def test_states_are_told_apart_by_their_place_in_the_post_where_nothing_is_sealed() -> None:
    worker = Worker(Table())
    for _ in range(2):
        worker.publish(team("A", ordinal=0), team("A", ordinal=1))
    assert len(set(worker.ids)) == 2


def test_what_another_subscription_tells_of_a_post_that_fails_is_not_taken_for_told() -> None:
    table, sunk, failing = Table(), list[CloudEvent](), True

    def sink(events: Sequence[CloudEvent], _deadline: Deadline, sent: Sent) -> None:
        if failing:
            raise Unavailable("the queue")
        sunk.extend(events)
        sent(events[0])

    published = Published(table, sink, window=WINDOW, now=lambda: NOW)
    events = [team("A", subscriptionId="wide"), team("A", subscriptionId="narrow")]
    with pytest.raises(Unavailable):
        published.publish(events, in_time())
    failing = False
    published.publish(events, in_time())
    assert len(sunk) == 1


def _made(minute: int) -> str:
    nonce = dated(NONCE, NOW + timedelta(minutes=minute))
    return sign_client_state(STATE_KEY, nonce=nonce, tenant_id=TENANT)


_LONG_AGO = -300


@pytest.mark.parametrize(
    ("lost", "anew", "published"),
    [
        pytest.param(_LONG_AGO, _LONG_AGO, 1, id="both were there"),
        pytest.param(_LONG_AGO, 5, 2, id="one was made in between"),
        pytest.param(_LONG_AGO, -1, 2, id="Graph may have tried since before one was made"),
        pytest.param(-1, _LONG_AGO, 2, id="Graph may have tried since before the other was made"),
    ],
)
def test_a_subscription_repeats_nothing_from_before_it_was_made(lost: int, anew: int, published: int) -> None:
    """A member leaves, and comes back while nobody watches; what is subscribed then tells that the member leaves."""
    worker = Worker(Table())
    worker.publish(team("A", minute=0, subscriptionId="lost", clientState=_made(lost)))
    worker.publish(team("A", minute=6, subscriptionId="anew", clientState=_made(anew)))
    assert len(worker.sunk) == published


def test_what_is_recovered_is_published_unless_the_resource_was_last_told_like_that() -> None:
    worker = Worker(Table())
    recovered = [replace(team(name, minute), recovered=True, telling=None) for minute, name in enumerate("AABA")]
    worker.publish(team("A"))
    worker.publish(recovered[0])
    worker.publish(recovered[1])
    assert len(worker.sunk) == 1
    worker.publish(recovered[2])
    worker.publish(recovered[3])
    # Who lists a resource does not count how often it was like that.
    worker.publish(team("B", minute=4))
    assert len(set(worker.ids)) == len(worker.sunk) == 4


def test_what_was_told_last_may_have_been_published_before_what_was_parked() -> None:
    """Somebody comes, which is parked, and leaves; comes back in a gap, and is found by who lists."""
    worker = Worker(Table())
    comes, leaves = team("comes", minute=0), team("leaves", minute=1)
    worker.publish(leaves)
    worker.publish(comes)
    worker.publish(replace(team("comes", minute=9), recovered=True, telling=None))
    assert len(worker.sunk) == 3
    # And where two were told at the same moment, nobody knows.
    other = Worker(Table())
    other.publish(team("leaves"), team("comes", ordinal=1))
    other.publish(replace(team("comes", minute=9), recovered=True, telling=None))
    assert len(other.sunk) == 3


@pytest.mark.parametrize("changed", [{"etag": "2"}, None], ids=["a version", "a state"])
def test_what_is_told_again_was_told_when_it_was_told_first(changed: dict[str, str] | None) -> None:
    worker = Worker(Table())
    first = team("A") if changed is None else message(**changed)
    other = team("B", minute=1) if changed is None else message(etag="3", received_at=NOW + timedelta(minutes=1))
    again = replace(first, time=NOW + timedelta(minutes=9))
    worker.now = NOW + timedelta(seconds=1)
    times = [
        [event.time for event in worker.published.publish(events, in_time())]
        for events in ([first], [other], [other, again])
    ]
    told_first = NOW if changed is None else worker.now
    assert times == [[NOW], [other.time], [worker.now if changed else other.time, told_first]]
    assert len(worker.sunk) == 2


def test_what_is_recovered_is_published_where_something_has_been_told_since_without_its_content() -> None:
    """A member is found to have come, is told to have left, and comes back in another gap: just as before."""
    worker = Worker(Table())
    found = replace(team("comes"), recovered=True, telling=None)
    again = replace(team("comes", minute=9), recovered=True, telling=None, known_at=NOW + timedelta(minutes=5))
    worker.publish(found)
    worker.publish(replace(again, known_at=NOW - timedelta(minutes=5)))
    assert len(worker.sunk) == 1
    worker.publish(again)
    # A run that is killed before it has noted what it has found finds it again.
    worker.publish(again)
    assert len(set(worker.ids)) == len(worker.sunk) == 2


def test_what_is_recovered_is_published_where_others_may_have_told_what_nobody_knows_of() -> None:
    table = Table()
    worker = Worker(table)
    worker.publish(team("A"))
    table.trouble = _down
    worker.publish(replace(team("A"), recovered=True, telling=None))
    assert len(worker.sunk) == 2


def test_a_row_that_somebody_has_written_into_stops_no_event() -> None:
    table = Table()
    Worker(table).publish(team("A"))
    for key, marker in table.rows.items():
        table.rows[key] = replace(marker, notes=(*marker.notes, "x", "a.b.c.d.e", "..."))
    other = Worker(table)
    other.publish(team("A"), team("B", minute=1))
    assert len(other.sunk) == 1
    other.publish(replace(team("B"), recovered=True, telling=None))
    assert len(other.sunk) == 1


@pytest.mark.parametrize("made", [_LONG_AGO, -1], ids=["long ago", "just now"])
@pytest.mark.parametrize("changes", [{}, {"changeType": "deleted"}], ids=["updated", "deleted"])
def test_a_sealed_notification_that_comes_again_later_is_a_repetition(made: int, changes: dict[str, Any]) -> None:
    worker = Worker(Table())
    for minute in (0, 1, 60):
        told = team("A", minute=minute, clientState=_made(made), **changes)
        assert told.telling is not None
        worker.publish(replace(told, telling=replace(told.telling, mark="seal")))
    assert len(worker.sunk) == 1


def test_what_has_no_content_and_no_version_is_never_dropped() -> None:
    worker = Worker(Table())
    for minute in range(2):
        worker.publish(_event(None, changeType="updated", received_at=NOW + timedelta(minutes=minute)))
    assert len(worker.sunk) == 2


def test_a_marker_counts_for_the_window_and_no_longer() -> None:
    worker = Worker(Table())
    worker.publish(message())
    worker.now = NOW + WINDOW
    worker.publish(message())
    assert len(worker.sunk) == 1
    worker.now = NOW + WINDOW + timedelta(seconds=1)
    worker.publish(message())
    worker.publish(message())
    assert len(worker.sunk) == 2


def test_a_marker_is_as_old_as_the_publishing_not_as_the_notification() -> None:
    """What was parked for hours may be told again a minute after it was published."""
    worker = Worker(Table(), now=NOW + timedelta(hours=6))
    worker.publish(message())
    worker.now += timedelta(minutes=1)
    worker.publish(message())
    assert len(worker.sunk) == 1


def test_other_workers_drop_it_too() -> None:
    table = Table()
    first, second = Worker(table), Worker(table)
    first.publish(message(), team("A"))
    second.publish(message(), team("A"))
    assert (len(first.sunk), second.sunk) == (2, [])


def test_what_this_process_has_published_is_dropped_without_the_table_unless_it_may_recur() -> None:
    """Another process may have noted that the one subscription told a state before: this would be the second time."""
    worker = Worker(Table(trouble=_down))
    for subscription in ("wide", "narrow"):
        worker.publish(message(subscriptionId=subscription), team("A", subscriptionId=subscription))
        worker.publish(message(subscriptionId=subscription), team("A", subscriptionId=subscription))
    assert len(set(worker.ids)) == len(worker.sunk) == 3


def test_who_rather_publishes_not_at_all_than_twice_waits_for_the_table() -> None:
    table = Table(trouble=_down)
    worker = Worker(table)
    for events in ([message()], [message(), team("A")]):
        with pytest.raises(Unavailable, match="look up"):
            worker.published.publish(events, in_time(), sure=True)
    assert worker.sunk == []
    worker.publish(message())
    # That is remembered: nothing has to be looked up.
    worker.published.publish([message()], in_time(), sure=True)
    assert len(worker.sunk) == 1


@pytest.mark.slow
def test_what_is_remembered_is_bounded() -> None:
    worker = Worker(Table(trouble=_down))
    one, others = message(), [replace(message(), id=str(number)) for number in range(20_000)]
    for events in ([one], others, [one]):
        worker.publish(*events)
    assert len(worker.sunk) == 20_002


def test_a_state_that_may_have_been_told_elsewhere_has_an_id_of_its_own_without_the_table() -> None:
    """Whoever drops what has an id of before would lose a state that comes back while nobody can look it up."""
    table = Table()
    Worker(table).publish(team("A"))
    table.trouble = _down
    first, second = Worker(table), Worker(table)
    first.publish(team("A", minute=2))
    second.publish(team("A", minute=2))
    assert first.ids == second.ids
    assert first.ids != [team("A").id]


def _down(_call: str) -> None:
    raise Unavailable("the table does not answer")


def _down_for_writing(call: str) -> None:
    if call == "write":
        raise Unavailable("storage is full")


def test_a_table_that_is_down_stops_no_event_and_is_left_alone_for_a_while() -> None:
    worker = Worker(Table(trouble=_down))
    for etag in "123":
        worker.publish(message(etag=etag))
    assert len(worker.sunk) == 3
    assert worker.table.calls.count("read") == 1


@pytest.mark.slow
def test_a_table_that_hangs_stops_no_event() -> None:
    let_go = threading.Event()
    worker = Worker(Table(trouble=lambda _call: (let_go.wait(20), None)[1]))
    began = time.monotonic()
    worker.published.publish([message()], Deadline.after(timedelta(seconds=2)))
    assert (len(worker.sunk), time.monotonic() - began < 2) == (1, True)
    let_go.set()


def test_nothing_is_marked_that_the_sink_did_not_take() -> None:
    """Peers' markers before the publish lose what a crash comes between."""
    table, failing = Table(), True

    def sink(events: Sequence[CloudEvent], _deadline: Deadline, sent: Sent) -> None:
        assert not table.rows
        if failing:
            raise Unavailable("storage")
        sent(events[0])

    published = Published(table, sink, window=WINDOW, now=lambda: NOW)
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

    published = Published(table, sink, window=WINDOW, now=lambda: NOW)
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

    published = Published(table, sink, window=WINDOW, now=lambda: NOW)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: published.publish([message(), team("A")], in_time()), range(4)))
    assert len(sunk) == 2


def test_a_post_waits_for_another_about_the_same_change_no_longer_than_its_time() -> None:
    """It is parked then, and a repetition once its turn has come."""
    let_go, sunk = threading.Event(), list[CloudEvent]()

    def sink(events: Sequence[CloudEvent], _deadline: Deadline, sent: Sent) -> None:
        sunk.extend(events)
        let_go.wait(20)
        sent(events[0])

    published = Published(Table(), sink, window=WINDOW, now=lambda: NOW)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(published.publish, [message()], in_time())
        assert eventually(lambda: len(sunk) == 1)
        with pytest.raises(Unavailable):
            published.publish([message()], Deadline.after(timedelta(seconds=0.1)))
        let_go.set()
        first.result()
    published.publish([message()], in_time())
    assert len(sunk) == 1


def test_what_two_workers_published_at_once_is_noted_of_both() -> None:
    table = Table()
    first, second = Worker(Stale(rows=table.rows)), Worker(table)
    second.publish(team("A"))
    first.table.past = dict(table.rows)
    second.publish(team("B", 1))
    first.publish(team("C", 2))
    third = Worker(table)
    third.publish(*(team(name, minute, subscriptionId="narrow") for minute, name in enumerate("ABC")))
    assert third.sunk == []


def test_a_marker_that_could_not_be_written_makes_nobody_drop_a_later_state() -> None:
    worker = Worker(Table())
    worker.publish(team("A"))

    worker.table.trouble = _down_for_writing
    worker.publish(team("B", 1))
    worker.table.trouble = lambda _call: None
    worker.publish(team("A", 2))
    assert len(worker.sunk) == 3


def test_what_the_table_did_not_take_is_known_all_the_same() -> None:
    worker = Worker(Table(trouble=_down_for_writing))
    for minute in range(2):
        worker.publish(team("A", minute, subscriptionId="wide"))
        worker.publish(team("A", minute, subscriptionId="narrow"))
    assert len(worker.sunk) == 2


def test_what_is_known_to_be_published_is_not_looked_up_again() -> None:
    table = Table()
    Worker(table).publish(message())
    worker = Worker(table)
    before = table.calls.count("read")
    for subscription in ("wide", "narrow", "narrower"):
        worker.publish(message(subscriptionId=subscription))
    assert (worker.sunk, table.calls.count("read") - before) == ([], 1)


def test_what_the_table_did_not_take_is_written_once_it_does() -> None:
    worker = Worker(Table(trouble=_down))
    worker.publish(message(etag="1"), message(etag="2"))
    worker.table.trouble = lambda _call: None
    worker.publish(message(etag="3"))
    assert len(worker.table.rows) == 3


@pytest.mark.slow
@given(data=st.data(), states=st.lists(st.sampled_from("ABC"), max_size=12), subscriptions=st.integers(1, 3))
def test_whatever_the_order_each_change_is_published_once_however_many_subscriptions_tell_it(
    data: st.DataObject, states: list[str], subscriptions: int
) -> None:
    tellings = [
        team(state, minute, subscriptionId=str(number))
        for minute, state in enumerate(states)
        for number in range(subscriptions)
    ]
    notes: dict[str, tuple[str, ...]] = {}
    published = []
    for event in data.draw(st.permutations(tellings)):
        for each in judged([event, event], notes):
            notes[each.key] = (*notes.get(each.key, ()), each.note)
            published += [each.event] if each.event else []
    told = Counter(json.loads(event.data)["content"]["displayName"] for event in published)
    assert told == Counter(states)
    assert len({event.id for event in published}) == len(states)


@pytest.mark.slow
def test_of_a_resource_that_changes_all_the_time_the_older_half_is_forgotten_and_its_ids_used_no_more() -> None:
    worker = Worker(Table())
    told = [team("C"), *(team("AB"[minute % 2], minute) for minute in range(1, MAX_NOTES + 1))]
    for event in told:
        worker.publish(event)
    (row,) = worker.table.rows.values()
    assert len(row.notes) <= MAX_NOTES
    for event in told[-MAX_NOTES // 2 :]:
        worker.publish(event)
    assert len(worker.ids) == MAX_NOTES + 1
    worker.publish(team("C", MAX_NOTES + 1), team("A", MAX_NOTES, subscriptionId="narrow"))
    # Whether the other subscription has told this before, nobody knows any more.
    assert len(set(worker.ids)) == MAX_NOTES + 3
