"""The table of the snapshot against Azurite: what is recorded is found, list by list, until it is purged."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from azure.core.credentials import AzureNamedKeyCredential, AzureSasCredential
from azure.data.tables import AccountSasPermissions, ResourceTypes, TableServiceClient, generate_account_sas

from shared.errors import Misconfigured
from shared.gaps.snapshot import SnapshotEntry, announced_entries
from shared.gaps.snapshot_table import TABLE, SnapshotTable

pytestmark = pytest.mark.slow

NOW = datetime(2026, 11, 21, 12, 30, 15, 123000, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
MEMBERS = "teams/t/channels/19:c@thread.tacv2/members"


@pytest.fixture
def snapshot(tables: TableServiceClient) -> SnapshotTable:
    return SnapshotTable(tables)


@pytest.fixture
def tenant_id() -> str:
    """A tenant of this test's own: the account is shared."""
    return str(uuid4())


def _member(tenant_id: str, id_: str, **changes: Any) -> SnapshotEntry:
    return replace(SnapshotEntry(tenant_id=tenant_id, subject=f"{MEMBERS}/{id_}", fingerprint="0123"), **changes)


def _existing(snapshot: SnapshotTable, tenant_id: str) -> set[str]:
    return {id_ for id_, entry in snapshot.list(tenant_id, MEMBERS).items() if entry.exists}


def _rows(tables: TableServiceClient, tenant_id: str) -> list[Any]:
    rows = tables.get_table_client(TABLE).list_entities()
    return [row for row in rows if row["PartitionKey"].startswith(tenant_id)]


def test_missing_table_is_created_by_the_first_record(
    tables: TableServiceClient, snapshot: SnapshotTable, tenant_id: str
) -> None:
    tables.delete_table(TABLE)
    assert snapshot.list(tenant_id, MEMBERS) == {}
    snapshot.purge_deleted(tenant_id, MEMBERS, before=NOW)
    snapshot.record_all([])
    snapshot.record(_member(tenant_id, "m", exists=False))
    snapshot.record(_member(tenant_id, "m"))
    assert _existing(snapshot, tenant_id) == {"m"}


def test_what_is_reported_for_the_first_time_is_not_read(
    tables: TableServiceClient, snapshot: SnapshotTable, tenant_id: str
) -> None:
    assert isinstance(tables.credential, AzureNamedKeyCredential)
    signature = generate_account_sas(
        tables.credential,
        resource_types=ResourceTypes(object=True),
        permission=AccountSasPermissions(add=True),
        expiry=datetime.now(UTC) + timedelta(hours=1),
    )
    snapshot.record(_member(tenant_id, "another"))
    only_adds = SnapshotTable(TableServiceClient(tables.url, credential=AzureSasCredential(signature)))
    entry = _member(tenant_id, "m", recorded_at=NOW)
    only_adds.record(entry)
    recorded = snapshot.list(tenant_id, MEMBERS)["m"]
    assert (recorded, recorded.recorded_at) == (entry, NOW)


@pytest.mark.parametrize("id_", ["MCMjMiMj==", "a%2Fb", "ü", "x" * 2000])
def test_recorded_state_is_read_back(snapshot: SnapshotTable, tenant_id: str, id_: str) -> None:
    for fingerprint in ("0123", "4567", None):
        entry = _member(tenant_id, id_, fingerprint=fingerprint)
        snapshot.record(entry)
        assert snapshot.list(tenant_id, MEMBERS) == {entry.id: entry}
        assert snapshot.get(replace(entry, fingerprint="another")) == entry
    deleted = _member(tenant_id, id_, exists=False)
    for _ in range(2):
        snapshot.record(deleted)
    assert snapshot.list(tenant_id, MEMBERS) == {deleted.id: deleted}
    assert snapshot.get(_member(tenant_id, id_)) is None


def test_list_has_no_entries_of_another_list(snapshot: SnapshotTable, tenant_id: str) -> None:
    snapshot.record(_member(tenant_id, "m"))
    assert snapshot.list(tenant_id, "teams/t/members") == {}
    assert snapshot.list(str(uuid4()), MEMBERS) == {}


def test_more_entries_than_a_transaction_or_a_page_are_recorded(snapshot: SnapshotTable, tenant_id: str) -> None:
    members = [_member(tenant_id, str(number)) for number in range(1001)]
    snapshot.record_all(members)
    recorded = snapshot.list(tenant_id, MEMBERS)
    assert recorded == {member.id: member for member in members}
    some = (each for each in recorded.values() if int(each.id) < 150)
    snapshot.record_all(replace(each, exists=int(each.id) > 1) for each in some)
    assert len(_existing(snapshot, tenant_id)) == 999


def test_damaged_row_is_named(tables: TableServiceClient, snapshot: SnapshotTable, tenant_id: str) -> None:
    snapshot.record(_member(tenant_id, "m"))
    [row] = _rows(tables, tenant_id)
    tables.get_table_client(TABLE).update_entity({**row, "looks": 7})
    with pytest.raises(Misconfigured, match=f"row {tenant_id}-.* of the table known"):
        snapshot.list(tenant_id, MEMBERS)
    with pytest.raises(Misconfigured):
        snapshot.get(_member(tenant_id, "m"))


