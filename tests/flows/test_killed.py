"""A run that is killed after any of its calls to the outside, or loses any answer: the next run settles.

Every kind of work is killed at every call in ``tests/unit/subscriptions/test_reconcile_killed.py``. Here is the work
that depends on what Graph allows beside each other, and on the ETags of the real table. Each tenant of the deployment
is struck at another call: the first tenant at its first call, and so on; in the last tenant the run is left alone.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from sandbox.azurite import Azurite
from shared.identity.certificates import Certificate
from tests.fakes.calls import Killed
from tests.flows.deployment import LoopbackDeployment, loopback_deployment
from tests.flows.entries import MESSAGES, messages_in
from tests.flows.intercepted_calls import InterceptedGraph, InterceptedTable, LostAnswer

pytestmark = pytest.mark.slow


def _create(_deployment: LoopbackDeployment) -> None:
    """Leave everything to be created."""


def _recreate(deployment: LoopbackDeployment) -> None:
    deployment.run()
    deployment.app.rotate_state_key()


def _delete_to_make_room(deployment: LoopbackDeployment) -> None:
    chats = {tenant_id: deployment.new_chat(tenant_id) for tenant_id in deployment.tenant_ids}
    for change_type in ("created", "created,updated"):
        deployment.app.entries = [
            {**messages_in(chat, change_type), "tenantId": tenant_id} for tenant_id, chat in chats.items()
        ]
        if change_type == "created":
            deployment.run()


def _run(deployment: LoopbackDeployment, certificate: Certificate, tenant_id: str, lost: LostAnswer) -> bool:
    """Run for one tenant; return whether it got as far as the call."""
    whole = deployment.app.reconciler()
    accounts = [
        replace(account, api=InterceptedGraph(graph=account.api, intercept=lost.intercept))
        for account in whole.accounts
        if account.tenant_id == tenant_id
    ]
    table = InterceptedTable(table=whole.subscription_table, intercept=lost.intercept)
    with suppress(Killed):
        deployment.app.run(replace(whole, accounts=accounts, subscription_table=table, certificate=lambda: certificate))
    return lost.calls >= lost.at


def _assert_settled(deployment: LoopbackDeployment, tenant_id: str) -> None:
    """Assert that what is desired exists once at Graph, as its row says, and nothing else does."""
    desired = [each for each in deployment.app.desired if each.tenant_id == tenant_id]
    rows, existing = deployment.rows(tenant_id), deployment.subscriptions(tenant_id)
    assert [row.desired for row in rows] == desired
    for row, subscription in zip(rows, existing, strict=True):
        assert (row.failure, row.is_wanted) == (None, True)
        assert row.applied is not None
        assert row.applied.subscription_id == subscription.id
        assert row.applied.certificate_id == subscription.certificate_id
        assert subscription.is_rich == row.desired.include_resource_data
        assert subscription.notification_url == deployment.keyed_url
        key_id = deployment.app.settings.client_state_keys[0].key_id
        assert (subscription.client_state or "").startswith(f"v1.{key_id}.")


@pytest.mark.parametrize(
    ("prepare", "calls", "kills"),
    [
        pytest.param(_create, 6, False, id="create, answer lost"),
        pytest.param(_recreate, 9, False, id="recreate, answer lost"),
        pytest.param(_delete_to_make_room, 11, False, id="delete to make room, answer lost"),
        pytest.param(_delete_to_make_room, 11, True, id="delete to make room, killed"),
    ],
)
def test_run_that_loses_any_answer_is_settled_by_the_next(
    tmp_path: Path,
    azurite: Azurite,
    prepare: Callable[[LoopbackDeployment], None],
    calls: int,
    kills: bool,  # noqa: FBT001  a parameter of the test
) -> None:
    with loopback_deployment(tmp_path, azurite, tenants=calls + 1) as deployment:
        # One run for each tenant in a few seconds, each with a rate limit of its own.
        deployment.graph.throttle.enabled = False
        deployment.app.entries = [MESSAGES]
        prepare(deployment)
        certificate = deployment.app.certificate()
        struck = [
            _run(deployment, certificate, tenant_id, LostAnswer(at=number, kills=kills))
            for number, tenant_id in enumerate(deployment.tenant_ids, start=1)
        ]
        assert struck == [True] * calls + [False]
        deployment.later(minutes=6)
        deployment.run()
        for tenant_id in deployment.tenant_ids:
            _assert_settled(deployment, tenant_id)
        assert deployment.run() == {}
