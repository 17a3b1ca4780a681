"""The table ``status`` against Azurite: what is saved is loaded, and no run overwrites the change of another."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from azure.data.tables import TableServiceClient

from shared.errors import Conflict, Misconfigured, NewerRows
from shared.subscriptions.deployment_status import (
    Answers,
    DeploymentStatus,
    LastAudit,
    Owner,
    Records,
    StatusState,
    WantedNone,
)
from shared.subscriptions.status_table import TABLE, StatusTable
from tests.fakes.deployments import status
from tests.fakes.subscription_values import NOW
from tests.sender import OTHER_TENANT, TENANT

pytestmark = pytest.mark.slow

FULL = replace(
    status(),
    keys_seen={"aaaaaaaa": NOW, "bbbbbbbb": NOW - timedelta(days=1)},
    starts=(NOW - timedelta(minutes=5), NOW),
    answers=Answers(
        at=NOW,
        by_system={"Key Vault": "ok, Grüße 👋"},
        permissions={TENANT: ("A", "B")},
        certificate_version="c1",
        certificate_ends_at=NOW + timedelta(days=300),
    ),
    departed={OTHER_TENANT: NOW},
    wanted_none=WantedNone(version="1.0.0", file_hash="aaaaaaaaaaaa"),
    renew_requested_at=NOW,
    records=Records(since=NOW, layout=1),
    audit=LastAudit(at=NOW, figures="lists=500 of=12345 checked=20311 missing=0"),
    heard={NOW.replace(minute=0): (12, 11)},
)


@pytest.fixture
def table(tables: TableServiceClient) -> Iterator[StatusTable]:
    # The account is shared, and no other test expects a deployment in it.
    tables.delete_table(TABLE)
    yield StatusTable(tables)
    tables.delete_table(TABLE)


def _rows(table: StatusTable) -> tuple[DeploymentStatus, ...]:
    return table.load().deployments


def test_missing_table_has_no_deployment(table: StatusTable) -> None:
    assert table.load() == StatusState()


def test_saved_deployments_are_loaded_with_every_field(table: StatusTable) -> None:
    full, bare = table.save(FULL), table.save(status("second"))
    assert sorted(_rows(table), key=lambda row: row.deployment_id) == [full, bare]
    assert replace(full, etag=None) == FULL


def test_answers_of_a_thousand_systems_keep_the_errors(table: StatusTable) -> None:
    said = {f"Graph for tenant {number:036}": "ok" for number in range(1000)}
    said |= {f"Entra ID for tenant {number:036}": 'it said: "no"' * 100 for number in range(10)}
    saved = table.save(replace(status(), answers=Answers(at=NOW, by_system=said)))
    [row] = _rows(table)
    assert row.deployment_id == saved.deployment_id
    assert row.answers is not None
    errors = {system: text for system, text in row.answers.by_system.items() if text != "ok"}
    assert errors == {system: text[:1000] for system, text in said.items() if text != "ok"}


def test_field_that_is_none_again_is_removed(table: StatusTable) -> None:
    saved = table.save(FULL)
    changed = table.save(replace(saved, wanted_none=None, renew_requested_at=None, answers=None))
    assert _rows(table) == (changed,)


def test_owner_is_loaded_with_the_time_of_storage(table: StatusTable) -> None:
    saved = table.save(Owner(deployment_id="first", last_run_at=NOW))
    owner = table.load().owner
    assert owner is not None
    assert (owner.deployment_id, owner.last_run_at, owner.etag) == ("first", NOW, saved.etag)
    # Azurite's clock is this machine's.
    assert owner.written_at is not None
    assert abs(datetime.now(UTC) - owner.written_at) < timedelta(minutes=1)


def test_second_writer_of_a_status_row_gets_a_conflict(table: StatusTable) -> None:
    _write_twice(table, FULL)
    _write_twice(table, Owner(deployment_id="first", last_run_at=NOW))


def _write_twice[Row: (DeploymentStatus, Owner)](table: StatusTable, row: Row) -> None:
    saved = table.save(row)
    with pytest.raises(Conflict):
        table.save(row)
    table.save(saved)
    with pytest.raises(Conflict):
        table.save(saved)


def test_rows_have_the_version_of_their_schema(tables: TableServiceClient, table: StatusTable) -> None:
    table.save(FULL)
    table.save(Owner(deployment_id="first", last_run_at=NOW))
    rows = list(tables.get_table_client(TABLE).list_entities())
    assert [row["schemaVersion"] for row in rows] == [1, 1]


def test_rows_of_a_newer_version_are_refused(tables: TableServiceClient, table: StatusTable) -> None:
    table.save(FULL)
    client = tables.get_table_client(TABLE)
    # Before it is looked at otherwise: this version knows none of its columns.
    client.create_entity({"PartitionKey": "deployments", "RowKey": "other", "schemaVersion": 2, "unknown": "x"})
    with pytest.raises(NewerRows, match=r"schema 2, this one reads 1\): deploy that version again"):
        table.load()


def test_deleted_deployment_is_gone(table: StatusTable) -> None:
    table.delete(table.save(FULL))
    assert _rows(table) == ()


@pytest.mark.parametrize("column", ["answers", "clientStateKeysSeen", "runStarts", "lastRunDateTime"])
def test_unreadable_status_row_is_named(tables: TableServiceClient, table: StatusTable, column: str) -> None:
    table.save(FULL)
    client = tables.get_table_client(TABLE)
    client.update_entity({"PartitionKey": "deployments", "RowKey": "first", column: "x"})
    with pytest.raises(Misconfigured, match="row deployments/first of the table status"):
        table.load()
