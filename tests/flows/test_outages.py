"""Something outside is down or says no to everything: the rest goes on, nothing is lost, and all is well afterwards."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sandbox.azurite import Azurite
from sandbox.entra import Application
from sandbox.relay import Mood, Relay
from sandbox.serving import Fault
from shared.subscriptions.tracked import AccountStatus
from tests.flows.wishes import BOTH, CHATS
from tests.flows.world import World
from tests.flows.world import world as started_world
from tests.sender import STRANGER

pytestmark = pytest.mark.slow

# Retried at once, where the clients' own pauses would take seconds.
OUT_OF_ORDER = Fault(status=503, headers={"Retry-After": "0.001"})


@pytest.fixture
def tenants(tmp_path: Path, azurite: Azurite) -> Iterator[World]:
    with started_world(tmp_path, azurite, tenants=2) as world:
        world.app.entries = BOTH
        assert world.run() == {"created": 4}
        yield world


def _listing(world: World, tenant_id: str) -> AccountStatus:
    [listing] = world.app.rows(tenant_id).accounts
    return listing


def test_a_consent_that_is_revoked_leaves_other_tenants_alone_and_heals_when_it_is_given_again(
    tenants: World,
) -> None:
    revoked, other = tenants.tenant_ids
    # A tenant does not go away with one of its applications.
    tenants.entra.register(Application(client_id=STRANGER, tenant_ids=(revoked,), secret="another's"))
    tenants.grant(other)
    tenants.app.restart()
    tenants.later(minutes=31)
    assert tenants.run() == {"failed": 1, "renewed": 2}
    failure = _listing(tenants, revoked).failure
    assert failure is not None
    assert "AADSTS700016" in failure.text
    assert _listing(tenants, other).failure is None
    assert tenants.run() == {"postponed": 1}
    tenants.send("another tenant's", tenant_id=other)
    assert tenants.texts() == ["another tenant's"]
    tenants.grant(revoked, other)
    # MSAL remembers a refusal for a minute of the real clock, which nobody waits for here.
    tenants.app.restart()
    tenants.later(minutes=6)
    assert tenants.run() == {"renewed": 2}
    assert _listing(tenants, revoked).failure is None
    tenants.send("this tenant's", tenant_id=revoked)
    assert tenants.texts() == ["another tenant's", "this tenant's"]


def test_tokens_that_graph_does_not_take_are_told_and_over_with_others(world: World) -> None:
    world.app.entries = BOTH
    world.run()
    world.entra.rotate_signing_key(retire_old=True)
    world.later(minutes=31)
    assert world.run() == {"failed": 1}
    failure = _listing(world, world.tenant_id).failure
    assert failure is not None
    assert "401" in failure.text
    assert "InvalidAuthenticationToken" in failure.text
    # MSAL keeps a token until it is about to end.
    world.later(minutes=30)
    assert world.run() == {"renewed": 2}


def test_without_key_vault_what_lives_is_renewed_and_only_what_needs_a_certificate_waits(world: World) -> None:
    world.app.entries = BOTH
    world.run()
    world.app.entries = [*BOTH, CHATS]
    world.later(minutes=31)
    with world.fault(world.vault_service, OUT_OF_ORDER):
        assert world.run() == {"renewed": 2, "failed": 1}
        failure = world.row("/chats").failure
    assert failure is not None
    assert "Key Vault" in failure.text
    world.later(minutes=6)
    assert world.run() == {"created": 1}
    assert world.row("/chats").failure is None


@contextmanager
def _relayed_tables(world: World) -> Iterator[Relay]:
    """Put something that can go down between the app and its table."""
    before = world.app.environ["AzureWebJobsStorage"]
    host, _, rest = before.partition("TableEndpoint=http://127.0.0.1:")
    port, slash, path = rest.partition("/")
    relay = Relay(int(port))
    world.background.run(relay.start())
    world.app.environ["AzureWebJobsStorage"] = f"{host}TableEndpoint=http://127.0.0.1:{relay.port}{slash}{path}"
    try:
        yield relay
    finally:
        world.app.environ["AzureWebJobsStorage"] = before
        world.background.run(relay.stop())


def test_without_the_table_nothing_is_touched_at_graph_and_nothing_lost(world: World) -> None:
    world.app.entries = BOTH
    world.app.environ["RENEW_AFTER"] = "PT40M"
    world.run()
    ids = {each.id for each in world.subscriptions()}
    with _relayed_tables(world) as relay:
        assert world.run() == {}
        relay.mood = Mood.DOWN
        world.later(minutes=46)
        writes = len(world.writes())
        assert world.run() == {"failed": 1}
        assert len(world.writes()) == writes
        # Graph asked to reauthorize, and was told to come again.
        assert world.event_types() == []
        world.send("in the meantime")
        assert world.texts() == ["in the meantime"]
        relay.mood = Mood.FORWARDING
        world.later(minutes=2)
        assert world.event_types().count("SubscriptionReauthorizationRequired") == 2
        assert all(row.activity.reauthorization_required_at for row in world.rows())
        assert world.run() == {"renewed": 2}
    assert {each.id for each in world.subscriptions()} == ids
    assert world.run() == {}


def test_without_graph_everything_waits_and_nothing_is_recreated_afterwards(tenants: World) -> None:
    ids = {each.id for tenant_id in tenants.tenant_ids for each in tenants.subscriptions(tenant_id)}
    tenants.later(minutes=31)
    with tenants.fault(tenants.graph_service, OUT_OF_ORDER):
        assert tenants.run() == {"failed": 2}
        assert tenants.run() == {"postponed": 2}
    tenants.later(minutes=6)
    assert tenants.run() == {"renewed": 4}
    assert {each.id for tenant_id in tenants.tenant_ids for each in tenants.subscriptions(tenant_id)} == ids
