"""What became of each change of a chaos run, and of each event that none accounts for; pure: a ledger in, an audit out.

A change is accounted for if the queue has an event with its type, subject and content; where the app never confirmed
a notification of it, if it was recovered, or an event reports it as lost.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from sandbox.ledger import ExpectedChange, Ledger, ReceivedEvent, place_of
from sandbox.run.queue_consumer import Event
from sandbox.teams import Change
from tests.chaos.duplicates import Cause, Outage, causes
from tests.chaos.gaps import (
    GAP,
    came_to_nothing,
    is_message,
    is_overtaken,
    is_shown_already,
    recovers,
    reports_loss,
    shows,
)

# Three seconds, and the queue dates its messages in whole ones: no POST is worked on for longer while Graph waits.
_LONGEST_POST = timedelta(seconds=4)


class Outcome(StrEnum):
    """What became of a change."""

    LIVE = "live"
    REDRIVEN = "redriven"
    """Its event arrived after the POST had been parked."""
    RECOVERED = "recovered"
    """Catching up found it."""
    OVERTAKEN = "overtaken"
    """Graph never delivered it, and the item had changed again, or back, before its lists could show it."""
    REPORTED_LOST = "reported as lost"
    """Graph never delivered it, and its lists do not show it; an event in the queue says so."""
    LOST = "lost"
    """Graph delivered it, and the app confirmed that."""
    UNRECOVERED = "not recovered"
    """Graph never delivered it, and no event reports it as lost."""


_MISSING = frozenset({Outcome.LOST, Outcome.UNRECOVERED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What the ledger of a chaos run amounts to."""

    outcomes: Counter[Outcome]
    missing: Sequence[tuple[Change, Outcome]]
    """The changes that are neither in the queue nor reported as lost."""
    wrong: Sequence[Event]
    """Events of no change, or without its content, type or subject."""
    duplicates: Counter[Cause | None]
    """Events that came again under the same id, by cause; None without one."""
    surplus: int
    """Events of a change that has its event, under an id of their own."""

    @property
    def agrees(self) -> bool:
        """Whether nothing is lost, altered or doubled without a cause."""
        return not (self.missing or self.wrong or self.duplicates[None])


def audit(ledger: Ledger, outages: Sequence[Outage]) -> Audit:
    """Return what became of everything in the ledger."""
    arrivals = ledger.arrivals
    live = {arrival.expected: arrival.received for arrival in arrivals if arrival.item.is_rich}
    outcomes = [(each.change, _outcome(each, live.get(each), ledger)) for each in ledger.expected.values()]
    wrong = [each for each in _about_items(ledger) if not _is_true(each, ledger)]
    accounted = {arrival.received for arrival in arrivals}.union(wrong)
    return Audit(
        outcomes=Counter(outcome for _, outcome in outcomes),
        missing=[(change, outcome) for change, outcome in outcomes if outcome in _MISSING],
        wrong=[each.event for each in wrong],
        duplicates=causes(ledger.duplicates, outages),
        surplus=sum(not each.is_recovered and each not in accounted for each in _about_items(ledger)),
    )


def _outcome(expected: ExpectedChange, live: ReceivedEvent | None, ledger: Ledger) -> Outcome:
    if live is not None:
        received_at = datetime.fromisoformat(live.event.attributes["time"])
        return Outcome.REDRIVEN if live.when - received_at > _LONGEST_POST else Outcome.LIVE
    change, since = expected.change, _since(expected.change, ledger)
    if any(recovers(each, change) for each in since):
        # Perhaps Graph delivered it as well: what is read to close a gap overlaps with what is parked.
        return Outcome.RECOVERED
    if expected.is_delivered_with_content:
        return Outcome.LOST
    if is_message(change):
        return Outcome.OVERTAKEN if is_overtaken(change, since) else Outcome.UNRECOVERED
    if any(each.type == GAP and reports_loss(each.event.data, change) for each in ledger.received.values()):
        return Outcome.REPORTED_LOST
    return Outcome.OVERTAKEN if _came_to_nothing(change, ledger) else Outcome.UNRECOVERED


def _since(change: Change, ledger: Ledger) -> Sequence[ReceivedEvent]:
    """Return the events of an item since a change: an earlier one does not report it, even if it shows the same."""
    return [each for each in ledger.events_of(place_of(change)) if each.follows(change)]


def _came_to_nothing(change: Change, ledger: Ledger) -> bool:
    def is_known(earlier: ExpectedChange) -> bool:
        was_recovered = any(recovers(each, earlier.change) for each in _since(earlier.change, ledger))
        return was_recovered or earlier.is_delivered_with_content

    # The channels and members of a deleted team are deleted with it, and Graph does not notify that of each.
    is_inside = len(change.path) > len(("teams", "{team}"))
    around = ledger.changes_of(place_of(replace(change, path=change.path[:2]))) if is_inside else ()
    is_deleted = any(each.change.change_type == "deleted" for each in around)
    place = place_of(change)
    changes, events = ledger.changes_of(place), ledger.events_of(place)
    return is_deleted or came_to_nothing(change, changes, is_known) or is_shown_already(change, events)


def _about_items(ledger: Ledger) -> Iterator[ReceivedEvent]:
    return (each for each in ledger.received.values() if each.place is not None and each.type != GAP)


def _is_true(received: ReceivedEvent, ledger: Ledger) -> bool:
    """Return whether an event shows a change of its item: to the letter, or as it was read afterwards."""
    changes = ledger.changes_of(received.place) if received.place is not None else ()
    if received.is_recovered and received.content is not None:
        # It may have been read in a later state, which another change has led to.
        return any(shows(received.event.data["content"], each.change) for each in changes)
    return any(each.is_reported_by(received) for each in changes)
