"""Deployments that share one table ``status`` in memory, and one clock."""

from dataclasses import replace
from datetime import datetime, timedelta

from azure.data.tables import TableServiceClient

from shared.settings import ClientStateKey
from shared.subscriptions.deployment import Deployment
from shared.subscriptions.deployment_status import DeploymentFacts, DeploymentStatus, Owner
from shared.subscriptions.status_table import TABLE
from tests.fakes.clocks import SettableClock
from tests.fakes.status_table import InMemoryStatusTable
from tests.fakes.subscription_values import NOW, URL
from tests.sender import CLIENT_ID, PREVIOUS_STATE_KEY, STATE_KEY, TENANT

FACTS = DeploymentFacts(
    notification_url=URL,
    client_id=CLIENT_ID,
    tenant_ids=(TENANT,),
    key_ids=(STATE_KEY.key_id,),
    version="1.0.0",
    file_hash="aaaaaaaaaaaa",
)


def deployment(
    table: InMemoryStatusTable,
    clock: SettableClock,
    name: str = "first",
    *,
    facts: DeploymentFacts = FACTS,
    keys: tuple[ClientStateKey, ...] = (STATE_KEY,),
) -> Deployment:
    """Return the deployment of a process that has just started."""
    with_keys = replace(facts, key_ids=tuple(key.key_id for key in keys))
    return Deployment(table=table, deployment_id=name, facts=with_keys, keys=keys, clock=clock)


def status(name: str = "first", *, at: datetime = NOW, facts: DeploymentFacts = FACTS) -> DeploymentStatus:
    """Return the row of a deployment whose last run began at ``at``."""
    return DeploymentStatus(deployment_id=name, facts=facts, last_run_at=at, starts=(at,))


def forget_deployments(connection_string: str) -> None:
    """Delete the table ``status`` of an account that tests share: what one of them is must not concern the next."""
    with TableServiceClient.from_connection_string(connection_string) as tables:
        tables.delete_table(TABLE)


def table_owned_by(row: DeploymentStatus, clock: SettableClock) -> InMemoryStatusTable:
    """Return a table in which the deployment of ``row`` looks after the subscriptions."""
    table = InMemoryStatusTable(clock)
    table.save(row)
    table.save(Owner(deployment_id=row.deployment_id, last_run_at=row.last_run_at))
    return table


ROTATED = (PREVIOUS_STATE_KEY, STATE_KEY)
"""The keys after a rotation: here, what other tests call the previous key is the current one."""

MINUTE = timedelta(minutes=1)


class SharedAccount:
    """A storage account with two deployments; time passes between their runs."""

    def __init__(self) -> None:
        self.clock = SettableClock()
        self.table = InMemoryStatusTable(self.clock)

    def started(
        self, name: str = "first", *, facts: DeploymentFacts = FACTS, keys: tuple[ClientStateKey, ...] = (STATE_KEY,)
    ) -> Deployment:
        return deployment(self.table, self.clock, name, facts=facts, keys=keys)

    def owner(self) -> str | None:
        owner = self.table.load().owner
        return owner.deployment_id if owner else None

    def row(self, name: str = "first") -> DeploymentStatus:
        row = self.table.load().of(name)
        assert row is not None
        return row
