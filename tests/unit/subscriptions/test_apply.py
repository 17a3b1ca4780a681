"""One action at a time: what is recorded first, what Graph is asked, what is recorded then, and in which order."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.errors import Conflict, Misconfigured, Unavailable
from shared.subscriptions.delivery import AFTER_OUTAGE
from shared.subscriptions.tracked import Action, Activity, Delete, MissedInterval, TrackedSubscription, UpdateKind
from tests.fakes.apply_fixture import BASIC, EXPIRATION, ApplyFixture, creation
from tests.fakes.calls import raising, when
from tests.fakes.reconcile_fixture import certificate
from tests.fakes.subscription_values import HOUR, MINUTE, NOW, WANTED, failure
from tests.sender import STATE_KEY, TENANT

REFUSED = Misconfigured("Graph answered 403")


def test_a_creation_is_recorded_with_its_signing_key_before_graph_is_asked() -> None:
    account, seen = ApplyFixture(), list[TrackedSubscription]()
    account.calls.before = when("create", lambda: seen.append(account.row))
    account.apply(creation(gap=MissedInterval(since=NOW - HOUR)))
    assert account.calls.made == ["save", "create", "save"]
    assert (seen[0].applied, seen[0].client_state_key_id) == (None, STATE_KEY.key_id)
    assert seen[0].missed_interval == MissedInterval(since=NOW - HOUR)
    assert account.row.missed_interval == MissedInterval(since=NOW - HOUR, until=NOW + AFTER_OUTAGE)


def test_recreation_is_recorded_first_with_the_old_key_until_deletion() -> None:
    account, keys = ApplyFixture(), list[str | None]()
    former = account.table.save(replace(account.created(), client_state_key_id="k0"))
    account.table.activities[TENANT, "s0"] = Activity(removed_at=NOW)
    account.calls.before = lambda _call: keys.append(account.row.client_state_key_id)
    assert account.apply(replace(account.update(UpdateKind.RECREATE), tracked=former)) is None
    assert account.calls.made == ["save", "delete", "save", "create", "save", "forget"]
    assert keys[-4:] == ["k0", STATE_KEY.key_id, STATE_KEY.key_id, STATE_KEY.key_id]
    assert account.table.activities == {}


def test_a_deletion_is_recorded_first_and_its_row_is_removed_last() -> None:
    account = ApplyFixture()
    account.created()
    assert account.apply(account.deletion()) is None
    assert account.calls.made == ["save", "delete", "remove", "forget"]
    assert account.table.rows == {}


def test_a_row_without_a_subscription_is_just_removed() -> None:
    account = ApplyFixture()
    row = account.table.save(TrackedSubscription(desired=BASIC))
    account.calls.made.clear()
    assert account.apply(Delete(tracked=row, subscription=None)) is None
    assert account.calls.made == ["remove"]


def test_a_renewal_records_no_intent() -> None:
    account = ApplyFixture()
    account.created()
    assert account.apply(account.update()) is None
    assert account.calls.made == ["update", "save"]
    assert account.observed.expiration == EXPIRATION + HOUR


@pytest.mark.parametrize("kind", ["create", "recreate", "delete"])
def test_graph_is_not_asked_when_another_run_has_changed_the_row(kind: str) -> None:
    account = ApplyFixture()
    if kind == "create":
        action: Action = creation()
        account.table.save(TrackedSubscription(desired=BASIC))
    else:
        account.created()
        action = account.update(UpdateKind.RECREATE) if kind == "recreate" else account.deletion()
        account.table.save(account.row)
    account.calls.made.clear()
    with pytest.raises(Conflict):
        account.apply(action)
    assert account.calls.made == ["save"]


def test_a_failure_is_recorded_with_its_gap_and_cleared_by_a_success() -> None:
    account = ApplyFixture()
    account.graph.refused[BASIC.resource] = REFUSED
    action = creation(gap=MissedInterval(since=NOW - HOUR))
    assert account.apply(action) is REFUSED
    failed = account.row
    assert failed.failure is not None
    assert (failed.failure.count, failed.failure.retry_at) == (1, NOW + 4 * MINUTE)
    assert failed.missed_interval == MissedInterval(since=NOW - HOUR)
    account.clock.pass_by(HOUR)
    assert account.apply(replace(action, tracked=failed, missed_interval=MissedInterval(since=NOW))) is REFUSED
    again = account.row.failure
    assert again is not None
    assert again.count == 2
    account.graph.refused.clear()
    assert account.apply(replace(action, tracked=account.row, missed_interval=None)) is None
    assert account.row.failure is None
    assert account.row.missed_interval == MissedInterval(since=NOW - HOUR, until=NOW + HOUR + AFTER_OUTAGE)


def test_a_short_lived_one_with_a_refused_certificate_is_renewed_in_time() -> None:
    """A back-off of an hour would outlast a subscription to presence."""
    account = ApplyFixture()
    action = replace(creation(WANTED), expiration=NOW + 40 * MINUTE)
    assert account.apply(action, certificate=certificate()) is None
    account.graph.bad_certificates.add("c2")
    row = account.table.save(replace(account.row, failure=failure(retry_at=NOW, count=9)))
    rotation = replace(account.update(UpdateKind.ROTATE), tracked=row, expiration=NOW + 40 * MINUTE)
    assert isinstance(account.apply(rotation, certificate=certificate("c2")), Misconfigured)
    assert account.row.failure is not None
    assert account.row.failure.retry_at == NOW + 20 * MINUTE


@pytest.mark.parametrize(
    ("problem", "pause"),
    [
        (Unavailable("Graph answered 503"), 20 * MINUTE),
        (REFUSED, 20 * MINUTE),
        (Unavailable("Graph answered 429", retry_after=30 * MINUTE), HOUR),
    ],
)
def test_a_short_lived_one_is_tried_again_in_time_unless_graph_says_later(
    problem: Misconfigured | Unavailable, pause: timedelta
) -> None:
    account = ApplyFixture()
    assert account.apply(replace(creation(), expiration=NOW + 40 * MINUTE)) is None
    renewal = account.update()
    account.graph.refused[BASIC.resource] = problem
    row = account.table.save(replace(renewal.tracked, failure=failure(retry_at=NOW, count=9)))
    assert account.apply(replace(renewal, tracked=row)) is problem
    assert account.row.failure is not None
    assert account.row.failure.retry_at == NOW + pause


def test_failed_deletion_does_not_remove_the_row() -> None:
    account = ApplyFixture()
    account.created()
    deletion, busy = account.deletion(), Unavailable("Graph answered 503")
    account.calls.before = when("delete", raising(busy))
    assert account.apply(deletion) is busy
    assert account.row.failure is not None


def test_renewal_does_not_delete_the_activity() -> None:
    account = ApplyFixture()
    account.created()
    account.table.activities[TENANT, "s0"] = Activity(notification_at=NOW)
    account.apply(account.update())
    assert (TENANT, "s0") in account.table.activities


def test_a_substitute_that_fails_is_not_substituted_again() -> None:
    """Created after a 404, refused (409) because it does exist: the next run lists again."""
    account = ApplyFixture()
    account.created()
    renewal = account.update()
    gone = replace(renewal, subscription=replace(renewal.subscription, subscription_id="gone"))
    assert isinstance(account.apply(gone), Conflict)
    assert account.calls.made == ["update", "save", "save", "create", "save"]
    assert account.row.failure is not None
    assert account.row.living(account.clock.now()) is None
