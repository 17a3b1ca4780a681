"""One list of an audit: its messages are read page by page, and those changes are published that have no record.

Source: https://learn.microsoft.com/graph/api/chats-getallmessages
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import batched

from shared.errors import Malformed
from shared.events.cloud_events import CloudEvent
from shared.gaps.gap import Gap, Step
from shared.gaps.graph_queries import TimeWindowQuery
from shared.gaps.list_walk import ListWalk, Visitor
from shared.gaps.recovered_events import Item, changes_from_item, event_from_change, message_and_replies
from shared.gaps.turns import Reads
from shared.timing import Deadline

_LOG = logging.getLogger(__name__)

_MAX_BATCH = 100
_PUBLISH_TIMEOUT = timedelta(minutes=1)
# The changes of a day in 500 lists; past that, some count twice.
_MAX_REMEMBERED = 200_000

type PublishMissing = Callable[[Sequence[CloudEvent], Deadline], Sequence[CloudEvent]]
"""Publishes the events that have no record, and returns those."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListCheck:
    """Checks lists of one path against the records, for all subscriptions to it at once.

    ``count`` is told how many more changes were checked, and how many of them were missing.
    """

    client_id: str
    now: Callable[[], datetime]
    publish_missing: PublishMissing
    count: Callable[[int, int], None]
    # Two members of a chat both have its messages in their lists.
    _seen: set[str] = field(default_factory=set, init=False)

    def reads(
        self,
        query: TimeWindowQuery,
        gaps: Sequence[Gap],
        position: tuple[Step, ...],
        on_progress: Callable[[tuple[Step, ...]], None],
    ) -> Reads[None]:
        """Check the list of ``query`` from ``position`` on; ``gaps``: what each subscription to it may have missed.

        Raises:
            Unavailable, NotFound, GraphRefusal: the list cannot be read, or the sink or the table does not answer.
            Misconfigured: the sink or the table refuses.
        """
        walk = ListWalk(position=position, on_progress=on_progress)

        def check(items: Sequence[Item]) -> None:
            self._check([message for item in items for message in message_and_replies(item)[0]], gaps)

        def replies(item: Item) -> Reads[None] | None:
            _, link = message_and_replies(item)
            if link is None or not isinstance(item.get("id"), str):
                return None
            return walk.visit((link,), query, Visitor(on_page=check))

        paths = (query.path,) if query.fallback_path is None else (query.path, query.fallback_path)
        yield from walk.visit(paths, query, Visitor(on_page=check, on_item=replies))

    def _check(self, messages: Sequence[Item], gaps: Sequence[Gap]) -> None:
        events = {event.id: event for message in messages for event in self._events(message, gaps)}
        new = [event for event in events.values() if event.id not in self._seen]
        for batch in batched(new, _MAX_BATCH, strict=False):
            missing = self.publish_missing(batch, Deadline.after(_PUBLISH_TIMEOUT))
            self._remember(batch)
            self.count(len(batch), len(missing))

    def _events(self, message: Item, gaps: Sequence[Gap]) -> Iterator[CloudEvent]:
        for gap in gaps:
            try:
                for change in changes_from_item(message, gap):
                    yield event_from_change(change, gap, client_id=self.client_id, recovered_at=self.now())
            except Malformed as problem:
                _LOG.warning("tenant %s: the audit leaves out a malformed message: %s", gap.tenant_id, problem)
                return

    def _remember(self, events: Sequence[CloudEvent]) -> None:
        if len(self._seen) > _MAX_REMEMBERED:
            self._seen.clear()
        self._seen.update(event.id for event in events)
