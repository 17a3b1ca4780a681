"""Outages of the endpoint: what becomes a gap, and when the proof that the endpoint takes POSTs moves."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from shared.errors import Unavailable
from shared.gaps.gap import GapCause
from shared.gaps.gap_recorder import MissedChangesRecorder
from shared.notifications.probe import Verdict
from shared.subscriptions.delivery import AFTER_OUTAGE, EndpointAnswer
from shared.subscriptions.outages import Outages
from shared.subscriptions.tracked import AccountStatus, Activity, MissedInterval, TrackedSubscription
from tests.fakes.calls import Calls
from tests.fakes.gap_table import InMemoryGapTable
from tests.fakes.subscription_table import InMemorySubscriptionTable
from tests.fakes.subscription_values import HOUR, MINUTE, NOW, OBSERVED, RENEWED_AT, ROW, URL
from tests.sender import TENANT

PERIOD = 5 * MINUTE
DAY = timedelta(days=1)
OTHER = replace(
    ROW,
    desired=replace(ROW.desired, resource="/teams", include_resource_data=False),
    applied=replace(OBSERVED, subscription_id="other", include_resource_data=False, proven_at=NOW - 2 * DAY),
)
DEAD = replace(
    ROW,
    desired=replace(ROW.desired, resource="/chats", include_resource_data=False),
    applied=replace(OBSERVED, subscription_id="dead", proven_at=NOW - 30 * DAY, expiration=NOW - HOUR),
)


class OutageFixture:
    """One account with the rows ``tracked``, whose endpoint was proven at ``proven_at``."""

    def __init__(self, *tracked: TrackedSubscription, proven_at: datetime | None = NOW - 10 * MINUTE) -> None:
        self.calls, self.gaps = Calls(), InMemoryGapTable()
        self.table = InMemorySubscriptionTable(self.calls)
        for row in tracked:
            self.table.save(replace(row, etag=None))
        self.table.save(AccountStatus(tenant_id=TENANT, delegated=False, listed_at=NOW, endpoint_proven_at=proven_at))

    def record(self, verdict: Verdict = Verdict.YES, *, at: datetime = NOW) -> dict[str, int]:
        recorder = MissedChangesRecorder(gap_table=self.gaps)
        outages = Outages(tenant_ids=[TENANT], subscription_table=self.table, gap_recorder=recorder)
        return dict(outages.record(EndpointAnswer(url=URL, verdict=verdict, asked_at=at), PERIOD))

    def recorded(self) -> list[tuple[str, GapCause, datetime, datetime]]:
        gaps = sorted(self.gaps.rows.values(), key=lambda gap: (gap.subscription_id, gap.since))
        return [(gap.subscription_id, gap.cause, gap.since, gap.until) for gap in gaps]

    @property
    def proven_at(self) -> datetime | None:
        return self.table.load(TENANT).account(TENANT, delegated=False).endpoint_proven_at


@pytest.mark.parametrize(
    ("age", "is_outage"),
    [(5 * MINUTE, False), (7.5 * MINUTE, False), (7.5 * MINUTE + timedelta(seconds=1), True), (3 * HOUR, True)],
)
def test_endpoint_unproven_for_one_and_a_half_periods_was_down(age: timedelta, *, is_outage: bool) -> None:
    world = OutageFixture(ROW, proven_at=NOW - age)
    world.record()
    gap = (OBSERVED.subscription_id, GapCause.OUTAGE, NOW - age, NOW + AFTER_OUTAGE)
    assert world.recorded() == ([gap] if is_outage else [])
    assert world.proven_at == NOW


def test_outage_is_recorded_for_every_wanted_row_alive_or_not() -> None:
    new = TrackedSubscription(desired=replace(ROW.desired, resource="/chats/getAllChats", include_resource_data=False))
    unwanted = replace(DEAD, desired=replace(DEAD.desired, resource="/chats/getAllMembers"), is_wanted=False)
    world = OutageFixture(ROW, DEAD, new, unwanted)
    assert world.record() == {"outages": 2}
    assert [id_ for id_, *_ in world.recorded()] == [OBSERVED.subscription_id, "dead"]


@pytest.mark.parametrize("verdict", [Verdict.NO, Verdict.CANNOT_TELL])
def test_endpoint_that_does_not_say_yes_moves_no_proof(verdict: Verdict) -> None:
    world = OutageFixture(ROW, proven_at=NOW - HOUR)
    assert world.record(verdict) == {}
    assert (world.recorded(), world.proven_at) == ([], NOW - HOUR)


def test_first_proof_of_an_account_is_that_of_its_oldest_living_row() -> None:
    world = OutageFixture(ROW, OTHER, DEAD, proven_at=None)
    world.record()
    assert {since for _, _, since, _ in world.recorded()} == {NOW - 2 * DAY}
    assert OutageFixture(proven_at=None).record() == {}


def test_first_proof_reaches_back_three_days_at_most() -> None:
    assert OBSERVED.proven_at == RENEWED_AT
    world = OutageFixture(replace(ROW, applied=replace(OBSERVED, proven_at=NOW - 30 * DAY)), proven_at=None)
    world.record()
    assert {since for _, _, since, _ in world.recorded()} == {NOW - 3 * DAY}


def test_account_that_was_never_listed_has_no_proof() -> None:
    world = OutageFixture(ROW, proven_at=None)
    status = world.table.load(TENANT).account(TENANT, delegated=False)
    world.table.save(replace(status, listed_at=None))
    assert world.record() == {}
    assert world.proven_at is None


def test_outage_over_a_week_is_two_gaps_the_first_of_which_is_too_long_ago() -> None:
    world = OutageFixture(ROW, proven_at=NOW - 9 * DAY)
    assert world.record() == {"outages": 2}
    assert [(since, until) for _, _, since, until in world.recorded()] == [
        (NOW - 9 * DAY, NOW - 7 * DAY),
        (NOW - 7 * DAY, NOW + AFTER_OUTAGE),
    ]


def test_proof_does_not_move_before_the_gaps_are_recorded() -> None:
    world = OutageFixture(ROW)

    def fail() -> None:
        raise Unavailable("no answer")

    world.gaps.before_saving = fail
    assert world.record() == {"failed": 1}
    assert world.proven_at == NOW - 10 * MINUTE
    world.gaps.before_saving = lambda: None
    # The run after this one records a longer outage with the same beginning.
    world.record(at=NOW + PERIOD)
    assert [(since, until) for _, _, since, until in world.recorded()] == [
        (NOW - 10 * MINUTE, NOW + PERIOD + AFTER_OUTAGE)
    ]


def test_outage_recorded_twice_is_one_gap_with_the_later_end() -> None:
    world = OutageFixture(ROW, OTHER)
    world.record()
    status = world.table.load(TENANT).account(TENANT, delegated=False)
    # A run was killed before it moved the proof.
    world.table.save(replace(status, endpoint_proven_at=NOW - 10 * MINUTE))
    world.record(at=NOW + PERIOD)
    assert {(since, until) for _, _, since, until in world.recorded()} == {
        (NOW - 10 * MINUTE, NOW + PERIOD + AFTER_OUTAGE)
    }


def test_proof_never_goes_back() -> None:
    world = OutageFixture(ROW, proven_at=NOW)
    world.record(at=NOW - MINUTE)
    assert world.proven_at == NOW


def test_open_interval_is_recorded_day_by_day() -> None:
    """Row of the rules: a gap that is open for more than a day is read back, or reported, each day."""
    since = NOW - 2 * DAY - HOUR
    world = OutageFixture(replace(DEAD, missed_interval=MissedInterval(since=since)), proven_at=NOW)
    assert world.record(Verdict.NO) == {"parts": 2}
    assert world.recorded() == [
        ("dead", GapCause.REPLACED, since, since + DAY),
        ("dead", GapCause.REPLACED, since + DAY, since + 2 * DAY),
    ]
    [row] = world.table.tracked()
    assert row.missed_interval == MissedInterval(since=since + 2 * DAY)
    assert world.record(Verdict.NO) == {}


def test_interval_that_has_ended_is_left_to_the_next_step() -> None:
    ended = MissedInterval(since=NOW - 2 * DAY, until=NOW)
    world = OutageFixture(replace(DEAD, missed_interval=ended), proven_at=NOW)
    assert world.record(Verdict.NO) == {}
    assert world.table.tracked()[0].missed_interval == ended


def test_recent_notification_makes_no_count_as_cannot_tell() -> None:
    def verdict(answer: Verdict, *, last_at: datetime | None) -> Verdict:
        row = replace(ROW, activity=Activity(notification_at=last_at))
        return EndpointAnswer(url=URL, verdict=answer, asked_at=NOW).for_account([row])

    assert verdict(Verdict.NO, last_at=None) is Verdict.NO
    assert verdict(Verdict.NO, last_at=NOW - 10 * MINUTE) is Verdict.NO
    assert verdict(Verdict.NO, last_at=NOW - 9 * MINUTE) is Verdict.CANNOT_TELL
    assert verdict(Verdict.CANNOT_TELL, last_at=NOW) is Verdict.CANNOT_TELL
    assert verdict(Verdict.YES, last_at=None) is Verdict.YES
