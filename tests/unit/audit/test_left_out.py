"""What an audit leaves out, because it could lack a record for another reason: it says so."""

from dataclasses import replace
from typing import Any

import pytest

from shared.audit.audit import AuditState
from shared.gaps.gap import Gap, GapCause, GapState
from shared.subscriptions.deployment_status import Records
from shared.subscriptions.tracked import MissedInterval, TrackedSubscription
from tests.fakes.audit_fixture import AUDITED, BEGAN, AuditFixture, row_with, sent
from tests.fakes.subscription_values import HOUR, MINUTE, NOW
from tests.sender import CHAT, TENANT

_NOT_FILLED = "it has a gap that is not filled yet"


_FILLED = "a gap of it was filled within the last day"


_YOUNGER = "its subscription, or the records of what was published, are younger than the messages to check"


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (row_with(missed_interval=MissedInterval(since=NOW - HOUR)), _NOT_FILLED),
        (row_with(created_at=NOW - 5 * HOUR), _YOUNGER),
        (row_with(delegated=True), "the app does not read Graph as a signed-in user"),
        (
            row_with(resource=f"/chats/{CHAT}/messages?$search=x"),
            "the app cannot apply the subscription's query options to Graph's lists",
        ),
    ],
    ids=["gap", "young", "signed-in user", "query options"],
)
def test_what_cannot_be_compared_is_left_out_and_said(row: TrackedSubscription, reason: str) -> None:
    world = AuditFixture(row)
    world.run()
    assert (world.figures(), world.asked) == (f"lists=0 of=0 checked=0 missing=0 {reason}", [])
    assert world.audit().state is AuditState.NOT_CHECKED


@pytest.mark.parametrize(
    "row",
    [row_with(include_resource_data=False), row_with(is_wanted=False), row_with(resource="/teams")],
    ids=["no content", "not wanted", "no messages"],
)
def test_what_has_no_versions_is_not_audited(row: TrackedSubscription) -> None:
    world = AuditFixture(row)
    assert (world.run(), world.ended) == ({}, [])


def test_fetched_messages_are_audited() -> None:
    world = AuditFixture(row_with(include_resource_data=False, fetch=True))
    world.has("a", a=[sent(1)])
    world.run()
    assert world.figures() == "lists=1 of=1 checked=1 missing=1"


def _gap(**changes: Any) -> Gap:
    gap = Gap.of_subscription(AUDITED, GapCause.OUTAGE, NOW - 12 * HOUR, NOW - 11 * HOUR)
    assert gap is not None
    return replace(gap, **changes)


_RECOVERED: dict[str, Any] = {"state": GapState.RECOVERED}


@pytest.mark.parametrize(
    ("gap", "reason"),
    [
        (_gap(), _NOT_FILLED),
        (_gap(state=GapState.REFUSED), _NOT_FILLED),
        (_gap(**_RECOVERED, ended_at=NOW - 23 * HOUR), _FILLED),
        (_gap(**_RECOVERED, ended_at=NOW - 25 * HOUR), ""),
        (_gap(**_RECOVERED, ended_at=NOW - HOUR, cause=GapCause.AUDIT), ""),
        (_gap(subscription_key="another"), ""),
    ],
    ids=["open", "refused", "filled today", "filled before", "filled for an audit", "of another"],
)
def test_subscription_with_a_gap_of_the_day_is_left_out(gap: Gap, reason: str) -> None:
    world = AuditFixture()
    world.has("a")
    world.gaps.save(gap)
    world.run()
    assert (world.ended[0].reason or "") == reason


@pytest.mark.parametrize(
    ("moment", "is_left_out"),
    [(BEGAN - MINUTE, False), (BEGAN + MINUTE, True), (NOW - MINUTE, True)],
    ids=["before the window", "in it", "after it, late"],
)
def test_tenant_with_something_parked_from_the_window_is_left_out(moment: Any, *, is_left_out: bool) -> None:
    world = AuditFixture()
    world.has("a", a=[sent(1)])
    world.parked = [(TENANT, moment), ("another tenant", NOW - 9 * HOUR)]
    world.run()
    reason = "something that was received since its window began is still parked"
    assert world.ended[0].reason == (reason if is_left_out else None)


def test_something_parked_of_several_tenants_counts_for_each() -> None:
    world = AuditFixture(AUDITED, row_with(resource="/teams/getAllMessages"))
    world.parked = [("", NOW - HOUR)]
    world.run()
    assert [audit.state for audit in world.ended] == [AuditState.NOT_CHECKED] * 2
    assert world.listed == 1


def test_without_records_nothing_is_checked_and_the_line_says_so(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    world = AuditFixture()
    world.records = None
    world.run()
    assert "audit lists=0 of=0 checked=0 missing=0 " in caplog.text
    assert "DEDUPLICATE_FOR is 0" in caplog.text
    assert world.asked == []


def test_what_is_older_than_the_records_is_not_checked() -> None:
    world = AuditFixture()
    world.records = Records(since=NOW - 8 * HOUR, layout=1)
    world.has("a", a=[sent(1, created=NOW - 9 * HOUR), sent(2, created=NOW - 7 * HOUR)])
    world.run()
    assert [event.subject.rpartition("/")[2] for event in world.published] == ["2"]


def test_records_that_are_lost_meanwhile_end_an_audit() -> None:
    world = AuditFixture()
    world.has([f"u{number}" for number in range(400)])
    world.run()
    world.records = Records(since=world.clock.now(), layout=1)
    world.run()
    assert (world.ended[0].reason or "").startswith("the records of what was published begin at 2026-11-21T09:31:00Z")
