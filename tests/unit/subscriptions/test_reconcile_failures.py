"""What goes wrong in a run of the timer: recorded, put off, and never at the cost of the rest."""

import logging
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import Conflict, Misconfigured, NotFound, Problem, Unavailable
from shared.subscriptions.tracked import TrackedSubscription
from tests.fakes.calls import raising, when
from tests.fakes.reconcile_fixture import BASIC, RICH, ReconcileFixture, certificate
from tests.fakes.subscription_values import HOUR, MINUTE, NOW, URL
from tests.sender import TENANT

FORBIDDEN = Misconfigured("Graph answered 403: quota reached")
BUSY = Unavailable("Graph answered 503")


def _many(count: int) -> list[dict[str, str]]:
    return [{"resource": f"/teams/8ea0e38b-efb3-4757-924a-{n:012x}", "changeType": "updated"} for n in range(count)]


# --- One fails, the rest goes on


@pytest.mark.parametrize(
    "problem",
    [
        FORBIDDEN,
        Misconfigured("Graph answered 400: validation of the notification URL failed"),
        Misconfigured("Graph answered 401"),
        NotFound("Graph answered 404"),
        Conflict("Graph answered 409"),
        BUSY,
    ],
    ids=str,
)
def test_one_that_is_refused_never_stops_the_rest(caplog: pytest.LogCaptureFixture, problem: Problem) -> None:
    world = ReconcileFixture(RICH, BASIC)
    world.graph.refused["/chats/getAllMessages"] = problem
    with caplog.at_level(logging.ERROR):
        assert world.run() == {"created": 3, "failed": 1}
    assert caplog.messages == [f"tenant {TENANT}: create of /chats/getAllMessages failed: {problem}"]
    failure = world.row("/chats/getAllMessages").failure
    assert failure is not None
    assert (failure.text, failure.count) == (str(problem), 1)
    world.graph.refused.clear()
    assert world.run(6 * MINUTE) == {"created": 1}
    assert world.row("/chats/getAllMessages").failure is None
    world.assert_settled()


def test_permanent_refusal_is_retried_at_most_once_an_hour() -> None:
    world = ReconcileFixture(BASIC, tenants=[TENANT])
    world.graph.refused["/teams"] = FORBIDDEN
    attempts = []
    for _ in range(60):
        world.run()
        attempts.append(world.calls.made.count("create"))
        world.clock.pass_by(5 * MINUTE)
    # At the next run, after 10, 20 and 35 minutes, then every hour: not at each of 60 runs in five hours.
    assert attempts[:5] == [1, 2, 2, 3, 3]
    assert attempts[-1] == 8


def test_retry_after_pauses_the_row_and_the_rest_of_the_run() -> None:
    world = ReconcileFixture(*_many(40), tenants=[TENANT])
    world.graph.refused["/teams/8ea0e38b-efb3-4757-924a-000000000000"] = Unavailable(
        "Graph answered 429", retry_after=20 * MINUTE
    )
    done = world.run()
    # Those that were under way went on; nothing began after.
    assert 1 <= done["failed"] <= 8
    assert done["postponed"] >= 40 - 2 * 8
    failed = world.row("/teams/8ea0e38b-efb3-4757-924a-000000000000").failure
    assert failed is not None
    assert failed.retry_at >= NOW + 20 * MINUTE
    world.graph.refused.clear()
    assert world.run(25 * MINUTE) == {"created": done["postponed"] + done["failed"]}
    world.assert_settled()


def test_a_short_pause_that_graph_asks_for_is_waited_for() -> None:
    world = ReconcileFixture(*_many(40), tenants=[TENANT])
    world.graph.refused["/teams/8ea0e38b-efb3-4757-924a-000000000000"] = Unavailable(
        "Graph answered 429", retry_after=timedelta(seconds=90)
    )
    assert world.run() == {"created": 39, "failed": 1}
    assert world.clock.now() >= NOW + timedelta(seconds=90)


# --- One account fails, the others go on