@pytest.mark.parametrize("exists", [True, False], ids=["added", "deleted"])
@pytest.mark.parametrize("minutes", [-1, 0, 1])
def test_late_notification_does_not_overwrite_a_later_state(
    snapshot: SnapshotTable, tenant_id: str, minutes: int, *, exists: bool
) -> None:
    snapshot.record(_member(tenant_id, "m", exists=not exists, recorded_at=NOW))
    snapshot.record(_member(tenant_id, "m", exists=exists, recorded_at=NOW + minutes * MINUTE))
    assert ("m" in _existing(snapshot, tenant_id)) == (exists if minutes >= 0 else not exists)


@pytest.mark.parametrize("existed", [True, False], ids=["recorded", "not recorded"])
@pytest.mark.parametrize("exists", [True, False], ids=["listed", "not listed"])
def test_change_recorded_while_a_list_is_read_stays(
    snapshot: SnapshotTable, tenant_id: str, *, existed: bool, exists: bool
) -> None:
    if existed:
        snapshot.record(_member(tenant_id, "m", recorded_at=NOW - MINUTE))
    etag = snapshot.list(tenant_id, MEMBERS)["m"].etag if existed else None
    snapshot.record(_member(tenant_id, "m", exists=not exists, recorded_at=NOW + MINUTE))
    listed = _member(tenant_id, "m", fingerprint="4567", recorded_at=NOW, exists=exists, etag=etag)
    snapshot.record_all([_member(tenant_id, "another", recorded_at=NOW), listed])
    assert _existing(snapshot, tenant_id) == ({"another"} if exists else {"another", "m"})


def test_listed_state_replaces_the_recorded_state(snapshot: SnapshotTable, tenant_id: str) -> None:
    snapshot.record_all(_member(tenant_id, id_) for id_ in "ab")
    recorded = snapshot.list(tenant_id, MEMBERS)
    snapshot.record_all(replace(each, fingerprint="4567", exists=each.id == "a") for each in recorded.values())
    assert snapshot.list(tenant_id, MEMBERS)["a"] == _member(tenant_id, "a", fingerprint="4567")
    assert _existing(snapshot, tenant_id) == {"a"}


def test_announced_creation_is_there_until_it_is_recorded(snapshot: SnapshotTable, tenant_id: str) -> None:
    snapshot.record(_member(tenant_id, "back", exists=False, recorded_at=NOW))
    before = snapshot.list(tenant_id, MEMBERS)
    announced = list(announced_entries(tenant_id, MEMBERS, before, ["new", "back"]))
    snapshot.announce(announced)
    found = snapshot.list(tenant_id, MEMBERS)
    assert {id_: (each.exists, each.is_announced, each.recorded_at) for id_, each in found.items()} == {
        "new": (True, True, None),
        "back": (True, True, NOW),
    }
    assert list(announced_entries(tenant_id, MEMBERS, found, ["new", "back"])) == []
    # With the entries as they were read before.
    snapshot.record_all(replace(each, is_announced=False, recorded_at=NOW + MINUTE) for each in announced)
    assert {each.is_announced for each in snapshot.list(tenant_id, MEMBERS).values()} == {False}


@pytest.mark.parametrize("existed", [True, False], ids=["recorded", "not recorded"])
def test_change_recorded_before_a_creation_is_announced_stays(
    snapshot: SnapshotTable, tenant_id: str, *, existed: bool
) -> None:
    snapshot.record(_member(tenant_id, "other", exists=False, recorded_at=NOW))
    if existed:
        snapshot.record(_member(tenant_id, "m", exists=False, recorded_at=NOW))
    before = snapshot.list(tenant_id, MEMBERS)
    snapshot.record(_member(tenant_id, "m", fingerprint="4567", recorded_at=NOW + MINUTE))
    snapshot.announce(announced_entries(tenant_id, MEMBERS, before, ["m", "other"]))
    found = snapshot.list(tenant_id, MEMBERS)
    assert {id_: each.is_announced for id_, each in found.items()} == {"m": False, "other": True}


def test_latest_of_simultaneous_records_stays(snapshot: SnapshotTable, tenant_id: str) -> None:
    entries = [
        _member(tenant_id, "m", fingerprint=str(number), recorded_at=NOW + timedelta(seconds=number))
        for number in range(6)
    ]
    with ThreadPoolExecutor(len(entries)) as pool:
        list(pool.map(snapshot.record, reversed(entries)))
    assert snapshot.list(tenant_id, MEMBERS) == {"m": entries[-1]}


def test_old_deletion_is_purged_from_its_list(
    tables: TableServiceClient, snapshot: SnapshotTable, tenant_id: str
) -> None:
    snapshot.record(_member(tenant_id, "existing", recorded_at=NOW))
    snapshot.record(_member(tenant_id, "deleted", exists=False, recorded_at=NOW))
    snapshot.record(_member(tenant_id, "just deleted", exists=False, recorded_at=NOW + MINUTE))
    snapshot.purge_deleted(tenant_id, "teams/t/members", before=NOW + MINUTE)
    assert len(_rows(tables, tenant_id)) == 3
    snapshot.purge_deleted(tenant_id, MEMBERS, before=NOW + MINUTE)
    assert {row["resource"].rpartition("/")[2] for row in _rows(tables, tenant_id)} == {"existing", "just deleted"}


def test_more_deletions_than_a_transaction_are_purged(
    tables: TableServiceClient, snapshot: SnapshotTable, tenant_id: str
) -> None:
    snapshot.record_all(_member(tenant_id, str(number), exists=False, recorded_at=NOW) for number in range(101))
    snapshot.purge_deleted(tenant_id, MEMBERS, before=NOW + MINUTE)
    assert _rows(tables, tenant_id) == []
