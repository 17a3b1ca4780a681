"""All that a chaos run recorded of one item, to find where a change of it was lost."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from operator import itemgetter

from sandbox.ledger import Ledger, place_of
from sandbox.teams import Change
from tests.chaos.gaps import GAP


def history(change: Change, ledger: Ledger) -> Sequence[str]:
    """Return one line for each change of the item, each POST that carried one, and each of its events, by time.

    The queue dates its messages in whole seconds, so an event may stand before its change.
    """
    place = place_of(change)
    found: list[tuple[datetime, str]] = [
        (each.change.when, each.change.change_type) for each in ledger.changes_of(place)
    ]
    found += _posts(change, ledger)
    for each in ledger.events_of(place):
        if each.type != GAP:
            how = ", recovered" if each.is_recovered else ""
            found.append((each.when, f"in the queue: {each.type}{how}, id {each.id}"))
    return [f"{when:%H:%M:%S.%f}  {what}" for when, what in sorted(found, key=itemgetter(0))]


def _posts(change: Change, ledger: Ledger) -> Iterator[tuple[datetime, str]]:
    for delivery in ledger.deliveries:
        for item in delivery.items:
            if item.change is not None and place_of(item.change) == place_of(change):
                answer = f"{delivery.answer.status or 'no answer'} after {delivery.answer.took.total_seconds():.1f} s"
                kind = "with content" if item.is_rich else "without content"
                resource = item.subscription.resource
                yield delivery.when, f"POST of {item.change.change_type} {kind} for {resource}: {answer}"
