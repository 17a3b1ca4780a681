"""The sink of events: a Storage queue, with a blob for data that is too large for a message.

Source: https://learn.microsoft.com/azure/storage/queues/storage-queues-introduction (64 KiB a message)
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from shared.azure_calls import CLIENT_ERRORS, FAIL_FAST, QUEUE_ROLE, as_problem, create_if_missing
from shared.events.claim_check import ClaimCheck, is_too_large
from shared.events.cloud_events import CloudEvent
from shared.storage_calls import QueueCalls
from shared.timing import Deadline

_PARALLEL_SENDS = 16
_SEND = timedelta(seconds=2)


def _ignore(_event: CloudEvent) -> None:
    """Do nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """About how many messages wait for the consumer, and since when the first one does that nobody is working on."""

    messages: int
    oldest_at: datetime | None


class QueueSink:
    """Publishes to one queue, which is created if it is missing."""

    def __init__(self, queues: QueueServiceClient, blobs: BlobServiceClient, queue_name: str) -> None:
        self._queue = queues.get_queue_client(queue_name)
        self._calls = QueueCalls(queues)
        self._claim_check = ClaimCheck(blobs)
        self._pool = ThreadPoolExecutor(max_workers=_PARALLEL_SENDS, thread_name_prefix="sink")

    def publish(
        self, events: Sequence[CloudEvent], deadline: Deadline, on_sent: Callable[[CloudEvent], None] = _ignore
    ) -> None:
        """Return once every event is in the queue; ``on_sent`` is called with each event as soon as it is there.

        Raises:
            Unavailable: storage did not accept all of them in time; some may already be in the queue, or soon will be.
            Misconfigured: storage refuses the app; the text names the role.
        """
        messages = [(event, event.to_json()) for event in events]
        if len(messages) == 1 and not is_too_large(messages[0][1]):
            # The call ends by its deadline: another thread would cost more than it saves.
            self._send(*messages[0], deadline, on_sent)
            return
        deadline.results_of([self._pool.submit(self._send, *message, deadline, on_sent) for message in messages])

    def check(self) -> None:
        """Return if the queue answers the app; one that is missing is made by its first event.

        Raises:
            Unavailable: storage does not answer.
            Misconfigured: storage refuses the app; the text names the role.
        """
        try:
            self._calls.exists(self._queue.queue_name, seconds=_SEND.total_seconds())
        except CLIENT_ERRORS as exc:
            raise as_problem("storage", exc, role=QUEUE_ROLE) from exc

    def backlog(self) -> Backlog:
        """Return what waits for the consumer; nothing if the queue is missing. Raises as ``check`` does."""
        try:
            messages = self._queue.get_queue_properties(**FAIL_FAST).approximate_message_count
            first = self._queue.peek_messages(1, **FAIL_FAST)
        except ResourceNotFoundError:
            return Backlog(messages=0, oldest_at=None)
        except CLIENT_ERRORS as exc:
            raise as_problem("storage", exc, role=QUEUE_ROLE) from exc
        return Backlog(messages=messages or 0, oldest_at=first[0].inserted_on if first else None)

    def open(self) -> None:
        """Open the connection that the first event would wait for; raises as ``check`` does."""
        self.check()

    def _send(
        self, event: CloudEvent, message: bytes, deadline: Deadline, on_sent: Callable[[CloudEvent], None]
    ) -> None:
        try:
            message = self._claim_check.apply(event, message)
            create_if_missing(
                lambda: self._queue.create_queue(**FAIL_FAST), lambda: self._enqueue(message, deadline.within(_SEND))
            )
        except CLIENT_ERRORS as exc:
            raise as_problem("storage", exc, role=QUEUE_ROLE) from exc
        on_sent(event)

    def _enqueue(self, message: bytes, deadline: Deadline) -> None:
        self._calls.put_message(self._queue.queue_name, message, seconds=deadline.seconds_left())
