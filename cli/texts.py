"""Times and texts as a person at a terminal reads them, and as scripts do."""

from datetime import datetime, timedelta
from itertools import pairwise

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def span(time: timedelta) -> str:
    """Return a length of time in the one or two units that matter, such as "2 d 23 h" or "12 min"; none is below 0."""
    seconds = max(0, int(time.total_seconds()))
    for (size, name), (smaller_size, smaller_name) in pairwise(_UNITS):
        if seconds >= size:
            rest = seconds % size // smaller_size
            # Beside minutes, seconds are noise.
            return f"{seconds // size} {name}{f' {rest} {smaller_name}' if rest and size > _UNITS[2][0] else ''}"
    return f"{seconds} s"


def ago(moment: datetime | None, now: datetime) -> str:
    """Return how long ago something happened; "never" if it did not."""
    return "never" if moment is None else f"{span(now - moment)} ago"


def iso(moment: datetime) -> str:
    """Return a time in UTC as ISO 8601 has it, to the second."""
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def iso_or_none(moment: datetime | None) -> str | None:
    """Return the same, or None for what has not happened."""
    return None if moment is None else iso(moment)


def printable(text: str) -> str:
    """Return ``text`` on one line, without what a terminal would obey: it may be what somebody has typed in Teams."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
