"""Each change once, with the table of records in Azurite: by all instances, through an outage, until it is purged."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest
from azure.data.tables import TableServiceClient, UpdateMode

from sandbox.relay import Mood
from shared.events.publication import IsEnough, PublicationRow
from shared.events.publication_table import PublicationTable, table_name
from tests.eventually import eventually
from tests.fakes.publish_once_fixture import Worker, message, team
from tests.fakes.time_limits import BUSY_MACHINE_SECONDS, in_time, within
from tests.integration.relayed_account import RelayedAccount

pytestmark = pytest.mark.slow

TODAY = datetime.now(UTC)  # storage's own clock dates the rows
EVER = datetime.min.replace(tzinfo=UTC)


@pytest.fixture
def tables(relayed: RelayedAccount) -> Iterator[TableServiceClient]:
    with TableServiceClient.from_connection_string(relayed.connection_string, retry_total=0) as tables:
        yield tables


@pytest.fixture
def records(tables: TableServiceClient) -> PublicationTable:
    return PublicationTable(tables)


def _worker(records: PublicationTable) -> Worker[PublicationTable]:
    return Worker(records, now=TODAY)


def test_published_change_is_published_by_no_instance_again(records: PublicationTable) -> None:
    first, second = _worker(records), _worker(records)
    change = message(tenantId=str(uuid4()))
    first.publish(change)
    for worker in (first, second):
        worker.publish(change)
    assert (len(first.sunk), second.sunk) == (1, [])


def test_recurring_state_is_published_whichever_instance_receives_it(records: PublicationTable) -> None:
    first, second = _worker(records), _worker(records)
    for number, name in enumerate("ABAB"):
        change = team(name, seal=f"{number} of {uuid4()}")
        (first, second)[number % 2].publish(change)
        second.publish(change)
    ids = [event.id for event in first.sunk + second.sunk]
    assert len(ids) == len(set(ids)) == 4


@pytest.mark.parametrize("mood", [Mood.DOWN, Mood.SILENT])
def test_every_event_is_published_in_time_without_the_table(
    records: PublicationTable, relayed: RelayedAccount, mood: Mood
) -> None:
    worker, tenant_id = _worker(records), str(uuid4())
    worker.publish(message(tenantId=tenant_id))
    relayed.set_mood(mood)
    changes = [message(tenantId=tenant_id), message(tenantId=tenant_id, etag="2"), team("A")]
    with within(BUSY_MACHINE_SECONDS):
        worker.published.publish(changes, in_time())
    assert len(worker.sunk) == 3
    relayed.set_mood(Mood.FORWARDING)
    assert eventually(worker.published.is_idle)


def test_records_are_read_again_once_the_table_is_back(records: PublicationTable, relayed: RelayedAccount) -> None:
    worker, other = _worker(records), _worker(records)
    relayed.set_mood(Mood.DOWN)
    worker.publish(message(etag=str(uuid4())))
    relayed.set_mood(Mood.FORWARDING)
    # The worker leaves the table alone for a while.
    assert eventually(lambda: _is_dropped(worker, other), seconds=20)


def _is_dropped(worker: Worker[PublicationTable], other: Worker[PublicationTable]) -> bool:
    change, before = message(etag=str(uuid4())), len(worker.sunk)
    other.publish(change)
    worker.publish(change)
    return len(worker.sunk) == before


def _read(
    records: PublicationTable,
    key: str,
    *days: date,
    since: datetime = EVER,
    is_enough: IsEnough = lambda _: False,
) -> set[str]:
    found = records.read(key, days or [TODAY.date()], since=since, is_enough=is_enough, deadline=in_time())
    return set(found.entries) if found is not None else set()


def _row(entry: str = "a", *, key: str | None = None, is_first: bool = True) -> PublicationRow:
    return PublicationRow(key=key or f"a{uuid4().hex}", entry=entry, is_first=is_first)


@pytest.mark.parametrize("count", [1, 2, 100])
def test_written_rows_are_read_back(records: PublicationTable, count: int) -> None:
    rows = [_row(str(number)) for number in range(count)]
    assert records.write(rows, TODAY.date()) is None
    assert all(_read(records, row.key) == {row.entry} for row in rows)


@pytest.mark.parametrize("count", [1, 3])
def test_row_that_exists_is_named_and_nothing_is_written(records: PublicationTable, count: int) -> None:
    rows = [_row(str(number)) for number in range(count)]
    records.write([rows[-1]], TODAY.date())
    assert records.write([replace(row, entry="new") for row in rows], TODAY.date()) == count - 1
    assert [_read(records, row.key) for row in rows] == [set()] * (count - 1) + [{str(count - 1)}]


def test_second_content_stands_beside_the_first_however_often_it_is_written(records: PublicationTable) -> None:
    first = _row()
    second = _row("b", key=first.key, is_first=False)
    records.write([first, second], TODAY.date())
    for _ in range(2):
        assert records.write([second], TODAY.date()) is None
    assert _read(records, first.key) == {"a", "b"}


def test_key_that_another_one_begins_with_has_rows_of_its_own(records: PublicationTable) -> None:
    row = _row()
    longer = _row("b", key=f"{row.key}0")
    records.write([row, longer], TODAY.date())
    assert (_read(records, row.key), _read(records, longer.key)) == ({"a"}, {"b"})


def test_one_lookup_is_enough_if_the_first_row_decides(records: PublicationTable) -> None:
    row = _row()
    records.write([row, _row("b", key=row.key, is_first=False)], TODAY.date())
    assert _read(records, row.key, is_enough=lambda record: "a" in record.entries) == {"a"}


def test_record_counts_by_the_timestamp_that_storage_gave_it(records: PublicationTable) -> None:
    row = _row()
    records.write([row], TODAY.date())
    now = datetime.now(UTC)
    assert _read(records, row.key, since=now - timedelta(minutes=5)) == {"a"}
    assert _read(records, row.key, since=now + timedelta(minutes=5)) == set()


def test_each_day_has_a_table_and_only_those_asked_for_are_read(records: PublicationTable) -> None:
    key, yesterday = f"a{uuid4().hex}", TODAY.date() - timedelta(days=1)
    records.write([_row("old", key=key)], yesterday)
    assert _read(records, key) == set()
    assert _read(records, key, TODAY.date(), yesterday) == {"old"}
    assert records.write([_row("new", key=key)], TODAY.date()) is None
    assert _read(records, key, TODAY.date(), yesterday) == {"old", "new"}


def test_purge_drops_the_tables_of_earlier_days_and_no_other(
    tables: TableServiceClient, records: PublicationTable
) -> None:
    day = date(2001, 1, 5)
    keys = [f"a{uuid4().hex}" for _ in range(3)]
    for offset, key in zip((-1, 0, 1), keys, strict=True):
        records.write([_row(key=key)], day + timedelta(days=offset))
    tables.create_table("published2000")
    try:
        assert records.purge(before=day) == 1
        assert [_read(records, key, day + timedelta(days=at)) for at, key in zip((-1, 0, 1), keys, strict=True)] == [
            set(),
            {"a"},
            {"a"},
        ]
        assert records.purge(before=day) == 0
        assert records.purge(before=day + timedelta(days=2)) == 2
    finally:
        tables.delete_table("published2000")


def test_row_without_an_entry_counts_for_nothing(tables: TableServiceClient, records: PublicationTable) -> None:
    row = _row()
    records.write([row], TODAY.date())
    client = tables.get_table_client(table_name(TODAY.date()))
    client.upsert_entity({"PartitionKey": "a", "RowKey": row.key, "entry": 1}, mode=UpdateMode.REPLACE)
    assert _read(records, row.key) == set()
