"""When changes usually arrive, by the hours of a week."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.subscriptions.heard import HeardHours, expected_percent, with_run

NINE = datetime(2026, 11, 20, 9, tzinfo=UTC)
HOUR, WEEK = timedelta(hours=1), timedelta(days=7)
BUSY, QUIET, UNKNOWN = (12, 12), (12, 3), (5, 5)


def _runs(hours: HeardHours, *, every: timedelta, until: datetime) -> HeardHours:
    now = NINE
    while now < until:
        hours = with_run(hours, now, has_heard=now.hour < 17)
        now += every
    return hours


def test_runs_and_those_that_heard_are_counted_in_their_hour() -> None:
    hours = with_run({}, NINE + timedelta(minutes=3), has_heard=True)
    hours = with_run(hours, NINE + timedelta(minutes=58), has_heard=False)
    assert with_run(hours, NINE + HOUR, has_heard=True) == {NINE: (2, 1), NINE + HOUR: (1, 1)}


@pytest.mark.slow
def test_hours_of_more_than_a_week_ago_are_forgotten() -> None:
    hours = _runs({}, every=timedelta(minutes=5), until=NINE + 3 * WEEK)
    assert len(hours) == 7 * 24 + 2


@pytest.mark.parametrize(
    ("first", "second", "percent"),
    [
        pytest.param(BUSY, BUSY, 100, id="busy"),
        pytest.param(BUSY, QUIET, 25, id="people-went-home"),
        pytest.param(QUIET, BUSY, 25, id="people-came"),
        pytest.param(UNKNOWN, BUSY, None, id="too-few-runs-before"),
        pytest.param(BUSY, UNKNOWN, None, id="too-few-runs-after"),
    ],
)
def test_quieter_hour_of_a_week_ago_tells_what_to_expect(
    first: tuple[int, int], second: tuple[int, int], percent: int | None
) -> None:
    now = NINE + WEEK + HOUR + timedelta(minutes=20)
    assert expected_percent({NINE: first, NINE + HOUR: second}, now) == percent


def test_first_week_expects_nothing() -> None:
    hours = _runs({}, every=timedelta(minutes=5), until=NINE + timedelta(days=6))
    assert expected_percent(hours, NINE + timedelta(days=6)) is None


def test_second_week_expects_changes_by_day_and_none_by_night() -> None:
    hours = _runs({}, every=timedelta(minutes=5), until=NINE + WEEK + 3 * HOUR)
    assert expected_percent(hours, NINE + WEEK + 3 * HOUR) == 100
    assert expected_percent(hours, NINE + WEEK + 12 * HOUR) == 0
