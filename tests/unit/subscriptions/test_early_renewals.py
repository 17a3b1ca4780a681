"""What is due is renewed while Graph's list is still being read, and nothing else is done before it is there."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from shared.errors import Misconfigured, Problem, Unavailable
from shared.graph.subscription import GraphSubscription
from tests.eventually import eventually
from tests.fakes.calls import raising, when
from tests.fakes.graph_account import FakeGraphAccount
from tests.fakes.reconcile_fixture import BASIC, RICH, ReconcileFixture
from tests.fakes.subscription_values import MINUTE
from tests.sender import TENANT

DUE = 31 * MINUTE
NEW = {"resource": "/teams/8ea0e38b-efb3-4757-924a-5f94061cf8c2", "changeType": "updated"}


class PagedAccount(FakeGraphAccount):
    """Graph, whose last page comes once a subscription was renewed, if it does not break off there."""

    broken: Problem | None = None
    is_awaited = False
    made_before_the_end: Sequence[str] = ()

    def list_subscriptions(self) -> Iterator[GraphSubscription]:
        yield from super().list_subscriptions()
        if self.is_awaited:
            assert eventually(lambda: "update" in self._calls.made)
            self.made_before_the_end = list(self._calls.made)
        if self.broken is not None:
            raise self.broken


def _due(*entries: Mapping[str, Any]) -> tuple[ReconcileFixture, PagedAccount]:
    world = ReconcileFixture(*entries, tenants=[TENANT])
    account = PagedAccount(world.clock, world.calls)
    world.graphs[TENANT] = account
    world.run()
    world.calls.made.clear()
    return world, account


def test_due_subscriptions_are_renewed_before_the_list_ends() -> None:
    world, account = _due(BASIC, RICH)
    account.is_awaited = True
    world.want(BASIC, RICH, NEW)
    assert world.run(DUE) == {"renewed": 2, "created": 1}
    assert "update" in account.made_before_the_end
    assert "create" not in account.made_before_the_end
    assert world.calls.made.count("update") == 2
    world.assert_settled()


def test_list_that_breaks_off_creates_nothing_and_renews_once() -> None:
    world, account = _due(BASIC, RICH)
    account.is_awaited, account.broken = True, Unavailable("Graph answered 503")
    world.want(BASIC, RICH, NEW)
    assert world.run(DUE) == {"renewed": 2, "failed": 1}
    assert world.calls.made.count("update") == 2


def test_account_that_graph_refuses_is_not_asked_for_each_renewal() -> None:
    world, _ = _due(BASIC, RICH)
    world.calls.before = when("list", raising(Misconfigured("Graph answered 403: consent was withdrawn")))
    assert world.run(DUE) == {"failed": 1}
    assert "update" not in world.calls.made
    assert [row.failure for row in world.table.tracked()] == [None, None]


@pytest.mark.parametrize(("minutes", "counts"), [(1, {"renewed": 2}), (-1, {"postponed": 2})])
def test_run_renews_until_its_end(minutes: int, counts: dict[str, int]) -> None:
    world, _ = _due(BASIC, RICH)
    world.clock.pass_by(DUE)
    assert dict(world.reconciler().run(ends=world.clock.now() + minutes * MINUTE)) == counts


def test_account_that_waits_for_its_turn_has_no_more_time() -> None:
    world = ReconcileFixture(BASIC, tenants=[f"{number:08}-0000-0000-0000-000000000000" for number in range(5)])
    four = threading.Barrier(4, timeout=10)

    def take_time() -> None:
        world.clock.pass_by(3 * MINUTE)
        if world.calls.made.count("list") <= 4:
            four.wait()

    world.calls.before = when("list", take_time)
    assert world.run() == {"postponed": 5}
