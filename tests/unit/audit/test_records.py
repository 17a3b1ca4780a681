"""Since when there are records: a marker in the table of each day says that nobody has lost it."""

from datetime import date, datetime, timedelta

import pytest

from shared.audit.records import LAYOUT, checked_records, readable_since
from shared.subscriptions.deployment_status import Records
from tests.fakes.subscription_values import HOUR, MINUTE, NOW

_DAY = timedelta(days=1)
_FRESH = Records(since=NOW + 15 * MINUTE, layout=LAYOUT)
_LONG = Records(since=NOW - 9 * _DAY, layout=LAYOUT)


class Markers:
    """The markers of some days, in memory."""

    def __init__(self, *days: date) -> None:
        self.days = set(days)

    def has_marker(self, day: date) -> bool:
        return day in self.days

    def write_marker(self, day: date) -> None:
        self.days.add(day)


def _days(*ago: int) -> Markers:
    return Markers(*(NOW.date() - timedelta(days=days) for days in ago))


def _checked(known: Records | None, markers: Markers, *, now: datetime = NOW, window: timedelta = 4 * HOUR) -> object:
    return checked_records(known, markers, deduplicate_for=window, now=now)


def test_first_run_begins_the_records_and_writes_two_markers() -> None:
    markers = Markers()
    assert _checked(None, markers) == _FRESH
    assert markers.days == {NOW.date(), NOW.date() + _DAY}


def test_whole_records_stay_as_they_are() -> None:
    assert _checked(_LONG, _days(0, 1, 2)) == _LONG
    assert _checked(Records(since=NOW - HOUR, layout=LAYOUT), _days(0)) == Records(since=NOW - HOUR, layout=LAYOUT)


@pytest.mark.parametrize("lost", [0, 1, 2], ids=["today", "yesterday", "the day before"])
def test_lost_table_begins_the_records_again(lost: int) -> None:
    assert _checked(_LONG, _days(*({0, 1, 2} - {lost}))) == _FRESH


def test_table_past_its_time_is_not_missed() -> None:
    # Of the day before yesterday, what counts was published after 5:30.
    assert _checked(_LONG, _days(0, 1, 2)) == _LONG
    assert _checked(_LONG, _days(0, 1), now=NOW.replace(hour=3)) != _LONG


def test_another_layout_begins_the_records_again() -> None:
    assert _checked(Records(since=NOW - 9 * _DAY, layout=LAYOUT + 1), _days(0, 1, 2)) == _FRESH


def test_without_look_ups_there_are_no_records() -> None:
    markers = Markers()
    assert _checked(_LONG, markers, window=timedelta()) is None
    assert markers.days == set()


def test_day_after_day_nothing_changes() -> None:
    markers = Markers()
    known = checked_records(None, markers, deduplicate_for=4 * HOUR, now=NOW)
    for hour in range(24 * 8):
        assert checked_records(known, markers, deduplicate_for=4 * HOUR, now=NOW + hour * HOUR) == known


def test_record_is_found_for_two_days_beyond_the_window() -> None:
    assert readable_since(_LONG, deduplicate_for=4 * HOUR, until=NOW) == NOW - 2 * _DAY - 4 * HOUR
    assert readable_since(_FRESH, deduplicate_for=4 * HOUR, until=NOW) == _FRESH.since
