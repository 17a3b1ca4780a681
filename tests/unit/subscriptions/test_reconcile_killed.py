"""A run that is cut short anywhere: the next one settles, nothing is subscribed twice and nothing forgotten."""

import threading
from collections.abc import Callable

import pytest

from tests.fakes.calls import Killed
from tests.fakes.reconcile_fixture import BASIC, RICH, ReconcileFixture, certificate
from tests.fakes.subscription_values import MINUTE
from tests.sender import PREVIOUS_STATE_KEY, STATE_KEY, TENANT

CHATS = {"resource": "/chats", "changeType": "created"}


def _to_create() -> ReconcileFixture:
    return ReconcileFixture(RICH, BASIC, tenants=[TENANT])


def _to_renew() -> ReconcileFixture:
    world = _to_create()
    world.run()
    world.clock.pass_by(31 * MINUTE)
    return world


def _to_rotate() -> ReconcileFixture:
    world = _to_create()
    world.run()
    world.certificate = lambda: certificate("c2")
    return world


def _to_recreate() -> ReconcileFixture:
    world = _to_create()
    world.key = PREVIOUS_STATE_KEY
    world.run()
    world.key = STATE_KEY
    return world


def _to_delete() -> ReconcileFixture:
    world = ReconcileFixture(RICH, BASIC, CHATS, tenants=[TENANT])
    world.run()
    world.want(CHATS)
    return world


def _to_replace() -> ReconcileFixture:
    world = _to_create()
    world.run()
    world.want(RICH, BASIC | {"changeType": "created,updated"})
    return world


def _to_adopt() -> ReconcileFixture:
    world = _to_create()
    world.run()
    world.table.rows.clear()
    return world


def _to_restore() -> ReconcileFixture:
    world = _to_create()
    world.run()
    world.graph.stored.clear()
    world.clock.pass_by(31 * MINUTE)
    return world


class Death:
    """Ends the process at one of its calls to the outside: before the call takes effect, or before its answer comes."""

    def __init__(self, world: ReconcileFixture, at_call: int, *, answer_lost: bool) -> None:
        self._left = at_call
        self._dead = False
        self._lock = threading.Lock()
        world.calls.before = self._gone if answer_lost else self._dies
        world.calls.after = self._dies if answer_lost else lambda _call: None

    @property
    def came(self) -> bool:
        return self._dead

    def _dies(self, _call: str) -> None:
        with self._lock:
            self._left -= 1
            self._dead = self._dead or self._left < 0
        self._gone(_call)

    def _gone(self, _call: str) -> None:
        if self._dead:
            raise Killed


@pytest.mark.slow
@pytest.mark.parametrize("answer_lost", [False, True], ids=["before the call", "before its answer"])
@pytest.mark.parametrize(
    "world_with_work",
    [_to_create, _to_renew, _to_rotate, _to_recreate, _to_delete, _to_replace, _to_adopt, _to_restore],
)
def test_run_killed_at_any_call_settles_at_the_next_one(
    world_with_work: Callable[[], ReconcileFixture], *, answer_lost: bool
) -> None:
    for at_call in range(60):
        world = world_with_work()
        death = Death(world, at_call, answer_lost=answer_lost)
        try:
            world.run()
        except Killed:
            assert death.came
        world.calls.before = world.calls.after = lambda _call: None
        world.run(MINUTE)
        world.assert_settled()
        assert world.run() == {}
        if not death.came:
            return
    raise AssertionError("the run makes more calls than that")


def test_repeatedly_killed_run_settles() -> None:
    world = ReconcileFixture(RICH, BASIC, CHATS, tenants=[TENANT])
    for at_call in range(1, 40):
        death = Death(world, at_call, answer_lost=True)
        try:
            world.run(MINUTE)
        except Killed:
            continue
        assert not death.came
        break
    world.assert_settled()


@pytest.mark.parametrize("answer_lost", [False, True])
def test_killed_run_does_not_lose_the_gap(*, answer_lost: bool) -> None:
    for at_call in range(12):
        world = ReconcileFixture(BASIC, tenants=[TENANT])
        world.run()
        lost_at = world.clock.now()
        world.graph.stored.clear()
        world.clock.pass_by(31 * MINUTE)
        death = Death(world, at_call, answer_lost=answer_lost)
        try:
            world.run()
        except Killed:
            assert death.came
        world.calls.before = world.calls.after = lambda _call: None
        world.run(5 * MINUTE)
        gap = world.row("/teams").missed_interval
        assert gap is not None
        assert gap.since <= lost_at
        assert gap.until is not None
