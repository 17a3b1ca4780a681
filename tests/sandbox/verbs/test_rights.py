"""What an administrator takes from the app shows in what Graph refuses it, and in what it misses meanwhile."""

import pytest

from tests.eventually import eventually
from tests.sandbox.verbs.running_sandbox import RunningSandbox

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("rights"), pytest.mark.timeout(300)]


def test_app_without_consent_or_permissions_is_refused(sandbox: RunningSandbox) -> None:
    """One scene: what waits longer after each refusal would spoil the next one in another order."""
    _take_consent_for_a_while(sandbox)
    _take_permissions(sandbox)


def _take_consent_for_a_while(sandbox: RunningSandbox) -> None:
    before = sum(sandbox.stored("gaps").values())
    sandbox.say("break", "consent")
    assert sandbox.look()["graph"]["subscriptions"] == []
    sandbox.say("mend", "consent")
    sandbox.say("renew")
    # Of those whose removal Graph reports; the others are missed when they are due.
    assert sandbox.look()["graph"]["subscriptions"]
    assert sum(sandbox.stored("gaps").values()) > before


def _take_permissions(sandbox: RunningSandbox) -> None:
    sandbox.say("break", "permission")
    sandbox.say("break", "app")
    sandbox.say("mend", "app")
    sandbox.say("trigger", "SubscriptionRemoved")

    def refused_after_a_run() -> bool:
        sandbox.say("renew")
        return any("403" in failure for failure in sandbox.stored("failures"))

    assert eventually(refused_after_a_run, seconds=30)
    sandbox.say("mend", "permission")
    assert sandbox.look()["broken"] == []
