"""One gap filled: its sources read page by page, at the pace that Graph bears, and what they tell published.

How far it is stands in the gap's row after every page, so that the next run goes on where this one was cut short.

Source: https://learn.microsoft.com/graph/throttling-limits#microsoft-teams-service-limits
"""

import logging
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import batched

from shared.deadline import Deadline
from shared.errors import Conflict, Malformed, Misconfigured, Missing, Unavailable
from shared.events import CloudEvent
from shared.pacing import Clock
from shared.recovered import Message, chain_of, events_of
from shared.recovery import Recovery
from shared.sources import Each, Page, Source, sources_of

_LOG = logging.getLogger(__name__)

# Of all that an app asks in a tenant; 20 pages of messages a second is what Graph bears.
_BETWEEN_GETS = timedelta(milliseconds=50)
# A longer pause is left to another run.
_LONGEST_PAUSE = timedelta(seconds=15)
# Some users have no Teams, and some teams are no more. So many in a row mean that the permission is missing.
_REFUSED_IN_A_ROW = 10
# Users and teams have GUIDs; what is none could lead anywhere.
_ID = re.compile(r"[0-9A-Za-z-]{1,64}")
_EVENTS_AT_ONCE = 100
_TIME_FOR_EVENTS = timedelta(minutes=1)
_MAX_REMEMBERED = 200_000


class TimeIsUp(Exception):
    """The run ends before the gap is filled; the row tells how far it is."""


class Pace:
    """Has the GETs of one run follow each other slowly enough for every tenant, chat and channel."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._next: dict[tuple[str, ...], datetime] = {}

    def wait(self, tenant_id: str, key: str, spacing: timedelta) -> None:
        """Return when it is time for one more GET of ``key``."""
        limits = {(tenant_id,): _BETWEEN_GETS, (tenant_id, key): spacing}
        moment = max([self._clock.now(), *(self._next[limit] for limit in limits if limit in self._next)])
        self._next |= {limit: moment + distance for limit, distance in limits.items()}
        self._clock.sleep_until(moment)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filler:
    """What filling needs: ``read`` returns a page of a tenant's, ``save`` keeps how far it is, ``ends`` is the end."""

    client_id: str
    read: Callable[[str, str], Page]
    publish: Callable[[Sequence[CloudEvent], Deadline], None]
    save: Callable[[Recovery], Recovery]
    clock: Clock
    pace: Pace
    ends: datetime


class Filling:
    """One attempt at a gap; ``gap`` is its row as it was saved last."""

    def __init__(self, gap: Recovery, filler: Filler) -> None:
        self.gap = gap
        self._filler = filler
        self._published: set[str] = set()

    def fill(self) -> None:
        """Return once everything that can be read is published.

        Raises:
            TimeIsUp: there is more to read than there is time for.
            Conflict: another run is at it.
            Unavailable, Misconfigured: Graph puts it off, or refuses; or the sink or the table does not answer.
        """
        sources = sources_of(self.gap)
        if isinstance(sources, Source):
            self._read(sources)
        else:
            self._read_all(self._enumerated(sources))

    def _enumerated(self, each: Each) -> Sequence[Source]:
        """Return the sources that are not done, in the order of their ids."""
        path: str | None = each.listed
        ids: set[str] = set()
        while path is not None:
            page = self._page(path, each.listed, _BETWEEN_GETS)
            found = (item.get("id") for item in page.items)
            ids |= {id_ for id_ in found if isinstance(id_, str) and _ID.fullmatch(id_)}
            path = page.next_path
        return [each.of(id_) for id_ in sorted(ids) if id_ > (self.gap.checkpoint or "")]

    def _read_all(self, sources: Sequence[Source]) -> None:
        refused: list[Misconfigured] = []
        for source in sources:
            try:
                self._read(source)
            except Conflict:
                raise
            except Missing:
                continue
            except Misconfigured as problem:
                refused.append(problem)
                if len(refused) >= _REFUSED_IN_A_ROW:
                    raise
                continue
            self._save(self._without(refused, checkpoint=source.key))
            refused.clear()
        if refused and self.gap.checkpoint is None:
            raise refused[-1]
        if refused:
            self._save(self._without(refused, checkpoint=sources[-1].key))

    def _without(self, refused: Sequence[Misconfigured], *, checkpoint: str) -> Recovery:
        reason = str(refused[-1]) if refused else self.gap.reason
        skipped = self.gap.skipped + len(refused)
        return replace(self.gap, checkpoint=checkpoint, reading=None, next_page=None, skipped=skipped, reason=reason)

    def _read(self, source: Source) -> None:
        page = self._first(source)
        while True:
            self.gap = replace(self.gap, recovered=self.gap.recovered + self._publish(page, source))
            path = page.next_path
            if path is None:
                return
            self._save(replace(self.gap, reading=source.key, next_page=path))
            page = self._page(path, source.key, source.spacing)
            if page.next_path == path:
                raise Unavailable("Graph's link to the next page leads to the same one")

    def _first(self, source: Source) -> Page:
        """Return the page to begin with: where the last run was cut short, if Graph still knows that place."""
        paths = [self.gap.next_page if self.gap.reading == source.key else None, source.path, source.instead]
        known = [path for path in paths if path is not None]
        for path in known[:-1]:
            try:
                return self._page(path, source.key, source.spacing)
            except Misconfigured as problem:
                _LOG.info("another way is taken to what Graph refuses: %s", problem)
        return self._page(known[-1], source.key, source.spacing)

    def _page(self, path: str, key: str, spacing: timedelta) -> Page:
        filler = self._filler
        while True:
            filler.pace.wait(self.gap.tenant_id, key, spacing)
            if filler.clock.now() >= filler.ends:
                raise TimeIsUp
            try:
                return filler.read(self.gap.tenant_id, path)
            except Unavailable as problem:
                if problem.retry_after is None or problem.retry_after > _LONGEST_PAUSE:
                    raise
                filler.clock.sleep_until(filler.clock.now() + problem.retry_after)

    def _publish(self, page: Page, source: Source) -> int:
        """Return how many events a page gave; a message that several people see gives its own once."""
        if len(self._published) > _MAX_REMEMBERED:
            self._published.clear()
        events = {
            event.id: event
            for item in page.items
            for message in self._chain(item, source)
            for event in self._events(message)
            if event.id not in self._published
        }
        for batch in batched(events.values(), _EVENTS_AT_ONCE, strict=False):
            self._filler.publish(batch, Deadline.after(_TIME_FOR_EVENTS))
        self._published |= events.keys()
        return len(events)

    def _chain(self, item: Message, source: Source) -> Iterator[Message]:
        messages, more = chain_of(item)
        yield from messages
        while more is not None:
            page = self._page(more, source.key, source.spacing)
            yield from page.items
            more = page.next_path

    def _events(self, message: Message) -> Sequence[CloudEvent]:
        filler = self._filler
        try:
            return list(events_of(message, self.gap, client_id=filler.client_id, at=filler.clock.now()))
        except Malformed as problem:
            _LOG.warning("tenant %s: a message is left out: %s", self.gap.tenant_id, problem)
            return ()

    def _save(self, gap: Recovery) -> None:
        self.gap = self._filler.save(gap)
