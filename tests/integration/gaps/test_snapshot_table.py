"""The table of what is known against Azurite: what is noted is found, list by list, and what is gone is not."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from azure.data.tables import TableServiceClient

from sandbox.azurite import Azurite
from sandbox.relay import Mood, Relay
from shared.errors import Misconfigured, Unavailable
from shared.gaps.snapshot import SnapshotEntry
from shared.gaps.snapshot_table import TABLE, SnapshotTable
from tests.fakes.time_limits import PATIENCE_SECONDS
from tests.sandbox.background import Background

pytestmark = pytest.mark.slow

_ONCE = {"retry_total": 0, "connection_timeout": 1, "read_timeout": 1}
NOW = datetime(2026, 11, 21, 12, 30, 15, 123000, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
MEMBERS = "teams/t/channels/19:c@thread.tacv2/members"


@pytest.fixture
def tables(azurite: Azurite) -> Iterator[TableServiceClient]:
    with TableServiceClient.from_connection_string(azurite.connection_string) as tables:
        yield tables


@pytest.fixture
def inventory(tables: TableServiceClient) -> SnapshotTable:
    return SnapshotTable(tables)


@pytest.fixture
def tenant_id() -> str:
    """A tenant of this test's own: the account is shared."""
    return str(uuid4())


def _member(tenant_id: str, id_: str, *, looks: str | None = "0123", is_there: bool = True) -> SnapshotEntry:
    return SnapshotEntry(tenant_id=tenant_id, subject=f"{MEMBERS}/{id_}", fingerprint=looks, exists=is_there)


def test_before_anything_is_noted_nothing_is_known(azurite: Azurite, tenant_id: str) -> None:
    with TableServiceClient.from_connection_string(azurite.connection_string) as tables:
        tables.delete_table(TABLE)
        assert SnapshotTable(tables).list(tenant_id, MEMBERS) == {}
        SnapshotTable(tables).record(_member(tenant_id, "m", is_there=False))
        SnapshotTable(tables).record_all([])
        SnapshotTable(tables).record(_member(tenant_id, "m"))
        assert SnapshotTable(tables).list(tenant_id, MEMBERS).keys() == {"m"}


@pytest.mark.parametrize("id_", ["MCMjMiMj==", "a%2Fb", "ü", "x" * 2000])
def test_what_is_noted_is_found_as_it_was(inventory: SnapshotTable, tenant_id: str, id_: str) -> None:
    for known in (_member(tenant_id, id_), _member(tenant_id, id_, looks="4567"), _member(tenant_id, id_, looks=None)):
        inventory.record(known)
        assert inventory.list(tenant_id, MEMBERS) == {known.id: known}
        assert inventory.get(replace(known, fingerprint="another")) == known
    gone = _member(tenant_id, id_, is_there=False)
    inventory.record(gone)
    assert inventory.list(tenant_id, MEMBERS) == {gone.id: gone}
    assert inventory.get(_member(tenant_id, id_)) is None


def test_a_list_is_a_list_for_itself(inventory: SnapshotTable, tenant_id: str) -> None:
    inventory.record(_member(tenant_id, "m"))
    assert inventory.list(tenant_id, "teams/t/members") == {}
    assert inventory.list(str(uuid4()), MEMBERS) == {}


def test_more_than_a_transaction_and_a_page_are_noted_at_once(inventory: SnapshotTable, tenant_id: str) -> None:
    members = [_member(tenant_id, str(number)) for number in range(1001)]
    inventory.record_all(members)
    known = inventory.list(tenant_id, MEMBERS)
    assert known == {member.id: member for member in members}
    some = (each for each in known.values() if int(each.id) < 150)
    inventory.record_all(replace(each, exists=int(each.id) > 1) for each in some)
    assert len(_there(inventory, tenant_id)) == 999


def test_who_is_gone_already_is_no_problem(inventory: SnapshotTable, tenant_id: str) -> None:
    inventory.record_all([_member(tenant_id, id_, is_there=False) for id_ in "ab"])
    inventory.record(_member(tenant_id, "a", is_there=False))


