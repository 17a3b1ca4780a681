"""Gaps are recorded once, and merged while nobody has begun to read them back."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from shared.gaps.gap import Gap, GapCause, GapState
from shared.gaps.gap_recorder import MissedChangesRecorder, merge_gaps
from shared.subscriptions.ports import MissedChanges
from shared.subscriptions.tracked import MissedCause, TrackedSubscription
from tests.fakes.catch_up_fixture import CatchUpFixture
from tests.fakes.gap_table import InMemoryGapTable
from tests.fakes.gap_values import GAP, SINCE
from tests.fakes.subscription_values import HOUR, MINUTE, NOW, ROW
from tests.sender import TENANT

FIRST = replace(GAP, since=SINCE, until=SINCE + 20 * MINUTE)


def _missed(since: datetime, until: datetime, row: TrackedSubscription = ROW) -> MissedChanges:
    return MissedChanges(tracked=row, since=since, until=until, cause=MissedCause.OUTAGE)


def _later(minutes: float, **changes: object) -> Gap:
    """Return a gap of 20 minutes that begins so many minutes after ``FIRST`` has ended."""
    since = FIRST.until + minutes * MINUTE
    return replace(FIRST, since=since, until=since + 20 * MINUTE, **changes)  # type: ignore[arg-type]  # any field


def _merged(*gaps: Gap) -> list[tuple[datetime, datetime]]:
    """Return what is left of these gaps, in the table and of the result alike."""
    table = InMemoryGapTable(*gaps)
    result = merge_gaps(table, {gap.key: gap for gap in table.load(TENANT)})
    assert {gap.key: gap for gap in table.load(TENANT)} == dict(result)
    return sorted((gap.since, gap.until) for gap in result.values())


# --- Recording


def test_thousands_of_gaps_are_recorded_by_the_hundred() -> None:
    table, saved = InMemoryGapTable(), list[int]()
    table.before_saving = lambda: saved.append(1)
    rows = [replace(ROW, desired=replace(ROW.desired, resource=f"/chats/{n}/messages")) for n in range(250)]
    MissedChangesRecorder(gap_table=table).record_gaps(TENANT, [_missed(SINCE, NOW, row) for row in rows])
    assert len(table.rows) == len(saved) == 250


def test_gap_recorded_again_lasts_until_the_later_end() -> None:
    table = InMemoryGapTable()
    recorder = MissedChangesRecorder(gap_table=table)
    other = replace(ROW, desired=replace(ROW.desired, resource="/teams"))
    for until in (NOW, NOW + HOUR, NOW + MINUTE):
        recorder.record_gaps(TENANT, [_missed(SINCE, until), _missed(NOW, NOW + MINUTE, other)])
    assert sorted(gap.until for gap in table.load(TENANT)) == [NOW + MINUTE, NOW + HOUR]


def test_row_that_never_had_a_subscription_has_no_gap() -> None:
    table = InMemoryGapTable()
    MissedChangesRecorder(gap_table=table).record_gaps(TENANT, [_missed(SINCE, NOW, replace(ROW, applied=None))])
    assert table.rows == {}


# --- Merging


@pytest.mark.parametrize(("minutes", "are_merged"), [(-5, True), (0, True), (15, True), (15.1, False)])
def test_gaps_that_nearly_touch_are_merged(minutes: float, *, are_merged: bool) -> None:
    later = _later(minutes, cause=GapCause.REPLACED)
    assert _merged(FIRST, later) == (
        [(FIRST.since, later.until)] if are_merged else [(FIRST.since, FIRST.until), (later.since, later.until)]
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"begun_at": NOW},
        {"state": GapState.REFUSED},
        {"state": GapState.RECOVERED},
        {"cause": GapCause.MISSED},
        {"cause": GapCause.REQUESTED},
        {"subscription_key": "f" * 32},
        {"change_types": frozenset({"deleted"})},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_gap_that_is_being_read_or_of_another_kind_stays_as_it_is(changes: dict[str, object]) -> None:
    assert len(_merged(FIRST, _later(0, **changes))) == 2
    assert len(_merged(replace(FIRST, **changes), _later(0))) == 2  # type: ignore[arg-type]  # any field


def test_chain_of_gaps_is_one_and_a_contained_one_does_not_shorten_it() -> None:
    inner = replace(FIRST, since=SINCE + MINUTE, until=SINCE + 2 * MINUTE)
    assert _merged(FIRST, inner, _later(10)) == [(SINCE, _later(10).until)]


def test_merged_gap_begins_within_an_hour_so_that_its_backfill_begins() -> None:
    later = [_later(-20 + minutes) for minutes in range(10, 130, 10)]
    assert [since - SINCE for since, _ in _merged(FIRST, *later)] == [0 * MINUTE, HOUR, 2 * HOUR]


@pytest.mark.slow
def test_flapping_endpoint_of_two_days_ends_every_gap() -> None:
    """Row: the endpoint flaps every ten minutes for two days; law 5."""
    world = CatchUpFixture()
    world.has("a")
    recorder = MissedChangesRecorder(gap_table=world.gaps)
    row = replace(ROW, desired=replace(ROW.desired, resource=GAP.resource, change_types=GAP.change_types))
    proven_at, backfills = world.clock.now(), 0
    for number in range(2 * 24 * 12):
        world.clock.pass_by(5 * MINUTE)
        if number % 2:
            recorder.record_gaps(TENANT, [_missed(proven_at, world.clock.now() + 20 * MINUTE, row)])
            proven_at = world.clock.now()
        backfills += world.run()["recovered"]
        assert len([gap for gap in world.gaps.rows.values() if gap.state is GapState.OPEN]) <= 3
    # One backfill an hour, and the last ones after the endpoint has come to rest.
    assert 40 <= backfills <= 50
    for _ in range(30):
        world.clock.pass_by(5 * MINUTE)
        world.run()
    assert {gap.state for gap in world.gaps.rows.values()} == {GapState.RECOVERED}


def test_part_of_an_outage_from_over_a_week_ago_is_reported_without_a_call() -> None:
    week = timedelta(days=7)
    world = CatchUpFixture(replace(GAP, since=NOW - 2 * week, until=NOW - week))
    assert world.run() == {"unrecoverable": 1}
    assert world.asked == []
    assert "gaps add" in str(world.gap().reason)
