"""Where events go: a Storage queue, with a blob for the data that a message cannot hold.

Source: https://learn.microsoft.com/azure/storage/queues/storage-queues-introduction (64 KiB a message)
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from azure.storage.blob import BlobServiceClient, ContentSettings
from azure.storage.queue import BinaryBase64EncodePolicy, QueueServiceClient

from shared.azure_calls import CLIENT_ERRORS, FAIL_FAST, as_unavailable, create_if_missing
from shared.events.cloud_events import CloudEvent
from shared.timing import Deadline

DATA_CONTAINER = "event-data"

# 48 KiB are 64 KiB in Base64, in which Functions' queue triggers expect their messages.
# Source: https://learn.microsoft.com/azure/azure-functions/functions-bindings-storage-queue#host-json (messageEncoding)
MAX_MESSAGE_BYTES = 48 * 1024

# Storage's default is seven days, after which a message that nobody fetched is gone without a word.
_NEVER_EXPIRES = -1

_PARALLEL_SENDS = 16


def _ignore(_event: CloudEvent) -> None:
    """Do nothing about an event that stands in the queue."""


class QueueSink:
    """Publishes to one queue, made when it is missing."""

    def __init__(self, queues: QueueServiceClient, blobs: BlobServiceClient, queue_name: str) -> None:
        self._queue = queues.get_queue_client(queue_name, message_encode_policy=BinaryBase64EncodePolicy())
        self._container = blobs.get_container_client(DATA_CONTAINER)
        self._pool = ThreadPoolExecutor(max_workers=_PARALLEL_SENDS, thread_name_prefix="sink")

    def publish(
        self, events: Sequence[CloudEvent], deadline: Deadline, on_sent: Callable[[CloudEvent], None] = _ignore
    ) -> None:
        """Return once every event stands in the queue; ``on_sent`` is told of each as soon as it does.

        Raises:
            Unavailable: storage did not take all of them in time; some may stand there already, or will in a moment.
        """
        sends = [self._pool.submit(self._send, event, on_sent) for event in events]
        try:
            for send in sends:
                deadline.result_of(send)
        finally:
            for send in sends:
                send.cancel()

    def _send(self, event: CloudEvent, on_sent: Callable[[CloudEvent], None]) -> None:
        message = event.to_json()
        try:
            if len(message) > MAX_MESSAGE_BYTES:
                message = event.to_json(dataref=self._upload(event))
            create_if_missing(lambda: self._queue.create_queue(**FAIL_FAST), lambda: self._enqueue(message))
        except CLIENT_ERRORS as exc:
            raise as_unavailable("storage", exc) from exc
        on_sent(event)

    def _enqueue(self, message: bytes) -> None:
        self._queue.send_message(message, time_to_live=_NEVER_EXPIRES, **FAIL_FAST)

    def _upload(self, event: CloudEvent) -> str:
        """Return the address of the event's data, after putting them there; a redelivery on the same day overwrites."""
        blob = self._container.get_blob_client(f"{event.time:%Y/%m/%d}/{event.id}.json")
        json_content = ContentSettings(content_type="application/json")
        create_if_missing(
            lambda: self._container.create_container(**FAIL_FAST),
            lambda: blob.upload_blob(event.data, overwrite=True, content_settings=json_content, **FAIL_FAST),
        )
        # With a shared access signature as credential, the client's address ends in that secret.
        return blob.url.partition("?")[0]