def test_a_row_that_somebody_has_spoilt_is_named(
    inventory: SnapshotTable, tables: TableServiceClient, tenant_id: str
) -> None:
    inventory.record(_member(tenant_id, "m"))
    table = tables.get_table_client(TABLE)
    [row] = _rows(tables, tenant_id)
    table.update_entity({**row, "looks": 7})
    with pytest.raises(Misconfigured, match=f"row {tenant_id}-.* of the table known"):
        inventory.list(tenant_id, MEMBERS)
    with pytest.raises(Misconfigured):
        inventory.get(_member(tenant_id, "m"))


@contextmanager
def _relayed(azurite: Azurite, mood: Mood, **options: int) -> Iterator[SnapshotTable]:
    port = urlsplit(azurite.table_endpoint).port or 0
    background, relay = Background(), Relay(port)
    background.run(relay.start())
    relay.mood = mood
    there = azurite.connection_string.replace(f":{port}/", f":{relay.port}/")
    try:
        with TableServiceClient.from_connection_string(there, **options) as tables:
            yield SnapshotTable(tables)
    finally:
        background.run(relay.stop())
        background.close()


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda inventory, _member: inventory.list("t", MEMBERS), id="of"),
        pytest.param(lambda inventory, member: inventory.get(member), id="get"),
        pytest.param(lambda inventory, member: inventory.record(member), id="note"),
        pytest.param(lambda inventory, member: inventory.record(replace(member, exists=False)), id="note gone"),
        pytest.param(lambda inventory, member: inventory.record_all([member]), id="note all"),
        pytest.param(lambda inventory, _member: inventory.purge_deleted("t", MEMBERS, before=NOW), id="forget"),
    ],
)
def test_a_table_that_is_away_is_unavailable(
    azurite: Azurite, tenant_id: str, call: Callable[[SnapshotTable, SnapshotEntry], object]
) -> None:
    with (
        _relayed(azurite, Mood.DOWN, **_ONCE) as inventory,
        pytest.raises(Unavailable, match="the table known"),
    ):
        call(inventory, _member(tenant_id, "m"))


def test_a_transaction_that_is_cut_off_is_unavailable(azurite: Azurite, tenant_id: str) -> None:
    with _relayed(azurite, Mood.FORWARDING, **_ONCE) as inventory:
        inventory.record(_member(tenant_id, "m"))
    with _relayed(azurite, Mood.CUTTING, **_ONCE) as inventory, pytest.raises(Unavailable):
        inventory.record_all([_member(tenant_id, id_) for id_ in "ab"])


@pytest.mark.parametrize("is_there", [True, False], ids=["who has gone", "who is there"])
@pytest.mark.parametrize("minutes", [-1, 0, 1])
def test_what_is_told_late_does_not_undo_what_was_told_since(
    inventory: SnapshotTable,
    tenant_id: str,
    minutes: int,
    is_there: bool,  # noqa: FBT001  a parameter of the test
) -> None:
    inventory.record(replace(_member(tenant_id, "m", is_there=not is_there), recorded_at=NOW))
    inventory.record(replace(_member(tenant_id, "m", is_there=is_there), recorded_at=NOW + timedelta(minutes=minutes)))
    assert ("m" in _there(inventory, tenant_id)) == (is_there if minutes >= 0 else not is_there)


