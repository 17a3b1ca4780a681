"""The sink of events: an event hub, with a blob for data that are too large for a message.

No event has a partition key: Graph promises no order and each instance sends for itself, so a key would only make
batches of one.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

from shared.events.claim_check import ClaimCheck, is_too_large
from shared.events.cloud_events import CloudEvent
from shared.events.event_hub import EventHub
from shared.events.open_batch import OpenBatch
from shared.timing import Deadline

_PARALLEL_UPLOADS = 16


def _ignore(_event: CloudEvent) -> None:
    """Do nothing."""


class EventHubSink:
    """Publishes to one hub, which has to exist."""

    def __init__(self, hub: EventHub, claim_check: ClaimCheck) -> None:
        self._hub = hub
        self._batch = OpenBatch(hub.send)
        self._claim_check = claim_check
        self._pool = ThreadPoolExecutor(max_workers=_PARALLEL_UPLOADS, thread_name_prefix="uploads")

    def publish(
        self, events: Sequence[CloudEvent], deadline: Deadline, on_sent: Callable[[CloudEvent], None] = _ignore
    ) -> None:
        """Return once the hub has every event; ``on_sent`` is called with each event as soon as it does.

        Raises:
            Unavailable: the hub, or storage, did not accept all of them in time; it may have some, or soon will.
            Misconfigured: one of the two refuses the app; the text names the role.
        """
        sends = [self._start(event, deadline, partial(on_sent, event)) for event in events]
        try:
            for send in sends:
                deadline.result_of(send)
        finally:
            for send in sends:
                send.cancel()

    def check(self) -> None:
        """Return if the hub lets the app send.

        Raises:
            Unavailable: it does not answer.
            Misconfigured: it refuses the app, or does not exist.
        """
        self._hub.check()

    def _start(self, event: CloudEvent, deadline: Deadline, on_sent: Callable[[], None]) -> Future[None]:
        message = event.to_json()
        if is_too_large(message):
            return self._pool.submit(self._send_large, event, message, deadline, on_sent)
        return self._batch.add(message, on_sent)

    def _send_large(self, event: CloudEvent, message: bytes, deadline: Deadline, on_sent: Callable[[], None]) -> None:
        message = self._claim_check.apply(event, message)
        deadline.raise_if_passed()
        deadline.result_of(self._batch.add(message, on_sent))
