"""Times and texts as they are printed."""

from datetime import UTC, datetime, timedelta

import pytest

from cli.texts import ago, iso, iso_or_none, printable, span

MOMENT = datetime(2026, 11, 21, 12, 0, 1, 999_999, tzinfo=UTC)


@pytest.mark.parametrize(
    ("time", "text"),
    [
        (timedelta(seconds=-5), "0 s"),
        (timedelta(seconds=0.9), "0 s"),
        (timedelta(seconds=59), "59 s"),
        (timedelta(seconds=119), "1 min"),
        (timedelta(minutes=59), "59 min"),
        (timedelta(minutes=60), "1 h"),
        (timedelta(minutes=61), "1 h 1 min"),
        (timedelta(hours=24), "1 d"),
        (timedelta(hours=71, minutes=59), "2 d 23 h"),
    ],
)
def test_a_span_has_the_units_that_matter(time: timedelta, text: str) -> None:
    assert span(time) == text


def test_what_never_happened_is_told_so() -> None:
    assert ago(None, MOMENT) == "never"
    assert ago(MOMENT - timedelta(minutes=3), MOMENT) == "3 min ago"
    assert iso_or_none(None) is None


def test_scripts_get_utc_to_the_second() -> None:
    assert iso_or_none(MOMENT) == iso(MOMENT) == "2026-11-21T12:00:01Z"


@pytest.mark.parametrize("hostile", ["\x1b[2J", "\r", "\n", "\x07", "\x9b", "\u202e", "\ud800"])
def test_nothing_that_a_terminal_obeys_is_printed(hostile: str) -> None:
    told = printable(f"a{hostile}b")
    assert told.isprintable()
    assert told[0] + told[-1] == "ab"