@pytest.mark.parametrize("was_there", [True, False], ids=["who was known", "who was not"])
@pytest.mark.parametrize("is_there", [True, False], ids=["who has gone", "who has come"])
def test_what_is_told_while_a_list_is_read_is_not_undone(
    inventory: SnapshotTable,
    tenant_id: str,
    was_there: bool,  # noqa: FBT001  a parameter of the test
    is_there: bool,  # noqa: FBT001  likewise
) -> None:
    if was_there:
        inventory.record(replace(_member(tenant_id, "m"), recorded_at=NOW - MINUTE))
    before = inventory.list(tenant_id, MEMBERS)
    found = {id_: replace(_member(tenant_id, id_, looks="4567"), recorded_at=NOW) for id_ in ("another", "m")}
    found["m"] = replace(found["m"], exists=is_there, etag=before["m"].etag if was_there else None)
    inventory.record(replace(_member(tenant_id, "m", is_there=not is_there), recorded_at=NOW + MINUTE))
    inventory.record_all(found.values())
    assert _there(inventory, tenant_id) == ({"another"} if is_there else {"another", "m"})


def test_what_a_list_has_found_takes_the_place_of_what_was_known(inventory: SnapshotTable, tenant_id: str) -> None:
    inventory.record_all(_member(tenant_id, id_) for id_ in "ab")
    before = inventory.list(tenant_id, MEMBERS)
    inventory.record_all(replace(known, fingerprint="4567", exists=known.id == "a") for known in before.values())
    assert inventory.list(tenant_id, MEMBERS)["a"] == _member(tenant_id, "a", looks="4567")
    assert _there(inventory, tenant_id) == {"a"}


def test_of_many_who_note_one_thing_at_once_the_last_that_was_told_counts(
    inventory: SnapshotTable, tenant_id: str
) -> None:
    told = [
        replace(_member(tenant_id, "m", looks=str(number)), recorded_at=NOW + timedelta(seconds=number))
        for number in range(6)
    ]
    with ThreadPoolExecutor(len(told)) as pool:
        list(pool.map(inventory.record, reversed(told)))
    assert inventory.list(tenant_id, MEMBERS) == {"m": told[-1]}


def test_who_has_gone_long_ago_is_forgotten(
    inventory: SnapshotTable, tables: TableServiceClient, tenant_id: str
) -> None:
    for id_, is_there, told_at in (("there", True, NOW), ("gone", False, NOW), ("just gone", False, NOW + MINUTE)):
        inventory.record(replace(_member(tenant_id, id_, is_there=is_there), recorded_at=told_at))
    inventory.purge_deleted(tenant_id, "teams/t/members", before=NOW + MINUTE)
    assert len(_rows(tables, tenant_id)) == 3
    inventory.purge_deleted(tenant_id, MEMBERS, before=NOW + MINUTE)
    assert {row["resource"].rpartition("/")[2] for row in _rows(tables, tenant_id)} == {"there", "just gone"}


def test_more_than_a_transaction_is_forgotten(
    inventory: SnapshotTable, tables: TableServiceClient, tenant_id: str
) -> None:
    inventory.record_all(
        replace(_member(tenant_id, str(number), is_there=False), recorded_at=NOW) for number in range(101)
    )
    inventory.purge_deleted(tenant_id, MEMBERS, before=NOW + MINUTE)
    assert _rows(tables, tenant_id) == []


def test_where_there_is_no_table_there_is_nothing_to_forget(azurite: Azurite, tenant_id: str) -> None:
    with TableServiceClient.from_connection_string(azurite.connection_string) as tables:
        tables.delete_table(TABLE)
        SnapshotTable(tables).purge_deleted(tenant_id, MEMBERS, before=NOW)


def _there(inventory: SnapshotTable, tenant_id: str) -> set[str]:
    return {id_ for id_, known in inventory.list(tenant_id, MEMBERS).items() if known.exists}


def _rows(tables: TableServiceClient, tenant_id: str) -> list[Any]:
    rows = tables.get_table_client(TABLE).list_entities()
    return [row for row in rows if row["PartitionKey"].startswith(tenant_id)]


def test_what_is_noted_is_given_up_in_time(azurite: Azurite, tenant_id: str) -> None:
    with _relayed(azurite, Mood.SILENT) as inventory:
        began = time.monotonic()
        with pytest.raises(Unavailable):
            inventory.record(_member(tenant_id, "m"))
    assert time.monotonic() - began < PATIENCE_SECONDS
