"""Events published, and what they tell of chats, teams, channels and members noted, to be compared with after a gap.

A member of whose coming nobody knows could go unnoticed in a gap. So what is published counts as done only once it is
noted; until then it is sent again, under the same ids.

Source: https://learn.microsoft.com/graph/delta-query-overview (there is no delta query for these)
"""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from operator import attrgetter

from shared.errors import Unavailable
from shared.events.cloud_events import CloudEvent
from shared.gaps.snapshot import SnapshotEntry, entry_from_event
from shared.timing import Deadline

_LOG = logging.getLogger(__name__)

_PARALLEL_WRITES = 8


class SnapshotRecorder:
    """Publishes, then notes; ``publish`` may return the events as they were published before."""

    def __init__(
        self,
        publish: Callable[[Sequence[CloudEvent], Deadline], Sequence[CloudEvent] | None],
        record: Callable[[SnapshotEntry], None],
    ) -> None:
        self._publish = publish
        self._record = record
        self._writes = ThreadPoolExecutor(max_workers=_PARALLEL_WRITES, thread_name_prefix="snapshot")

    def publish(self, events: Sequence[CloudEvent], deadline: Deadline) -> None:
        """Return once every event stands in the sink, and what has to be known of its thing in the table.

        Raises:
            Unavailable: as the sink's, and the table's.
        """
        # Who has come back since must not be taken for gone because Graph tells once more that they left.
        events = sorted(self._publish(events, deadline) or events, key=attrgetter("time"))
        # Of several changes of one thing the last counts.
        latest = {
            (entry.tenant_id, entry.subject): entry for entry in map(entry_from_event, events) if entry is not None
        }
        writes = [(entry, self._writes.submit(self._record, entry)) for entry in latest.values()]
        for entry, write in writes:
            try:
                deadline.result_of(write)
            except Unavailable as problem:
                if entry.is_required:
                    raise
                _LOG.info("a change may be told again after the next gap: it is not noted: %s", problem)
