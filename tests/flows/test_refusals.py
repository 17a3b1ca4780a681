"""What Graph refuses is reported in its words, on the row, and heals at the attempt after it is fixed.

How attempts become rarer is in ``tests/unit/subscriptions/test_reconcile_failures.py``.

Source: https://learn.microsoft.com/graph/api/subscription-post-subscriptions and
https://learn.microsoft.com/graph/errors
"""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta

import pytest

from sandbox.serving import Fault
from tests.fakes.identity_services import CERTIFICATE_NAME
from tests.flows.deployment import LoopbackDeployment
from tests.flows.entries import MESSAGES, basic, messages_in
from tests.sandbox.graph_world import ROLES

pytestmark = pytest.mark.slow

INVALID_TOKEN = json.dumps({"error": {"code": "InvalidAuthenticationToken", "message": "Access token is empty."}})


@contextmanager
def _quota_exceeded(deployment: LoopbackDeployment) -> Iterator[None]:
    """Give the one subscription that Graph grants an app to a chat to another deployment."""
    entry = messages_in(deployment.new_chat(), "created")
    theirs = deployment.subscribe_by_hand(
        resource=entry["resource"],
        changeType="updated",
        notificationUrl=f"{deployment.endpoint_service.url}/theirs",
        expirationDateTime=(deployment.clock.now() + timedelta(days=1)).isoformat(),
    )
    deployment.app.entries = [basic(entry)]
    yield
    deployment.app.clients.graph_for_tenant(deployment.tenant_id).delete_subscription(theirs)


@contextmanager
def _permission_missing(deployment: LoopbackDeployment) -> Iterator[None]:
    deployment.grant(deployment.tenant_id, roles=tuple(role for role in ROLES if not role.startswith("Chat.")))
    deployment.app.restart()
    yield
    deployment.grant(deployment.tenant_id)
    deployment.app.restart()


@contextmanager
def _certificate_too_short(deployment: LoopbackDeployment) -> Iterator[None]:
    deployment.app.entries = [MESSAGES]
    deployment.app.environ["ENCRYPTION_CERTIFICATE_NAME"] = CERTIFICATE_NAME
    deployment.vault.create_certificate(CERTIFICATE_NAME, key_size=1024)
    yield
    deployment.vault.create_certificate(CERTIFICATE_NAME)


def _endpoint_forbidden(deployment: LoopbackDeployment) -> AbstractContextManager[None]:
    return deployment.fault(deployment.endpoint_service, Fault(status=403))


def _token_refused(deployment: LoopbackDeployment) -> AbstractContextManager[None]:
    refusal = Fault(path="/subscriptions$", method="POST", status=401, body=INVALID_TOKEN.encode())
    return deployment.fault(deployment.graph_service, refusal)


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        pytest.param(_quota_exceeded, "403 .*The subscription limit has been reached: 1 per app", id="403 quota"),
        pytest.param(_permission_missing, r"403 .*Required permissions .*Chat\.Read\.All", id="403 permission"),
        pytest.param(_token_refused, "401 .*InvalidAuthenticationToken", id="401"),
        pytest.param(_endpoint_forbidden, "400 .*ValidationError.*'Forbidden'", id="400 handshake"),
        pytest.param(_certificate_too_short, "400 .*Certificate validation error", id="400 certificate"),
    ],
)
def test_refusal_is_reported_on_the_row_and_heals_once_it_is_fixed(
    deployment: LoopbackDeployment, trouble: Callable[[LoopbackDeployment], AbstractContextManager[None]], words: str
) -> None:
    deployment.app.entries = [basic(MESSAGES)]
    # Only the entries with resource data need it.
    del deployment.app.environ["ENCRYPTION_CERTIFICATE_NAME"]
    with trouble(deployment):
        writes = len(deployment.writes())
        for attempt in (1, 2):
            assert deployment.run() == {"failed": 1}
            [row] = deployment.rows()
            assert row.failure is not None
            assert row.failure.count == attempt
            assert re.search(words, row.failure.text)
            # In its pause Graph is left alone.
            assert deployment.run() == {}
            deployment.later(minutes=11)
        assert len(deployment.writes()) - writes == 2
    deployment.later(hours=1)
    assert deployment.run() == {"created": 1}
    assert [row.failure for row in deployment.rows()] == [None]
    assert deployment.run() == {}
