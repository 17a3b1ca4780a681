"""Each change once, over the real table in Azurite: what is dropped, for how long, and what an outage costs."""

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from azure.data.tables import TableServiceClient

from sandbox.azurite import Azurite
from sandbox.relay import Mood, Relay
from shared.errors import Conflict, Unavailable
from shared.events.cloud_events import CloudEvent
from shared.events.publication import PublicationRecord
from shared.events.publication_table import TABLE, PublicationTable
from shared.events.publish_once import PublishOnce
from shared.timing import Deadline
from tests.eventually import eventually
from tests.fakes.time_limits import BUSY_MACHINE_SECONDS, in_time, within
from tests.sandbox.background import Background
from tests.unit.events.test_publish_once import NOW, WINDOW, Sent, message, team

pytestmark = pytest.mark.slow

# A part of the markers is those whose keys begin with one of them.
_DIGITS = "0123456789abcdef"
# When those markers are purged whose keys begin with 0.
_IN_THE_FIRST_PART = datetime(2026, 11, 21, 0, 25, tzinfo=UTC)


@pytest.fixture(scope="module")
def relay(azurite: Azurite) -> Iterator[Relay]:
    background = Background()
    relay = Relay(urlsplit(azurite.table_endpoint).port or 0)
    background.run(relay.start())
    yield relay
    background.run(relay.stop())
    background.close()


@pytest.fixture
def tables(azurite: Azurite, relay: Relay) -> Iterator[TableServiceClient]:
    relayed = re.sub(r"(TableEndpoint=http://127\.0\.0\.1):\d+", rf"\1:{relay.port}", azurite.connection_string)
    with TableServiceClient.from_connection_string(relayed, retry_total=0) as tables:
        # What other tests have left in the process's account is purged and counted as well.
        tables.delete_table(TABLE)
        yield tables
        relay.mood = Mood.FORWARDING
        tables.delete_table(TABLE)


@dataclass
class Worker:
    """One instance of the app."""

    tables: TableServiceClient
    now: datetime = NOW
    sunk: list[CloudEvent] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.published = PublishOnce(PublicationTable(self.tables), self._sink, window=WINDOW, now=lambda: self.now)

    def _sink(self, events: Sequence[CloudEvent], _deadline: Deadline, sent: Sent) -> None:
        for event in events:
            self.sunk.append(event)
            sent(event)

    def publish(self, *events: CloudEvent) -> None:
        self.published.publish(events, in_time())
        assert eventually(self.published.is_idle)


def test_what_was_published_is_published_by_no_instance_again(tables: TableServiceClient) -> None:
    first, second = Worker(tables), Worker(tables)
    first.publish(message(), team("A"))
    for worker in (first, second):
        worker.publish(message(), team("A"))
    assert (len(first.sunk), second.sunk) == (2, [])


def test_state_that_comes_back_is_published_whichever_instance_receives_it(tables: TableServiceClient) -> None:
    first, second = Worker(tables), Worker(tables)
    for number, name in enumerate("ABAB"):
        (first, second)[number % 2].publish(team(name, seal=f"of {number}"))
        second.publish(team(name, seal=f"of {number}"))
    ids = [event.id for event in first.sunk + second.sunk]
    assert len(ids) == len(set(ids)) == 4


def test_after_the_window_a_change_is_published_again(tables: TableServiceClient) -> None:
    worker = Worker(tables)
    worker.publish(message())
    worker.now += WINDOW
    worker.publish(message())
    assert len(worker.sunk) == 1
    worker.now += timedelta(seconds=1)
    worker.publish(message())
    worker.publish(message())
    assert len(worker.sunk) == 2


@pytest.mark.parametrize("mood", [Mood.DOWN, Mood.SILENT])
def test_without_the_table_every_event_is_published_in_time(
    tables: TableServiceClient, relay: Relay, mood: Mood
) -> None:
    worker = Worker(tables)
    worker.publish(message())
    relay.mood = mood
    with within(BUSY_MACHINE_SECONDS):
        worker.published.publish([message(), message(etag="2"), team("A")], in_time())
    assert len(worker.sunk) == 3
    relay.mood = Mood.FORWARDING
    assert eventually(worker.published.is_idle)


def test_markers_are_read_again_once_the_table_is_back(tables: TableServiceClient, relay: Relay) -> None:
    worker, other = Worker(tables), Worker(tables)
    relay.mood = Mood.DOWN
    worker.publish(message())
    relay.mood = Mood.FORWARDING
    etags = itertools.count()
    # It has left the table alone for a while.
    assert eventually(lambda: _is_dropped(worker, other, str(next(etags))), seconds=20)


def _is_dropped(worker: Worker, other: Worker, etag: str) -> bool:
    other.publish(message(etag=etag))
    before = len(worker.sunk)
    worker.publish(message(etag=etag))
    return len(worker.sunk) == before


