"""Publishes the events of POSTs, and records in the snapshot what they report of chats, teams, channels and members.

A member who is missing from the snapshot could leave unnoticed in a gap. So an event counts as published only once its
entry is recorded; until then it is published again, with the same id.

Source: https://learn.microsoft.com/graph/delta-query-overview (there is no delta query for them)
"""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from operator import attrgetter

from shared.errors import Misconfigured, Unavailable
from shared.events.cloud_events import CloudEvent
from shared.gaps.snapshot import SnapshotEntry, entry_from_event
from shared.timing import Deadline

_LOG = logging.getLogger(__name__)

_PARALLEL_WRITES = 8


class SnapshotRecorder:
    """Publishes, then records; ``publish`` may return the events as they were first published."""

    def __init__(
        self,
        publish: Callable[[Sequence[CloudEvent], Deadline], Sequence[CloudEvent] | None],
        record: Callable[[SnapshotEntry], None],
    ) -> None:
        self._publish = publish
        self._record = record
        self._writes = ThreadPoolExecutor(max_workers=_PARALLEL_WRITES, thread_name_prefix="snapshot")

    def publish(self, events: Sequence[CloudEvent], deadline: Deadline) -> None:
        """Return once every event is in the sink, and its entry in the snapshot.

        Raises:
            Unavailable: the sink or the table does not answer.
        """
        # Process in time order: a redelivered "left" must not overwrite a later "joined".
        events = sorted(self._publish(events, deadline) or events, key=attrgetter("time"))
        entries = [entry for event in events if (entry := entry_from_event(event)) is not None]
        # Of several changes to one item, the last one counts.
        latest = {(entry.tenant_id, entry.subject): entry for entry in entries}
        writes = [(entry, self._writes.submit(self._record, entry)) for entry in latest.values()]
        for entry, write in writes:
            try:
                deadline.result_of(write)
            except (Unavailable, Misconfigured) as problem:
                if entry.is_required:
                    raise
                _LOG.info("a chat is not recorded, and may be published again after the next gap: %s", problem)
