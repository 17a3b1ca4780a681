"""When changes usually arrive: in how many runs of each hour a change had arrived, for a week.

So silence is told from a night or a weekend. What is counted is runs, not changes: the table knows when a subscription
was last heard of, and nobody counts what all instances receive.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

type HeardHours = Mapping[datetime, tuple[int, int]]
"""For the beginning of each hour: how many runs there were, and how many of them had heard of a change."""

_HOUR, _WEEK = timedelta(hours=1), timedelta(days=7)
# Of twelve: an hour with a deployment or an outage in it says little.
_LEAST_RUNS = 6


def with_run(hours: HeardHours, now: datetime, *, has_heard: bool) -> HeardHours:
    """Return the hours with a run at ``now`` counted, and without those of more than a week ago."""
    runs, heard = hours.get(_hour(now), (0, 0))
    kept = {hour: counts for hour, counts in hours.items() if hour >= _hour(now - _WEEK) - _HOUR}
    return kept | {_hour(now): (runs + 1, heard + has_heard)}


def expected_percent(hours: HeardHours, now: datetime) -> int | None:
    """Return the share of runs that had heard of a change a week ago, in the hour that ended then; None if unknown.

    Where that hour spans two of the clock, the quieter one counts: people may just have gone home.
    """
    week_ago = [hours.get(_hour(moment), (0, 0)) for moment in (now - _WEEK - _HOUR, now - _WEEK)]
    if any(runs < _LEAST_RUNS for runs, _ in week_ago):
        return None
    return min(100 * heard // runs for runs, heard in week_ago)


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)
