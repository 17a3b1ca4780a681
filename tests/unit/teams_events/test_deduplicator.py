"""The memory of handled events: what came within the window is a repetition, and nothing is remembered for longer."""

from datetime import UTC, datetime, timedelta

from teams_events import Deduplicator

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_event_is_new_until_it_was_handled() -> None:
    deduplicator = Deduplicator(HOUR)
    assert not deduplicator.is_repetition("a", now=NOW)
    assert not deduplicator.is_repetition("a", now=NOW)
    deduplicator.handled("a", now=NOW)
    assert deduplicator.is_repetition("a", now=NOW + HOUR)
    assert not deduplicator.is_repetition("b", now=NOW)


def test_event_is_new_again_after_the_window() -> None:
    deduplicator = Deduplicator(HOUR)
    deduplicator.handled("a", now=NOW)
    assert not deduplicator.is_repetition("a", now=NOW + HOUR + timedelta(microseconds=1))


def test_window_counts_from_the_last_time() -> None:
    deduplicator = Deduplicator(HOUR)
    for minutes in (0, 30, 60):
        deduplicator.handled("a", now=NOW + timedelta(minutes=minutes))
    assert deduplicator.is_repetition("a", now=NOW + 2 * HOUR)


def test_memory_holds_the_events_of_one_window() -> None:
    deduplicator = Deduplicator(HOUR)
    for minute in range(1000):
        deduplicator.handled(str(minute), now=NOW + timedelta(minutes=minute))
    assert len(deduplicator) == 61
    assert deduplicator.is_repetition("999", now=NOW + timedelta(minutes=999))
