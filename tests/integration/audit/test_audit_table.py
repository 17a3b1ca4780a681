"""The table of audits against Azurite: what is saved is loaded, and no run overwrites the change of another."""

from dataclasses import replace
from uuid import uuid4

import pytest
from azure.data.tables import TableServiceClient

from shared.audit.audit import Audit, AuditState, daily_audit, requested_audit
from shared.audit.audit_table import AuditTable
from shared.errors import Conflict, Misconfigured
from shared.gaps.gap import Step
from shared.table import Table
from tests.fakes.subscription_values import HOUR, NOW

pytestmark = pytest.mark.slow

_PATH = "/teams/{team-id}/channels/{channel-id}/messages"


@pytest.fixture
def table(tables: TableServiceClient) -> AuditTable:
    return AuditTable(tables)


def _audit() -> Audit:
    """Return an audit in a partition of its own: the account is shared."""
    return daily_audit(str(uuid4()), _PATH, NOW, previous=None)


def test_saved_audit_is_loaded_with_every_field(table: AuditTable) -> None:
    full = replace(
        _audit(),
        state=AuditState.READING,
        # The longest sample: ids of 256 characters fill several columns.
        lists=tuple(f"{number:03}{'x' * 253}" for number in range(500)),
        of=300_000,
        page="/v1.0/users?$skiptoken=x",
        position=(Step("/v1.0/users/b/chats/getAllMessages?$skiptoken=x", None),),
        read=1,
        checked=2,
        missing=3,
        refused=4,
        reason="Grüße 👋 'quoted'",
        ended_at=NOW,
    )
    saved = table.save(full)
    assert table.load(full.tenant_id) == (saved,)
    assert replace(saved, etag=None) == full
    bare = table.save(daily_audit(full.tenant_id, _PATH, NOW + HOUR, previous=saved))
    assert table.load(full.tenant_id) == (bare,)


def test_requested_audit_is_a_row_beside_the_daily_one(table: AuditTable) -> None:
    daily = table.save(_audit())
    requested = table.save(requested_audit(daily.tenant_id, _PATH, (NOW - HOUR, NOW), NOW, previous=None))
    assert set(table.load(daily.tenant_id)) == {daily, requested}


def test_second_writer_of_an_audit_gets_a_conflict(table: AuditTable) -> None:
    audit = _audit()
    saved = table.save(audit)
    with pytest.raises(Conflict):
        table.save(audit)
    table.save(saved)
    with pytest.raises(Conflict):
        table.save(saved)


def test_audits_of_a_departed_tenant_go(tables: TableServiceClient, table: AuditTable) -> None:
    saved = table.save(_audit())
    assert Table(tables, "audits").delete_tenant(saved.tenant_id) == 1
    assert table.load(saved.tenant_id) == ()


@pytest.mark.parametrize(("name", "value"), [("state", "x"), ("checked", -1), ("lists0", 1), ("path", "/another")])
def test_unreadable_audit_is_named(tables: TableServiceClient, table: AuditTable, name: str, value: object) -> None:
    saved = table.save(_audit())
    tables.get_table_client("audits").update_entity({"PartitionKey": saved.tenant_id, "RowKey": saved.key, name: value})
    with pytest.raises(Misconfigured, match="of the table audits has a missing or wrong column"):
        table.load(saved.tenant_id)
