"""All that a chaos run saw of one thing, for whoever has to find out where a change of it was lost."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from operator import itemgetter

from sandbox.chaos.books import Books
from sandbox.chaos.matching import is_of_a_thing, is_recovered, place_of, place_of_event
from sandbox.graph import Delivery
from sandbox.teams import Change


def account(change: Change, books: Books, deliveries: Iterable[Delivery]) -> Sequence[str]:
    """Return one line for each change of the thing, each POST that told of it, and each of its events, as they came.

    The queue tells whole seconds, so an event may stand before what it tells.
    """
    place = place_of(change)
    seen = [*_changes(change, books), *_deliveries(change, deliveries)]
    for arrival in books.arrivals:
        event = arrival.event
        if is_of_a_thing(event) and place_of_event(event) == place:
            how = ", recovered" if is_recovered(event) else ""
            seen.append((arrival.when, f"in the sink: {event.attributes['type']}{how}, id {arrival.id}"))
    return [f"{when:%H:%M:%S.%f}  {what}" for when, what in sorted(seen, key=itemgetter(0))]


def _changes(change: Change, books: Books) -> Iterator[tuple[datetime, str]]:
    for each in books.changes:
        if place_of(each) == place_of(change):
            yield each.when, each.change_type


def _deliveries(change: Change, deliveries: Iterable[Delivery]) -> Iterator[tuple[datetime, str]]:
    for delivery in deliveries:
        for item in delivery.items:
            if item.change is not None and place_of(item.change) == place_of(change):
                answer = f"{delivery.answer.status or 'no answer'} after {delivery.answer.took.total_seconds():.1f} s"
                kind = "with content" if item.is_rich else "without content"
                resource = item.subscription.resource
                yield delivery.when, f"POST of {item.change.change_type} {kind} for {resource}: {answer}"
