"""Outages of the endpoint and of the timer, each followed by a change: every message arrives, live or recovered.

Rows: down for 20 minutes, 3, 6 and 23 hours, each then followed by something; the endpoint is unreachable for hours
while the timer runs; the timer is down while the endpoint runs; handshakes are answered while POSTs are not.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from sandbox.serving import Fault
from sandbox.teams import Path
from shared.app.endpoint import outages
from shared.notifications.probe import Verdict
from shared.subscriptions.delivery import EndpointAnswer
from tests.flows.catch_up_steps import run_catch_up
from tests.flows.deployment import LoopbackDeployment
from tests.flows.entries import messages_in

pytestmark = pytest.mark.slow

PERIOD = timedelta(minutes=5)
# Where nothing but what is left to do is waited for, a third of the runs does.
SELDOM = 3 * PERIOD
UNREACHABLE = Fault(drop=True)
NO_POSTS = Fault(path="/api/ReceiveNotification$", status=503)


def _timer(deployment: LoopbackDeployment, *, verdict: Verdict = Verdict.YES, period: timedelta = PERIOD) -> None:
    """Run the steps of the timer; the endpoint's verdict is that of a call, which the test knows beforehand."""
    app = deployment.app
    answer = EndpointAnswer(url=app.settings.notification_url, verdict=verdict, asked_at=app.time.now())
    app.run(replace(app.reconciler(), endpoint=lambda: answer))
    outages(app.clients).record(answer, period)
    deployment.settle()
    run_catch_up(deployment)


def _timers(
    deployment: LoopbackDeployment, hours: float, *, verdict: Verdict = Verdict.YES, period: timedelta = PERIOD
) -> Iterator[int]:
    """Run the timer every ``period`` for so many hours; yield before each run."""
    for number in range(int(timedelta(hours=hours) / period)):
        deployment.later(minutes=period / timedelta(minutes=1))
        yield number
        _timer(deployment, verdict=verdict, period=period)


def _begin(deployment: LoopbackDeployment) -> Path:
    """Return a chat that is watched, and whose messages have arrived for a while."""
    chat = deployment.new_chat()
    deployment.app.entries = [messages_in(chat, "created,updated,deleted")]
    _timer(deployment)
    for _ in _timers(deployment, 0.25):
        deployment.send("before", chat=chat)
    return chat


def _write(deployment: LoopbackDeployment, chat: Path, hours: float) -> set[str]:
    """Let so many hours pass without a run of the timer; return the messages that were written meanwhile."""
    texts = set[str]()
    for number in range(4):
        deployment.later(hours=hours / 5)
        text = f"message {number} in the outage"
        deployment.send(text, chat=chat)
        texts.add(text)
    deployment.later(hours=hours / 5)
    return texts


def _assert_arrived(deployment: LoopbackDeployment, texts: set[str]) -> None:
    assert texts - set(deployment.texts()) == set()
    assert "SubscriptionGap" not in deployment.event_types()


def _nothing(_deployment: LoopbackDeployment, _chat: Path) -> None:
    """Change nothing."""


def _move(deployment: LoopbackDeployment, _chat: Path) -> None:
    deployment.app.environ["NOTIFICATION_URL"] += "/moved"


def _rotate(deployment: LoopbackDeployment, _chat: Path) -> None:
    deployment.app.rotate_state_key()


def _switch_resource_data(deployment: LoopbackDeployment, _chat: Path) -> None:
    [entry] = deployment.app.entries
    deployment.app.entries = [{**entry, "includeResourceData": not entry.get("includeResourceData", False)}]


def _edit_change_type(deployment: LoopbackDeployment, chat: Path) -> None:
    deployment.app.entries = [messages_in(chat, "created,updated")]


def _lose_table(deployment: LoopbackDeployment, _chat: Path) -> None:
    deployment.app.lose_table()


FOLLOWED_BY = {
    "nothing": _nothing,
    "URL changed": _move,
    "key rotated": _rotate,
    "resource data switched": _switch_resource_data,
    "changeType edited": _edit_change_type,
    "table lost": _lose_table,
}


@pytest.mark.parametrize("hours", [1 / 3, 3, 6, 23], ids=["20 minutes", "3 hours", "6 hours", "23 hours"])
@pytest.mark.parametrize("change", FOLLOWED_BY.values(), ids=FOLLOWED_BY)
def test_messages_of_an_outage_arrive_whatever_follows_it(
    deployment: LoopbackDeployment, change: Callable[[LoopbackDeployment, Path], None], hours: float
) -> None:
    chat = _begin(deployment)
    with deployment.fault(deployment.endpoint_service, UNREACHABLE):
        texts = _write(deployment, chat, hours)
    change(deployment, chat)
    _timer(deployment)
    deployment.send("after", chat=chat)
    for _ in _timers(deployment, 1.25, period=SELDOM):
        pass
    _assert_arrived(deployment, texts)


@pytest.mark.parametrize("fault", [UNREACHABLE, NO_POSTS], ids=["unreachable", "handshakes only"])
def test_messages_of_an_outage_arrive_though_the_timer_ran_all_the_time(
    deployment: LoopbackDeployment, fault: Fault
) -> None:
    chat, texts = _begin(deployment), set[str]()
    with deployment.fault(deployment.endpoint_service, fault):
        for number in _timers(deployment, 2, verdict=Verdict.NO):
            if number % 6 == 0:
                texts.add(f"half hour {number // 6}")
                deployment.send(f"half hour {number // 6}", chat=chat)
    for _ in _timers(deployment, 1.25, period=SELDOM):
        pass
    _assert_arrived(deployment, texts)


@pytest.mark.parametrize("hours", [2, 9])
def test_messages_arrive_that_came_while_only_the_timer_was_down(deployment: LoopbackDeployment, hours: float) -> None:
    chat = _begin(deployment)
    texts = _write(deployment, chat, hours)
    for _ in _timers(deployment, 1.25, period=SELDOM):
        pass
    _assert_arrived(deployment, texts)


@pytest.mark.parametrize("verdict", [Verdict.YES, Verdict.NO])
def test_outage_that_the_app_cannot_see_is_not_recorded(deployment: LoopbackDeployment, verdict: Verdict) -> None:
    """One failed call of the app's own URL: what moves no proof in one run is covered by the next."""
    chat = _begin(deployment)
    deployment.later(minutes=2)
    _timer(deployment, verdict=verdict)
    deployment.send("meanwhile", chat=chat)
    for _ in _timers(deployment, 0.5):
        pass
    causes = [gap.cause for gap in deployment.app.clients.gap_table().load(deployment.tenant_id)]
    assert "outage" not in causes
    _assert_arrived(deployment, {"meanwhile"})
