"""A run that is killed after each of its calls to the outside in turn, or misses an answer; the next puts all right.

Each tenant of the world meets another fate: in the first, the run is struck at its first call, in the second at its
second, and so on; in the last it is left alone.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from sandbox.azurite import Azurite
from shared.identity.certificates import Certificate
from tests.fakes.identity_services import CERTIFICATE_NAME
from tests.flows.killing import Fate, FatedGraph, FatedTable, Killed
from tests.flows.wishes import MESSAGES, basic, messages_in
from tests.flows.world import World
from tests.flows.world import world as started_world
from tests.sender import PREVIOUS_STATE_KEY_TEXT, STATE_KEY_TEXT

pytestmark = pytest.mark.slow


def _nothing(_world: World) -> None:
    """Leave everything to be created."""


def _due(world: World) -> None:
    world.run()
    world.later(minutes=31)
    world.vault.create_certificate(CERTIFICATE_NAME)


def _removed(world: World) -> None:
    world.run()
    for subscription in world.do(world.graph.subscriptions):
        world.do(partial(world.graph.remove_subscription, subscription.id))


def _unwanted(world: World) -> None:
    world.run()
    world.app.entries = []


def _other_url_and_no_resource_data(world: World) -> None:
    world.run()
    world.app.environ["NOTIFICATION_URL"] += "/moved"
    world.app.entries = [basic(MESSAGES)]


def _other_state_key(world: World) -> None:
    world.run()
    world.app.environ["CLIENT_STATE_KEY"] = PREVIOUS_STATE_KEY_TEXT
    world.app.environ["CLIENT_STATE_KEY_PREVIOUS"] = STATE_KEY_TEXT


def _table_lost(world: World) -> None:
    world.run()
    world.app.lose_table()


def _other_change_types(world: World) -> None:
    chats = {tenant_id: world.new_chat(tenant_id) for tenant_id in world.tenant_ids}
    for change_type in ("created", "created,updated"):
        world.app.entries = [
            {**messages_in(chat, change_type), "tenantId": tenant_id} for tenant_id, chat in chats.items()
        ]
        if change_type == "created":
            world.run()


def _struck(world: World, certificate: Certificate, tenant_id: str, fate: Fate) -> bool:
    """Run for one tenant; return whether its fate came true."""
    whole = world.app.reconciler()
    accounts = [
        replace(account, api=FatedGraph(graph=account.api, fate=fate))
        for account in whole.accounts
        if account.tenant_id == tenant_id
    ]
    table = FatedTable(table=whole.subscription_table, fate=fate)
    with suppress(Killed):
        world.app.run(replace(whole, accounts=accounts, subscription_table=table, certificate=lambda: certificate))
    return fate.calls >= fate.strikes_at


def _look(world: World, tenant_id: str) -> None:
    """See that what is desired lives once at Graph, as its row says, and authenticates; and nothing else."""
    desired = [each for each in world.app.desired if each.tenant_id == tenant_id]
    rows, alive = world.rows(tenant_id), world.subscriptions(tenant_id)
    assert [row.desired for row in rows] == desired
    assert len(alive) == len(desired)
    for row, subscription in zip(rows, alive, strict=True):
        assert row.failure is None
        assert row.is_wanted
        assert row.applied is not None
        assert row.applied.subscription_id == subscription.id
        assert row.applied.certificate_id == subscription.certificate_id
        assert subscription.is_rich == row.desired.include_resource_data
        assert subscription.notification_url == world.app.settings.notification_url
        key_id = world.app.settings.client_state_keys[0].key_id
        assert (subscription.client_state or "").startswith(f"v1.{key_id}.")


@pytest.mark.parametrize(
    ("prepare", "calls"),
    [
        pytest.param(_nothing, 6, id="create"),
        pytest.param(_due, 5, id="renew and rotate"),
        pytest.param(_removed, 7, id="create what has gone"),
        pytest.param(_unwanted, 7, id="delete"),
        pytest.param(_other_url_and_no_resource_data, 9, id="recreate with another URL"),
        pytest.param(_other_state_key, 9, id="recreate with another client-state key"),
        pytest.param(_table_lost, 5, id="adopt"),
        pytest.param(_other_change_types, 10, id="delete to make room"),
    ],
)
def test_after_a_kill_at_any_point_the_next_run_settles(
    tmp_path: Path, azurite: Azurite, prepare: Callable[[World], None], calls: int
) -> None:
    with _prepared(tmp_path, azurite, prepare, tenants=calls + 1) as world:
        certificate = world.app.certificate()
        struck = [
            _struck(world, certificate, tenant_id, Fate(strikes_at=number, kills=True))
            for number, tenant_id in enumerate(world.tenant_ids, start=1)
        ]
        assert struck == [True] * calls + [False]
        world.later(minutes=5)
        world.run()
        for tenant_id in world.tenant_ids:
            _look(world, tenant_id)
        assert world.run() == {}


@pytest.mark.parametrize(
    ("prepare", "calls"),
    [
        pytest.param(_nothing, 6, id="create"),
        pytest.param(_unwanted, 7, id="delete"),
        pytest.param(_other_state_key, 9, id="recreate with another client-state key"),
    ],
)
def test_after_an_answer_that_was_lost_at_any_point_the_next_runs_settle(
    tmp_path: Path, azurite: Azurite, prepare: Callable[[World], None], calls: int
) -> None:
    with _prepared(tmp_path, azurite, prepare, tenants=calls) as world:
        certificate = world.app.certificate()
        for number, tenant_id in enumerate(world.tenant_ids, start=1):
            assert _struck(world, certificate, tenant_id, Fate(strikes_at=number, kills=False))
        world.later(minutes=6)
        world.run()
        for tenant_id in world.tenant_ids:
            _look(world, tenant_id)
        assert world.run() == {}


@contextmanager
def _prepared(folder: Path, azurite: Azurite, prepare: Callable[[World], None], *, tenants: int) -> Iterator[World]:
    with started_world(folder, azurite, tenants=tenants) as world:
        # One run for each tenant in a few seconds: each keeps to a pace of its own.
        world.graph.throttle.enabled = False
        world.app.entries = [MESSAGES]
        prepare(world)
        yield world
