"""One list of teams, channels or members compared with what was known of it: what has changed published, then noted.

Source: https://learn.microsoft.com/graph/api/team-list-members, and those named in ``shared.gaps.snapshot``
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Protocol
from urllib.parse import quote

from shared.errors import Malformed
from shared.events.cloud_events import CloudEvent
from shared.gaps.gap import Recovery
from shared.gaps.graph_queries import Collection
from shared.gaps.recovered_events import Change, event_of
from shared.gaps.snapshot import Difference, Known, differences, known_from, looks_of
from shared.resources.paths import canonical_path
from shared.timing import Clock

_LOG = logging.getLogger(__name__)

# Who has left is remembered for so long, should be parked that they came: longer than anybody leaves a POST parked.
_GONE_FOR_GOOD = timedelta(days=30)

type Things = Mapping[str, Mapping[str, Any]]
"""Things by their ids."""


class KnownThings(Protocol):
    """The table of what is known; all raise Unavailable, and Misconfigured for a row that is spoilt."""

    def of(self, tenant_id: str, collection: str) -> Mapping[str, Known]:
        """Return what is known of a list of things, by their ids; of those that have gone as well."""
        ...

    def get(self, known: Known) -> Known | None:
        """Return what is known of one thing."""
        ...

    def note_all(self, things: Iterable[Known]) -> None:
        """Keep what was found of the things of one list."""
        ...

    def forget(self, tenant_id: str, collection: str, *, before: datetime) -> None:
        """Delete what is kept of the things of a list that had gone ``before``."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """What was known of a list just before it was read, by ids, and when that was; ``gone`` is who was known to be."""

    known: Mapping[str, Known]
    gone: Mapping[str, Known]
    at: datetime

    def row(self, id_: str) -> Known | None:
        """Return what was known of a thing, were it that it had gone."""
        return self.known.get(id_) or self.gone.get(id_)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparing:
    """What comparing needs; ``publish`` returns how many events were new to it."""

    client_id: str
    inventory: KnownThings
    publish: Callable[[Sequence[CloudEvent]], int]
    clock: Clock

    def before(self, collection: Collection, tenant_id: str) -> Before:
        """Return what is known of a list; to be asked before the list is read.

        Who comes while it is read would else be known, not be in the list, and be told to have gone.

        Raises:
            Unavailable, Misconfigured: the table does not answer, or a row is spoilt.
        """
        rows = self.inventory.of(tenant_id, _path(collection))
        of_it = {id_: each for id_, each in rows.items() if collection.only in {None, id_}}
        known = {id_: each for id_, each in of_it.items() if each.is_there}
        gone = {id_: each for id_, each in of_it.items() if not each.is_there}
        return Before(known=known, gone=gone, at=self.clock.now())

    def compare(
        self, collection: Collection, before: Before, listed: Things, gap: Recovery, *, is_complete: bool
    ) -> int:
        """Return how many events came of it; a baseline has none.

        ``is_complete``: see ``shared.gaps.snapshot.differences``.

        Raises:
            Unavailable: the sink or the table does not answer.
        """
        events = () if gap.is_baseline else self._events(collection, before, listed, gap, is_complete=is_complete)
        count = self.publish(tuple(events))
        # Not before it is published: a run that ends between the two finds it again.
        path = _path(collection)
        # What is told while the list is read may be newer than the list.
        news = (replace(each, told_at=before.at) for each in _news(gap.tenant_id, path, before, listed))
        self.inventory.note_all(news)
        self.inventory.forget(gap.tenant_id, path, before=before.at - _GONE_FOR_GOOD)
        return count

    def tell(self, events: Sequence[CloudEvent]) -> int:
        """Return how many of the events of what has its times were new; a chat is not told again as it is known."""
        told = [(event, known_from(event)) for event in events]
        news = [(event, known) for event, known in told if known is None or self.inventory.get(known) != known]
        count = self.publish([event for event, _ in news])
        # Of a chat that is new and has changed there are two, and a transaction takes each row once.
        self.inventory.note_all({known.subject: known for _, known in news if known is not None}.values())
        return count

    def _events(
        self, collection: Collection, before: Before, listed: Things, gap: Recovery, *, is_complete: bool
    ) -> Iterator[CloudEvent]:
        for found in differences(before.known, listed, gap, is_complete=is_complete):
            if found.change_type in gap.change_types:
                yield from self._event(found, before.row(found.id), collection, gap)

    def _event(
        self, found: Difference, row: Known | None, collection: Collection, gap: Recovery
    ) -> Iterator[CloudEvent]:
        place, known_at = (*collection.place, found.id), None if row is None else row.told_at
        change = Change(change_type=found.change_type, place=place, thing=found.thing, known_at=known_at)
        try:
            yield event_of(change, gap, client_id=self.client_id, at=self.clock.now())
        except Malformed as problem:
            _LOG.warning("tenant %s: something is left out of what Graph tells: %s", gap.tenant_id, problem)


def _path(collection: Collection) -> str:
    return canonical_path("/".join(quote(part, safe="") for part in collection.place))


def _news(tenant_id: str, collection: str, before: Before, listed: Things) -> Iterator[Known]:
    """Yield what is to be noted, so that a list which has not changed costs no write."""
    for id_, thing in listed.items():
        subject, looks = canonical_path(f"{collection}/{quote(id_, safe='')}"), looks_of(collection, thing)
        row = before.row(id_)
        if row is None or not row.is_there or row.looks != looks:
            yield Known(tenant_id=tenant_id, subject=subject, looks=looks, etag=row.etag if row else None)
    for id_ in before.known.keys() - listed.keys():
        yield replace(before.known[id_], looks=None, is_there=False)
