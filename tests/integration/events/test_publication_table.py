"""Each change once, with the table of records in Azurite: by all instances, through an outage, until it is purged."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from azure.data.tables import TableServiceClient

from sandbox.relay import Mood
from shared.errors import Conflict
from shared.events.publication import PublicationRecord
from shared.events.publication_table import TABLE, PublicationTable
from tests.eventually import eventually
from tests.fakes.publish_once_fixture import NOW, WINDOW, Worker, message, team
from tests.fakes.time_limits import BUSY_MACHINE_SECONDS, in_time, within
from tests.integration.relayed_account import RelayedAccount

pytestmark = pytest.mark.slow

# A run purges the records whose keys begin with one of them.
_DIGITS = "0123456789abcdef"
# When the records are purged whose keys begin with 0.
_TIME_OF_FIRST_PART = datetime(2026, 11, 21, 0, 25, tzinfo=UTC)


@pytest.fixture
def tables(relayed: RelayedAccount) -> Iterator[TableServiceClient]:
    with TableServiceClient.from_connection_string(relayed.connection_string, retry_total=0) as tables:
        # Records of other tests on the same account would be purged and counted as well.
        tables.delete_table(TABLE)
        yield tables
        relayed.set_mood(Mood.FORWARDING)
        tables.delete_table(TABLE)


@pytest.fixture
def records(tables: TableServiceClient) -> PublicationTable:
    return PublicationTable(tables)


def test_published_change_is_published_by_no_instance_again(records: PublicationTable) -> None:
    first, second = Worker(records), Worker(records)
    first.publish(message(), team("A"))
    for worker in (first, second):
        worker.publish(message(), team("A"))
    assert (len(first.sunk), second.sunk) == (2, [])


def test_recurring_state_is_published_whichever_instance_receives_it(records: PublicationTable) -> None:
    first, second = Worker(records), Worker(records)
    for number, name in enumerate("ABAB"):
        (first, second)[number % 2].publish(team(name, seal=f"of {number}"))
        second.publish(team(name, seal=f"of {number}"))
    ids = [event.id for event in first.sunk + second.sunk]
    assert len(ids) == len(set(ids)) == 4


@pytest.mark.parametrize("mood", [Mood.DOWN, Mood.SILENT])
def test_every_event_is_published_in_time_without_the_table(
    records: PublicationTable, relayed: RelayedAccount, mood: Mood
) -> None:
    worker = Worker(records)
    worker.publish(message())
    relayed.set_mood(mood)
    with within(BUSY_MACHINE_SECONDS):
        worker.published.publish([message(), message(etag="2"), team("A")], in_time())
    assert len(worker.sunk) == 3
    relayed.set_mood(Mood.FORWARDING)
    assert eventually(worker.published.is_idle)


def test_records_are_read_again_once_the_table_is_back(records: PublicationTable, relayed: RelayedAccount) -> None:
    worker, other = Worker(records), Worker(records)
    relayed.set_mood(Mood.DOWN)
    worker.publish(message())
    relayed.set_mood(Mood.FORWARDING)
    etags = itertools.count()
    # The worker leaves the table alone for a while.
    assert eventually(lambda: _is_dropped(worker, other, str(next(etags))), seconds=20)


def _is_dropped(worker: Worker[PublicationTable], other: Worker[PublicationTable], etag: str) -> bool:
    other.publish(message(etag=etag))
    before = len(worker.sunk)
    worker.publish(message(etag=etag))
    return len(worker.sunk) == before


def _old(key: str, *, age: timedelta = 2 * WINDOW) -> PublicationRecord:
    return PublicationRecord(key=key, entries=("a",), published_at=NOW - age)


def _purge(records: PublicationTable, now: datetime, is_time_up: Callable[[], bool] = lambda: False) -> int:
    return records.purge(now=now, before=NOW - WINDOW, is_time_up=is_time_up)


def _runs(minutes: int) -> Iterator[datetime]:
    yield from (datetime(2026, 11, 21, tzinfo=UTC) + timedelta(minutes=minutes * run) for run in range(100))


def test_record_written_since_it_was_read_is_a_conflict(records: PublicationTable) -> None:
    new = PublicationRecord(key=uuid4().hex, entries=("a",), published_at=NOW)
    assert records.read(new.key) is None
    records.write(new)
    with pytest.raises(Conflict):
        records.write(new)
    read = records.read(new.key)
    assert read is not None
    assert replace(read, etag=None) == new
    records.write(replace(read, entries=("a", "", "b")))
    assert (changed := records.read(new.key)) is not None
    assert changed.entries == ("a", "", "b")
    with pytest.raises(Conflict):
        records.write(read)


def test_each_run_purges_one_part_until_no_old_record_is_left(
    tables: TableServiceClient, records: PublicationTable
) -> None:
    for digit in _DIGITS:
        records.write(_old(f"{digit}{uuid4().hex}", age=WINDOW + timedelta(minutes=30)))
        records.write(replace(_old(f"{digit}{uuid4().hex}", age=WINDOW - timedelta(minutes=30)), entries=("new",)))
    purged = [_purge(records, now) for now in _runs(5)]
    assert (sum(purged), max(purged)) == (len(_DIGITS), 1)
    assert [row["notes"] for row in tables.get_table_client(TABLE).list_entities()] == ["new"] * len(_DIGITS)


@pytest.mark.parametrize("minutes", [1, 5, 10, 60])
def test_every_schedule_purges_every_part(records: PublicationTable, minutes: int) -> None:
    """Parts that a run chose by its minute alone would, every ten minutes, be every other one."""
    for digit in _DIGITS:
        records.write(_old(f"{digit}{uuid4().hex}"))
    assert len(_DIGITS) in itertools.accumulate(_purge(records, now) for now in _runs(minutes))


def test_purge_ends_in_time_and_needs_no_table(records: PublicationTable) -> None:
    assert _purge(records, NOW) == 0
    for digit in _DIGITS:
        records.write(_old(f"{digit}0"))
    assert _purge(records, NOW, lambda: True) == 0


def test_record_published_again_during_a_purge_stays(records: PublicationTable) -> None:
    records.write(_old("00"))
    old = records.read("00")
    assert old is not None

    def publish() -> bool:
        records.write(replace(old, entries=("a", "b"), published_at=NOW))
        return False

    assert _purge(records, _TIME_OF_FIRST_PART, publish) == 0
    assert (found := records.read("00")) is not None
    assert found.entries == ("a", "b")


def test_record_purged_by_two_runs_fails_neither(records: PublicationTable) -> None:
    records.write(_old("00"))
    purged = []

    def purge() -> bool:
        purged.append(_purge(records, _TIME_OF_FIRST_PART))
        return False

    assert (_purge(records, _TIME_OF_FIRST_PART, purge), purged) == (0, [1])
