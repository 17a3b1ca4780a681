"""The sink of events: an event hub, with a blob for data that are too large for a message.

No event has a partition key: Graph promises no order and each instance sends for itself, so a key would only make
batches of one.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
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
        messages = [(event, event.to_json(), partial(on_sent, event)) for event in events]
        sends = [
            self._pool.submit(self._send_large, *message, deadline) for message in messages if is_too_large(message[1])
        ]
        sends += self._batch.add((text, report) for _, text, report in messages if not is_too_large(text))
        deadline.results_of(sends)

    def check(self) -> None:
        """Return if the hub lets the app send.

        Raises:
            Unavailable: it does not answer.
            Misconfigured: it refuses the app, or does not exist.
        """
        self._hub.check()

    def open(self) -> None:
        """Open the connection that the first event would wait for; raises as ``check`` does."""
        self._batch.between(self._hub.open)

    def _send_large(self, event: CloudEvent, message: bytes, on_sent: Callable[[], None], deadline: Deadline) -> None:
        message = self._claim_check.apply(event, message)
        deadline.raise_if_passed()
        (send,) = self._batch.add([(message, on_sent)])
        deadline.result_of(send)
