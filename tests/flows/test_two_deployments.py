"""Two deployments of the real timer on one storage account: what the second does, and what each says of itself."""

import logging
import re
from collections.abc import Iterator

import pytest

from sandbox.azurite import Azurite
from sandbox.serving import Fault
from shared.app.clients import Clients
from shared.app.deployments import deployment_id
from shared.app.renew_subscriptions import timer_run
from shared.settings import Settings
from shared.subscriptions.deployment_status import DeploymentStatus
from tests.fakes.deployments import forget_deployments
from tests.flows.deployment import LoopbackDeployment

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _no_other_deployments(azurite: Azurite) -> Iterator[None]:
    forget_deployments(azurite.connection_string)
    yield
    forget_deployments(azurite.connection_string)


def _clients(world: LoopbackDeployment, **changes: str) -> Clients:
    return Clients(Settings.from_environ(world.app.environ | changes), clock=world.app.time)


def _second(world: LoopbackDeployment) -> Clients:
    return _clients(world, NOTIFICATION_URL=f"{world.app.environ['NOTIFICATION_URL']}2")


def _line(caplog: pytest.LogCaptureFixture) -> str:
    """Return what the last run has logged."""
    lines = [message for message in caplog.messages if message.startswith("run ms=")]
    return lines[-1]


def _row(clients: Clients) -> DeploymentStatus:
    row = clients.status_table().load().of(deployment_id(clients))
    assert row is not None
    return row


def test_second_deployment_changes_nothing_and_says_so(
    deployment: LoopbackDeployment, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="shared")
    timer_run(_clients(deployment)).run()
    assert re.search(r"failed_steps=0 owner=yes .*created=\d", _line(caplog))
    before, writes = deployment.subscription_ids(), deployment.writes()
    second = timer_run(_second(deployment))
    second.run()
    assert " failed_steps=0 owner=no " in _line(caplog)
    assert [step.name for step in second.others] == ["parked"]
    assert (deployment.subscription_ids(), deployment.writes()) == (before, writes)
    assert "looks after the subscriptions, so this one only publishes what is parked" in caplog.text


def test_row_of_a_deployment_says_what_answered(deployment: LoopbackDeployment) -> None:
    clients = _clients(deployment)
    timer_run(clients).run()
    row = _row(clients)
    assert row.answers is not None
    assert set(row.answers.by_system.values()) == {"ok"}
    assert set(row.answers.by_system) == {
        "tables",
        "blobs",
        "queues",
        "Key Vault",
        "NOTIFICATION_URL",
        f"Entra ID for tenant {deployment.tenant_id}",
        f"Graph for tenant {deployment.tenant_id}",
    }
    assert "Chat.Read.All" in row.answers.permissions[deployment.tenant_id]
    newest = deployment.app.certificate()
    assert row.answers.certificate_version == newest.version
    assert row.answers.certificate_ends_at == newest.certificate.not_valid_after_utc


def test_row_of_a_deployment_says_what_refused_its_own_identity(deployment: LoopbackDeployment) -> None:
    """What a person may read with roles of their own says nothing of the app."""
    clients = _clients(deployment)
    deployment.vault.readers = set()
    deployment.grant(deployment.tenant_id, roles=())
    with deployment.fault(deployment.graph_service, Fault(path="/subscriptions", method="GET", status=403)):
        timer_run(clients).run()
    row = _row(clients)
    assert row.answers is not None
    said = row.answers.by_system
    assert "(403 ForbiddenByRbac): grant it the role Key Vault Secrets User on 127.0.0.1" in said["Key Vault"]
    assert said["Key Vault"].endswith("and let it through the firewall there")
    assert said[f"Graph for tenant {deployment.tenant_id}"].startswith("Graph answered 403 to GET")
    assert row.answers.permissions == {deployment.tenant_id: ()}


def test_row_of_a_deployment_says_what_its_url_answered(deployment: LoopbackDeployment) -> None:
    clients = _clients(deployment)
    with deployment.fault(deployment.endpoint_service, Fault(status=404)):
        timer_run(clients).run()
    row = _row(clients)
    assert row.answers is not None
    assert row.answers.by_system["NOTIFICATION_URL"] == "the handshake was answered 404, not 200"


def test_row_of_a_deployment_says_what_did_not_answer(deployment: LoopbackDeployment) -> None:
    clients = _clients(deployment)
    with deployment.fault(deployment.vault_service, Fault(path="/secrets", status=503)):
        timer_run(clients).run()
    row = _row(clients)
    assert row.answers is not None
    assert row.answers.by_system["Key Vault"].startswith("Key Vault (")
    assert row.answers.certificate_version is None
