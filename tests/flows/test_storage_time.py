"""The clock of the app's machine is an hour fast, or slow: Graph is asked, and rows are written, by storage's.

Row: the clock of one instance is an hour fast, or slow.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.app.clients import Clients
from shared.app.renew_subscriptions import reconciler
from shared.subscriptions.reconcile import Reconciler
from shared.timing import StorageClock
from tests.flows.deployment import LoopbackDeployment
from tests.flows.entries import BOTH

pytestmark = pytest.mark.slow

HOUR = timedelta(hours=1)


def _on_machine(deployment: LoopbackDeployment, *, ahead: timedelta) -> Reconciler:
    """Return the timer's flow on a machine whose clock is wrong."""
    clients = Clients(deployment.app.settings)
    assert isinstance(clients.clock, StorageClock)
    clients.clock.synchronise(datetime.now(UTC) + ahead)
    clients.synchronise_clock()
    whole = reconciler(clients)
    return replace(
        whole,
        desired=deployment.app.desired,
        accounts=[account for account in whole.accounts if not account.delegated],
    )


@pytest.mark.parametrize("ahead", [-HOUR, HOUR], ids=["slow", "fast"])
def test_machine_with_a_wrong_clock_subscribes_as_if_it_were_right(
    deployment: LoopbackDeployment, ahead: timedelta
) -> None:
    deployment.app.entries = BOTH
    assert deployment.app.run(_on_machine(deployment, ahead=ahead)) == {"created": 2}
    for row in deployment.rows():
        assert row.applied is not None
        assert abs(row.applied.renewed_at - deployment.clock.now()) < timedelta(minutes=1)
    # Nor does another machine see anything that is due.
    assert deployment.run() == {}
