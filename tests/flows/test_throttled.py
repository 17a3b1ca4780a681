"""Graph asks to be left alone, or would, were it not for the pace.

Source: https://learn.microsoft.com/graph/throttling-limits#subscription-service-limits
"""

from dataclasses import replace
from datetime import timedelta
from functools import partial
from uuid import uuid4

import pytest

from sandbox.graph import Subscription
from sandbox.serving import Fault
from tests.flows.wishes import Entry, basic, messages_in
from tests.flows.world import World

pytestmark = pytest.mark.slow

# How many writes are under way at the same time, so that each may be refused before it knows of the others.
_AT_ONCE = 8
# Unpaced they take a few seconds, in which Graph would refuse all after the 500th.
_TOO_MANY = 520


def _chats(count: int) -> list[Entry]:
    return [basic(messages_in(("chats", f"19:{number:032x}@thread.v2"), "created")) for number in range(count)]


def _subscribed(world: World, entries: list[Entry]) -> None:
    """Have Graph hold a subscription for each entry, as if an app whose table was lost had made them."""
    world.subscribe_by_hand(resource="/chats/getAllMessages")
    [template] = world.subscriptions()
    world.do(lambda: world.graph.remove_subscription(template.id))
    for entry in entries:
        world.do(partial(world.graph.add_subscription, _alike(template, entry)))


def _alike(template: Subscription, entry: Entry) -> Subscription:
    resource = entry["resource"]
    return replace(template, id=str(uuid4()), resource=resource, key=resource.lower(), change_type=entry["changeType"])


def _refused(status: int, seconds: int, *, times: int | None = None) -> Fault:
    return Fault(method="PATCH", status=status, headers={"Retry-After": str(seconds)}, times=times)


@pytest.mark.parametrize("status", [429, 503])
def test_a_short_pause_that_graph_asks_for_is_kept_by_all_writes_and_the_run_goes_on(world: World, status: int) -> None:
    world.app.entries = _chats(20)
    _subscribed(world, world.app.entries)
    began = world.clock.now()
    with world.fault(world.graph_service, _refused(status, 20, times=_AT_ONCE)):
        assert world.run() == {"adopted": 20 - _AT_ONCE, "failed": _AT_ONCE}
    assert timedelta(seconds=20) <= world.clock.now() - began
    failures = [row.failure.text for row in world.rows() if row.failure]
    assert len([text for text in failures if f"Graph answered {status} to PATCH" in text]) == _AT_ONCE
    world.later(minutes=6)
    assert world.run() == {"adopted": _AT_ONCE}
    assert world.run() == {}


@pytest.mark.parametrize("status", [429, 503])
def test_a_pause_longer_than_a_run_ends_it_and_the_row_waits_for_as_long_as_graph_asked(
    world: World, status: int
) -> None:
    world.app.entries = _chats(20)
    _subscribed(world, world.app.entries)
    with world.fault(world.graph_service, _refused(status, 1200)):
        done = world.run()
    assert 1 <= done["failed"] == world.writes().count("PATCH") <= _AT_ONCE
    assert done["postponed"] == 20 - done["failed"]
    failures = [row.failure for row in world.rows() if row.failure]
    assert {failure.retry_at - failure.at for failure in failures} == {timedelta(seconds=1200)}
    world.later(minutes=5)
    assert world.run() == {"adopted": done["postponed"]}
    world.later(minutes=16)
    assert world.run() == {"adopted": done["failed"]}


def test_so_many_renewals_that_graph_would_refuse_are_paced_and_none_is_refused(world: World) -> None:
    """500 writes in 20 seconds is what Graph bears of an app in one tenant."""
    world.app.entries = _chats(_TOO_MANY)
    _subscribed(world, world.app.entries)
    began = world.clock.now()
    assert world.run() == {"adopted": _TOO_MANY}
    assert world.clock.now() - began >= timedelta(seconds=20)
    assert world.writes().count("PATCH") == _TOO_MANY
