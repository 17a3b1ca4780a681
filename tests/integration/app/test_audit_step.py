"""The audit as the timer runs it: since when there are records, and the last result, stand in the table status."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from sandbox.azurite import Azurite
from shared.app.audits import audit_steps, audit_table, records_of
from shared.app.clients import Clients
from shared.app.deployments import deployment, deployment_id
from shared.audit.audit import AuditState
from shared.events.publication_table import table_name
from shared.settings import Settings
from shared.subscriptions.deployment_status import DeploymentStatus
from tests.fakes.clocks import SettableClock
from tests.fakes.deployments import forget_deployments
from tests.fakes.settings_environment import LEAST
from tests.fakes.subscription_values import ROW

pytestmark = pytest.mark.slow

# Nobody else writes records of that time.
_NOW = datetime(1999, 5, 5, 12, tzinfo=UTC)


@pytest.fixture
def clients(azurite: Azurite) -> Iterator[Clients]:
    forget_deployments(azurite.connection_string)
    clients = _clients(azurite, str(uuid4()))
    deployment(clients).begin_run()
    yield clients
    for day in (_NOW, _NOW + timedelta(days=1)):
        clients.tables().delete_table(table_name(day.date()))
    forget_deployments(azurite.connection_string)


def _clients(azurite: Azurite, tenant_id: str, **settings: str) -> Clients:
    given = {"AzureWebJobsStorage": azurite.connection_string, "TENANT_IDS": tenant_id, **settings}
    return Clients(Settings.from_environ(LEAST | given), clock=SettableClock(_NOW))


def _row(clients: Clients) -> DeploymentStatus:
    row = clients.status_table().load().of(deployment_id(clients))
    assert row is not None
    return row


def test_records_begin_with_the_first_run_and_stand_in_the_status(clients: Clients) -> None:
    records = records_of(clients)
    assert records is not None
    assert records.since == _NOW + timedelta(minutes=15)
    assert (records_of(clients), _row(clients).records) == (records, records)


def test_lost_table_of_records_begins_them_again(clients: Clients) -> None:
    first = records_of(clients)
    clients.clock.sleep_until(_NOW + timedelta(hours=1))
    assert records_of(clients) == first
    clients.tables().delete_table(table_name(_NOW.date()))
    again = records_of(clients)
    assert first is not None
    assert again == _row(clients).records == replace(first, since=first.since + timedelta(hours=1))


def test_without_records_the_audit_and_the_status_say_so(clients: Clients, azurite: Azurite) -> None:
    records_of(clients)
    [tenant_id] = clients.settings.tenant_ids
    without = _clients(azurite, tenant_id, DEDUPLICATE_FOR="0")
    subscribed = replace(ROW, desired=replace(ROW.desired, tenant_id=tenant_id), etag=None)
    without.subscription_table().save(subscribed)
    [step] = audit_steps(without)
    assert step.work(_NOW + timedelta(minutes=1)) == {"ended": 1}
    [audit] = audit_table(without).load(tenant_id)
    assert audit.state is AuditState.NOT_CHECKED
    assert "DEDUPLICATE_FOR is 0" in (audit.reason or "")
    row = _row(without)
    assert row.records is None
    assert row.audit is not None
    assert row.audit.figures == "lists=0 of=0 checked=0 missing=0"
    assert step.work(_NOW + timedelta(minutes=1)) == {}
