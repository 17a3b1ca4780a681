"""The table does not say whether the URL has ever said yes: the endpoint is asked, and the run writes its line."""

import socket
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from shared.app.endpoint import EndpointWatch
from shared.errors import Misconfigured, Problem, Unavailable
from shared.graph.endpoint_probe import EndpointProbe
from tests.fakes.calls import raising
from tests.fakes.clocks import SettableClock
from tests.fakes.subscription_values import NOW
from tests.sender import TENANT

# Nobody listens there.
NOWHERE = "http://127.0.0.1:9/api/ReceiveNotification"


@pytest.mark.parametrize("problem", [Unavailable("no answer"), Misconfigured("no role")], ids=["silent", "refused"])
def test_endpoint_is_asked_although_the_table_does_not_answer(problem: Problem) -> None:
    with ThreadPoolExecutor(4) as pool:
        probe = EndpointProbe(
            url=NOWHERE, tenant_id=TENANT, sign=str, last_parked=bytes, pool=pool, clock=SettableClock()
        )
        watch = EndpointWatch(probe=probe, has_said_yes=raising(problem), clock=SettableClock())
        assert watch.facts() == {"endpoint": "no"}
        assert watch.answer().asked_at == NOW


def test_unanswered_call_is_open_while_the_past_is_unknown() -> None:
    """A call that gets no answer in time, as that of a URL that only Graph can reach."""
    with socket.create_server(("127.0.0.1", 0)) as silent, ThreadPoolExecutor(4) as pool:
        probe = EndpointProbe(
            url=f"http://127.0.0.1:{silent.getsockname()[1]}/",
            tenant_id=TENANT,
            sign=str,
            last_parked=bytes,
            pool=pool,
            clock=SettableClock(),
            answer_time=timedelta(seconds=0.2),
        )
        watch = EndpointWatch(probe=probe, has_said_yes=raising(Unavailable("no answer")), clock=SettableClock())
        assert watch.facts() == {"endpoint": "unknown"}
