"""Times and texts, formatted for people and for scripts."""

from datetime import datetime, timedelta
from itertools import pairwise

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def span(time: timedelta) -> str:
    """Return a duration in its one or two largest units, such as "2 d 23 h" or "12 min"; at least "0 s"."""
    seconds = max(0, int(time.total_seconds()))
    for (size, name), (smaller_size, smaller_name) in pairwise(_UNITS):
        if seconds >= size:
            rest = seconds % size // smaller_size
            # From one minute on, leave the seconds out.
            return f"{seconds // size} {name}{f' {rest} {smaller_name}' if rest and size > _UNITS[2][0] else ''}"
    return f"{seconds} s"


def ago(moment: datetime | None, now: datetime) -> str:
    """Return how long ago ``moment`` was; "never" if it is None."""
    return "never" if moment is None else f"{span(now - moment)} ago"


def iso(moment: datetime) -> str:
    """Return a time in UTC in ISO 8601 format, to the second."""
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def iso_or_none(moment: datetime | None) -> str | None:
    """Return ``moment`` in ISO 8601 format, or None."""
    return None if moment is None else iso(moment)


def printable(text: str) -> str:
    """Return ``text`` on one line without control characters: text typed in Teams must not control the terminal."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
