"""A run of the timer that has too little time, or that another run overtakes."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from shared.errors import Misconfigured, Unavailable
from shared.subscriptions.tracked import AccountStatus
from tests.fakes.calls import when
from tests.fakes.reconcile_fixture import BASIC, RICH, ReconcileFixture
from tests.fakes.subscription_values import HOUR, MINUTE, NOW
from tests.sender import TENANT

FORBIDDEN = Misconfigured("Graph answered 403: quota reached")
BUSY = Unavailable("Graph answered 503")


def _many(count: int) -> list[dict[str, str]]:
    return [{"resource": f"/teams/8ea0e38b-efb3-4757-924a-{n:012x}", "changeType": "updated"} for n in range(count)]


# --- Time


def test_what_there_is_no_time_for_is_left_to_the_next_run() -> None:
    world = ReconcileFixture(*_many(60), tenants=[TENANT])
    world.calls.before = when("create", lambda: world.clock.pass_by(timedelta(seconds=40)))
    first = world.run()
    assert first["created"] + first["postponed"] == 60
    assert 12 <= first["created"] <= 12 + 8
    world.calls.before = lambda _call: None
    assert world.run() == {"created": first["postponed"]}
    world.assert_settled()


def test_once_its_time_is_over_a_run_begins_nothing() -> None:
    world = ReconcileFixture(*_many(6), tenants=[TENANT])
    world.calls.before = when("list", lambda: world.clock.pass_by(timedelta(minutes=8, seconds=1)))
    assert world.run() == {"postponed": 6}
    assert "create" not in world.calls.made


def test_loss_postponed_for_lack_of_time_is_dated_before_it() -> None:
    world = ReconcileFixture(*_many(60), tenants=[TENANT])
    world.run()
    renewed_at = world.clock.now()
    world.graph.stored.clear()
    world.calls.before = when("create", lambda: world.clock.pass_by(timedelta(seconds=40)))
    assert world.run(31 * MINUTE)["postponed"] > 0
    world.calls.before = lambda _call: None
    world.run()
    assert all(
        row.missed_interval is not None and row.missed_interval.since <= renewed_at for row in world.table.tracked()
    )


@pytest.mark.slow
def test_writes_of_a_run_respect_graphs_rate_limit() -> None:
    world = ReconcileFixture(*_many(200), tenants=[TENANT])
    world.run()
    assert world.clock.now() >= NOW + timedelta(seconds=20) * 199 / 500


def test_loss_during_a_back_off_is_dated_before_it() -> None:
    world = ReconcileFixture(BASIC, tenants=[TENANT])
    world.run()
    world.graph.refused["/teams"] = FORBIDDEN
    for _ in range(3):
        world.run(31 * MINUTE)
    lost_at = world.clock.now()
    world.graph.stored.clear()
    assert world.run(MINUTE) == {}
    world.graph.refused.clear()
    assert world.run(HOUR) == {"renewed": 1}
    gap = world.row("/teams").missed_interval
    assert gap is not None
    assert gap.since <= lost_at


# --- Two runs at once


def test_of_two_runs_at_once_one_does_it() -> None:
    world = ReconcileFixture(RICH, BASIC, *_many(20))
    together = threading.Barrier(4, timeout=10)
    # Two tenants, loaded by two runs: all meet there, and then both runs have everything to create.
    world.calls.after = when("load", together.wait)
    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(lambda _: world.run(), range(2))
    assert one.get("created", 0) + other.get("created", 0) == 44
    # The other one leaves the rows alone, and does not even ask.
    assert world.calls.made.count("create") == 44
    world.calls.after = lambda _call: None
    assert world.run() == {}
    world.assert_settled()


def test_run_overtaken_after_its_list_leaves_the_rows_alone() -> None:
    world = ReconcileFixture(BASIC, tenants=[TENANT])
    overtaken: list[str] = []

    def overtake(call: str) -> None:
        if call == "list" and not overtaken:
            overtaken.append(call)
            assert world.run() == {"created": 1}

    world.calls.after = overtake
    assert world.run() == {"left to another run": 1}
    assert world.run() == {}
    world.assert_settled()
    assert [type(row) for row in world.table.rows.values()].count(AccountStatus) == 1
