"""How often Graph is asked for a page of a list, on a clock that whoever sleeps moves."""

from datetime import UTC, datetime, timedelta

from shared.pacing import Lists

# Source: https://learn.microsoft.com/graph/throttling-limits#subscription-service-limits
LIMIT, WINDOW = 25, timedelta(seconds=20)


class Clock:
    def __init__(self) -> None:
        self.at = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at

    def sleep_until(self, moment: datetime) -> None:
        assert moment >= self.at
        self.at = moment


def _asked(clock: Clock, lists: Lists, times: int) -> list[datetime]:
    moments = []
    for _ in range(times):
        lists.wait()
        moments.append(clock.now())
    return moments


def test_the_few_pages_of_most_apps_wait_for_nothing() -> None:
    clock = Clock()
    began = clock.now()
    assert set(_asked(clock, Lists(clock), 20)) == {began}


def test_the_pages_of_ten_thousand_subscriptions_stay_under_the_limit() -> None:
    clock = Clock()
    moments = _asked(clock, Lists(clock), 100)
    for first in moments:
        assert sum(first <= each < first + WINDOW for each in moments) < LIMIT
    assert moments[-1] - moments[0] == 4 * WINDOW


def test_who_has_waited_long_enough_waits_no_more() -> None:
    clock = Clock()
    lists = Lists(clock)
    _asked(clock, lists, 22)
    clock.at += WINDOW
    later = clock.at
    assert _asked(clock, lists, 22) == [later] * 22