def test_a_row_that_was_written_since_is_a_conflict(tables: TableServiceClient) -> None:
    markers, key = PublicationTable(tables), uuid4().hex
    new = PublicationRecord(key=key, entries=("a",), published_at=NOW)
    assert markers.read(key) is None
    markers.write(new)
    with pytest.raises(Conflict):
        markers.write(new)
    read = markers.read(key)
    assert read is not None
    assert replace(read, etag=None) == new
    markers.write(replace(read, entries=("a", "", "b")))
    again = markers.read(key)
    assert again is not None
    assert again.entries == ("a", "", "b")
    with pytest.raises(Conflict):
        markers.write(read)


def test_old_markers_are_deleted_a_part_at_each_run_and_all_of_them_in_time(tables: TableServiceClient) -> None:
    markers = PublicationTable(tables)
    for digit in _DIGITS:
        for age in ("old", "new"):
            at = NOW - WINDOW - timedelta(minutes=30 if age == "old" else -30)
            markers.write(PublicationRecord(key=f"{digit}{uuid4().hex}", entries=(age,), published_at=at))
    table = tables.get_table_client(TABLE)
    deleted = [markers.purge(now=each, before=NOW - WINDOW, is_time_up=lambda: False) for each in _runs(5)]
    assert (sum(deleted), max(deleted)) == (len(_DIGITS), 1)
    assert [row["notes"] for row in table.list_entities()] == ["new"] * len(_DIGITS)


@pytest.mark.parametrize("minutes", [1, 5, 10, 60])
def test_every_schedule_reaches_every_part(tables: TableServiceClient, minutes: int) -> None:
    """Parts that a run chose by its minute alone would, every ten minutes, be every other one."""
    markers = PublicationTable(tables)
    for digit in _DIGITS:
        markers.write(PublicationRecord(key=f"{digit}{uuid4().hex}", entries=("a",), published_at=NOW - 2 * WINDOW))
    deleted = (markers.purge(now=now, before=NOW, is_time_up=lambda: False) for now in _runs(minutes))
    assert len(_DIGITS) in itertools.accumulate(deleted)


def _runs(minutes: int) -> Iterator[datetime]:
    yield from (datetime(2026, 11, 21, tzinfo=UTC) + timedelta(minutes=minutes * run) for run in range(100))


def test_purging_ends_in_time_and_does_without_a_table(tables: TableServiceClient) -> None:
    markers = PublicationTable(tables)
    assert markers.purge(now=NOW, before=NOW, is_time_up=lambda: False) == 0
    for digit in _DIGITS:
        markers.write(PublicationRecord(key=f"{digit}0", entries=("a",), published_at=NOW - 2 * WINDOW))
    assert markers.purge(now=NOW, before=NOW, is_time_up=lambda: True) == 0


def test_what_is_published_again_while_markers_are_purged_stays(tables: TableServiceClient) -> None:
    markers = PublicationTable(tables)
    markers.write(PublicationRecord(key="00", entries=("a",), published_at=NOW - 2 * WINDOW))
    again = markers.read("00")
    assert again is not None

    def publish() -> bool:
        markers.write(replace(again, entries=("a", "b"), published_at=NOW))
        return False

    assert markers.purge(now=_IN_THE_FIRST_PART, before=NOW - WINDOW, is_time_up=publish) == 0
    assert (found := markers.read("00")) is not None
    assert found.entries == ("a", "b")


def test_of_two_runs_that_purge_one_marker_neither_fails(tables: TableServiceClient) -> None:
    markers = PublicationTable(tables)
    markers.write(PublicationRecord(key="00", entries=("a",), published_at=NOW - 2 * WINDOW))
    deleted = []

    def purge() -> bool:
        deleted.append(markers.purge(now=_IN_THE_FIRST_PART, before=NOW, is_time_up=lambda: False))
        return False

    assert (markers.purge(now=_IN_THE_FIRST_PART, before=NOW, is_time_up=purge), deleted) == (0, [1])


@pytest.mark.parametrize("mood", [Mood.DOWN, Mood.SILENT])
def test_a_table_that_cannot_be_had_is_unavailable(tables: TableServiceClient, relay: Relay, mood: Mood) -> None:
    markers = PublicationTable(tables)
    markers.write(PublicationRecord(key="aa", entries=("a",), published_at=NOW))
    relay.mood = mood
    with pytest.raises(Unavailable), within(BUSY_MACHINE_SECONDS):
        markers.read("aa")
    with pytest.raises(Unavailable), within(BUSY_MACHINE_SECONDS):
        markers.write(PublicationRecord(key="ab", entries=("a",), published_at=NOW))
    if mood is Mood.DOWN:
        with pytest.raises(Unavailable):
            markers.purge(now=NOW, before=NOW, is_time_up=lambda: False)
