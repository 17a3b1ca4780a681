"""What has been published under one key, and which of some events that leaves to be published.

Source: https://learn.microsoft.com/graph/change-notifications-delivery-webhooks (a notification may come twice)
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from shared.events import CloudEvent, recurrence_id, resource_id

# What is noted of one resource; more of it within hours is hardly a person's doing.
MAX_NOTES = 200
# Stands among notes where there may be others that nobody has read, or kept.
PERHAPS_OTHERS = ""

_SHORT = 8
# For so long after a subscription was made, in seconds, what arrives may be of a change from before it was.
# Source: https://learn.microsoft.com/graph/change-notifications-delivery-webhooks (Graph tries for 4 hours)
_MAY_BE_FROM_BEFORE = 4 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Marker:
    """Notes of what was published under ``key``, and when the last was made; ``etag`` is None in a new row.

    Notes are only ever added, and their order means nothing for what Graph has told: whoever knows some of them adds
    them to those of others.
    """

    key: str
    notes: tuple[str, ...]
    at: datetime
    etag: str | None = None

    def with_notes(self, notes: Iterable[str], at: datetime) -> "Marker":
        """Return the marker with ``notes`` added; with the older half forgotten if they have become too many."""
        added = tuple(dict.fromkeys((*self.notes, *notes)))
        if len(added) > MAX_NOTES:
            newest = sorted(added, key=_told_at)[-MAX_NOTES // 2 :]
            added = tuple(dict.fromkeys((PERHAPS_OTHERS, *newest)))
        return replace(self, notes=added, at=max(self.at, at))


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What is to be noted under ``key`` once ``event`` is published; None where a notification before told the same."""

    key: str
    note: str
    event: CloudEvent | None


def judged(events: Iterable[CloudEvent], known: Mapping[str, tuple[str, ...]]) -> Sequence[Judged]:
    """Return what to do about ``events``, but for those of which ``known``, notes by key, leave nothing to be done."""
    notes, found = dict(known), []
    for event in events:
        key = key_of(event)
        before = notes.get(key, ())
        note = _note(event)
        if not _is_done(event, note, before):
            is_told = event.may_recur and _is_told_by_another(event, before)
            found.append(Judged(key=key, note=note, event=None if is_told else _named(event, before)))
            notes[key] = (*before, note)
    return found


def as_told(event: CloudEvent, marker: Marker) -> CloudEvent:
    """Return the event with the time at which the same notification told it first, if that was before."""
    if not event.may_recur:
        is_told = not {event.id, _note(event)}.isdisjoint(marker.notes)
        return replace(event, time=min(event.time, marker.at)) if is_told else event
    same = f"{_notification(event)}."
    before = _Told.among(note for note in marker.notes if note.startswith(same))
    return replace(event, time=min((event.time, *(datetime.fromtimestamp(told.at / 1000, UTC) for told in before))))


def key_of(event: CloudEvent) -> str:
    """Return where the event's marker stands: with those of its resource, if the same id may mean a later change."""
    return resource_id(event) if event.may_recur else event.id


def _note(event: CloudEvent) -> str:
    """Return how a marker notes an event."""
    if not event.may_recur:
        return event.id if event.has_content else _bare(event.id)
    # What somebody has found who lists does not count as told.
    since = event.telling.since if event.telling else int(event.time.timestamp())
    return f"{_notification(event)}.{_milliseconds(event.time):x}.{since:x}"


def _notification(event: CloudEvent) -> str:
    """Return what the note of an event that may recur begins with: its state, and the notification that told it.

    Graph sends a notification again until it is answered. Whenever that is, it is the same.
    """
    by, mark = (event.telling.by, event.telling.mark) if event.telling else ("", event.time.isoformat())
    return f"{event.id}.{_digest(by)}.{_digest(mark)}"


@dataclass(frozen=True, slots=True)
class _Told:
    """A note of a state: which one, by whom it was told, and when, in milliseconds; ``since``: see ``Telling``."""

    state: str
    by: str
    at: int
    since: int

    @classmethod
    def among(cls, notes: Iterable[str]) -> Iterator["_Told"]:
        """Yield what the notes of one resource tell; what somebody else has written into the row tells nothing."""
        for note in notes:
            with suppress(ValueError):
                state, by, _, at, since = note.split(".")
                yield cls(state=state, by=by, at=int(at, 16), since=int(since, 16))

    def was_there(self, since: int) -> bool:
        """Return whether a subscription made at ``since`` cannot have told by then what is from before it was made."""
        return self.at >= (since + _MAY_BE_FROM_BEFORE) * 1000


def _told_at(note: str) -> int:
    return next((told.at for told in _Told.among([note])), 0)


def _is_done(event: CloudEvent, note: str, before: Sequence[str]) -> bool:
    if not event.may_recur:
        # One without content never stands in the way of one with content.
        return note in before or event.id in before
    if event.telling is None:
        return _is_last(event, before)
    same = f"{_notification(event)}."
    return any(each.startswith(same) for each in before)


def _is_last(event: CloudEvent, before: Sequence[str]) -> bool:
    """Return whether a resource was last told to be as somebody has found it who lists, and cannot count, its states.

    What was told last may have been published first, since what was told before was parked.
    """
    told = list(_Told.among(before))
    if PERHAPS_OTHERS in before or not told:
        return False
    last = max(each.at for each in told)
    if event.known_at is not None and last <= _milliseconds(event.known_at):
        # It was found to differ from what is known, which was told later: without content, so that no note has it.
        return False
    return all(each.state == event.id for each in told if each.at == last)


def _is_told_by_another(event: CloudEvent, before: Sequence[str]) -> bool:
    """Return whether another subscription has told this state more often than the one that tells it here.

    Each tells every change once, in whatever order they come. What is told while one of the two may not have been there
    yet, or while others may have told it that nobody knows of, is no ground to drop anything.
    """
    if event.telling is None or PERHAPS_OTHERS in before:
        return False
    told = [each for each in _Told.among(before) if each.state == event.id]
    own, since = _digest(event.telling.by), event.telling.since
    both_there = (each for each in told if each.was_there(since) and each.was_there(each.since))
    others = Counter(each.by for each in both_there if each.by != own)
    return sum(each.by == own for each in told) < max(others.values(), default=0)


def _named(event: CloudEvent, before: Sequence[str]) -> CloudEvent:
    """Return the event, under an id of its own if its id means, or may mean, another one.

    The resource has been like this before, and another way since; or it was told without its content.
    """
    if event.may_recur:
        is_taken = PERHAPS_OTHERS in before or any(note.startswith(event.id) for note in before)
    else:
        is_taken = _bare(event.id) in before
    return replace(event, id=recurrence_id(event)) if is_taken else event


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _bare(event_id: str) -> str:
    return f"~{event_id}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:_SHORT]
