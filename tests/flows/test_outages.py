"""Outages that only the real clients can show: Entra ID refuses a tenant, Graph refuses a token."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.azurite import Azurite
from sandbox.entra import Application
from sandbox.serving import Fault
from shared.subscriptions.tracked import AccountStatus
from tests.flows.deployment import LoopbackDeployment, loopback_deployment
from tests.flows.entries import BOTH
from tests.sender import STRANGER

pytestmark = pytest.mark.slow

# Retried at once, where the clients' own pauses would take seconds.
OUT_OF_ORDER = Fault(status=503, headers={"Retry-After": "0.001"})


@pytest.fixture
def tenants(tmp_path: Path, azurite: Azurite) -> Iterator[LoopbackDeployment]:
    with loopback_deployment(tmp_path, azurite, tenants=2) as deployment:
        deployment.app.entries = BOTH
        assert deployment.run() == {"created": 4}
        yield deployment


def _account(deployment: LoopbackDeployment, tenant_id: str) -> AccountStatus:
    [account] = deployment.app.rows(tenant_id).accounts
    return account


def test_revoked_consent_stops_one_tenant_until_it_is_granted_again(tenants: LoopbackDeployment) -> None:
    revoked, other = tenants.tenant_ids
    # A tenant does not disappear with one of its applications.
    tenants.entra.register(Application(client_id=STRANGER, tenant_ids=(revoked,), secret="another's"))
    tenants.grant(other)
    tenants.app.restart()
    tenants.later(minutes=31)
    assert tenants.run() == {"failed": 1, "renewed": 2}
    failure = _account(tenants, revoked).failure
    assert failure is not None
    assert "AADSTS700016" in failure.text
    assert _account(tenants, other).failure is None
    assert tenants.run() == {"postponed": 1}
    tenants.send("another tenant's", tenant_id=other)
    assert tenants.texts() == ["another tenant's"]
    tenants.grant(revoked, other)
    # MSAL remembers a refusal for a minute of the real clock.
    tenants.app.restart()
    tenants.later(minutes=6)
    assert tenants.run() == {"renewed": 2}
    assert _account(tenants, revoked).failure is None
    tenants.send("this tenant's", tenant_id=revoked)
    assert tenants.texts() == ["another tenant's", "this tenant's"]


def test_token_that_graph_refuses_is_reported_and_replaced_when_it_expires(deployment: LoopbackDeployment) -> None:
    deployment.app.entries = BOTH
    deployment.run()
    deployment.entra.rotate_signing_key(retire_old=True)
    deployment.later(minutes=25)
    assert deployment.run() == {"failed": 1}
    failure = _account(deployment, deployment.tenant_id).failure
    assert failure is not None
    assert "401" in failure.text
    assert "InvalidAuthenticationToken" in failure.text
    # A token is used for half of its lifetime.
    deployment.later(minutes=6)
    assert deployment.run() == {"renewed": 2}


def test_outage_of_graph_postpones_all_tenants_and_recreates_nothing(tenants: LoopbackDeployment) -> None:
    ids = tenants.subscription_ids()
    tenants.later(minutes=31)
    with tenants.fault(tenants.graph_service, OUT_OF_ORDER):
        # Two lists, and four renewals that need none.
        assert tenants.run() == {"failed": 6}
        assert tenants.run() == {"postponed": 2}
    tenants.later(minutes=6)
    assert tenants.run() == {"renewed": 4}
    assert tenants.subscription_ids() == ids