def test_unreachable_tenant_backs_off_and_does_not_stop_the_other(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = ReconcileFixture(RICH, BASIC)
    world.graph.down = Misconfigured("Graph answered 401: consent was revoked")
    with caplog.at_level(logging.ERROR):
        assert world.run() == {"created": 2, "failed": 1}
    assert caplog.messages == [
        f"tenant {TENANT}: its subscriptions cannot be listed: Graph answered 401: consent was revoked"
    ]
    world.graph.down = None
    assert world.run() == {"postponed": 1}
    assert world.run(6 * MINUTE) == {"created": 2}
    assert world.run() == {}
    world.assert_settled()


def test_force_heeds_no_pause_of_an_account() -> None:
    world = ReconcileFixture(BASIC, tenants=[TENANT])
    world.graph.down = BUSY
    world.run()
    world.graph.down = None
    assert world.run(force=True) == {"created": 1}


def test_unavailable_table_stops_every_call_to_graph() -> None:
    world = ReconcileFixture(RICH, BASIC)
    world.table.down = Unavailable("the table does not answer")
    assert world.run() == {"failed": 2}
    assert set(world.calls.made) == {"load"}
    world.table.down = None
    assert world.run() == {"created": 4}


def test_creation_that_cannot_be_recorded_is_not_sent() -> None:
    world = ReconcileFixture(BASIC, tenants=[TENANT])
    world.calls.before = when("save", raising(Unavailable("the table does not answer")))
    world.run()
    assert "create" not in world.calls.made


# --- Certificates


def test_unavailable_key_vault_stops_only_what_needs_a_certificate() -> None:
    world = ReconcileFixture(RICH, BASIC)
    world.certificate = raising(Unavailable("Key Vault does not answer"))
    assert world.run() == {"created": 2, "failed": 2}
    world.certificate = certificate
    assert world.run(6 * MINUTE) == {"created": 2}
    world.certificate = raising(Unavailable("Key Vault does not answer"))
    assert world.run(31 * MINUTE) == {"renewed": 4}


def test_missing_certificate_settings_are_named_in_the_failure() -> None:
    world = ReconcileFixture(RICH, BASIC)
    world.certificate = None
    assert world.run() == {"created": 2, "failed": 2}
    failure = world.row("/chats/getAllMessages").failure
    assert failure is not None
    assert "KEY_VAULT_URL and ENCRYPTION_CERTIFICATE_NAME" in failure.text


@pytest.mark.slow
def test_a_certificate_that_graph_refuses_does_not_cost_the_subscription() -> None:
    world = ReconcileFixture(RICH, tenants=[TENANT])
    world.run()
    world.certificate = lambda: certificate("c2")
    world.graph.bad_certificates.add("c2")
    for _ in range(24 * 12):
        world.run(15 * MINUTE)
        assert list(world.graph.stored) == ["s0"]
    row = world.row("/chats/getAllMessages")
    assert row.failure is not None
    assert "certificate is invalid" in row.failure.text
    assert row.applied is not None
    assert row.applied.certificate_id == "c1"
    world.graph.bad_certificates.clear()
    assert world.run(HOUR) == {"rotated": 1}
    assert world.row("/chats/getAllMessages").failure is None


# --- What Graph's list did not show


def test_subscription_missing_at_renewal_is_recreated_with_a_gap() -> None:
    world = ReconcileFixture(BASIC, tenants=[TENANT])
    world.run()
    world.calls.after = when("list", world.graph.stored.clear)
    assert world.run(31 * MINUTE) == {"renewed": 1}
    row = world.row("/teams")
    assert row.applied is not None
    assert row.applied.subscription_id in world.graph.stored
    assert row.missed_interval is not None
    assert row.missed_interval.since <= NOW + MINUTE
    assert row.missed_interval.until is not None


@pytest.mark.parametrize("added_by", ["file", "cli"])
def test_conflicting_subscription_is_adopted_with_its_origin(added_by: str) -> None:
    world = ReconcileFixture(BASIC, tenants=[TENANT])
    world.run()
    desired = world.desired[0]
    world.table.rows.clear()
    if added_by == "cli":
        world.want()
        world.table.save(TrackedSubscription(desired=desired, added_by="cli"))
    world.graph.unlisted.add("s0")
    world.calls.before = when("create", world.graph.unlisted.clear)
    assert world.run() == {"created": 1}
    assert world.row("/teams").added_by == added_by
    assert world.run() == {}
    assert list(world.graph.stored) == ["s0"]


def test_what_exists_already_stays_a_failure_while_graph_cannot_list_it() -> None:
    world = ReconcileFixture(BASIC, tenants=[TENANT])
    world.run()
    world.table.rows.clear()
    world.graph.unlisted.add("s0")
    world.calls.before = when("create", lambda: setattr(world.graph, "down", BUSY))
    assert world.run() == {"failed": 1}
    world.graph.down = None
    world.graph.unlisted.clear()
    assert world.run(6 * MINUTE) == {"adopted": 1}
    world.assert_settled()


def test_what_another_deployment_watches_is_a_failure_and_is_left_to_it() -> None:
    world = ReconcileFixture(BASIC, tenants=[TENANT])
    world.run()
    world.table.rows.clear()
    world.graph.stored["s0"]["notificationUrl"] = "https://other.example/"
    assert world.run() == {"failed": 1}
    assert world.graph.stored["s0"]["notificationUrl"] == "https://other.example/"


# --- Gaps


@pytest.mark.slow
@settings(max_examples=40)
@given(st.lists(st.sampled_from(["pass", "lose", "refuse", "allow"]), max_size=12), st.integers(1, 29))
def test_a_gap_covers_all_the_time_in_which_nothing_was_subscribed(steps: list[str], minutes: int) -> None:
    world = ReconcileFixture(BASIC, tenants=[TENANT])
    world.run()
    lost_at = None
    for step in [*steps, "allow", "pass", "pass", "pass"]:
        world.clock.pass_by(minutes * MINUTE)
        if step == "lose":
            lost_at = lost_at or (world.clock.now() if world.graph.stored else None)
            world.graph.stored.clear()
        if step == "refuse":
            world.graph.refused["/teams"] = FORBIDDEN
        if step == "allow":
            world.graph.refused.clear()
        world.run(MINUTE)
    world.run(2 * HOUR)
    gap = world.row("/teams").missed_interval
    world.assert_settled()
    if lost_at is not None:
        assert gap is not None
        assert gap.since <= lost_at
        assert gap.until is not None


def test_a_slip_in_the_notification_url_costs_one_subscription_and_not_all() -> None:
    world = ReconcileFixture(*_many(5), tenants=[TENANT])
    world.run()
    world.url = "https://typo.example/api/ReceiveNotification"
    world.graph.refused |= dict.fromkeys(world.graph.resources(), Misconfigured("Graph answered 400: no handshake"))
    assert world.run(MINUTE) == {"failed": 1, "postponed": 4}
    assert len(world.graph.stored) == 4
    world.url = URL
    world.graph.refused.clear()
    assert world.run(5 * MINUTE) == {"created": 1}
    world.assert_settled()
