"""Messages of events for a sink, with a blob for data that are too large for a message: one rule for every sink.

Source: https://learn.microsoft.com/azure/architecture/patterns/claim-check
"""

from azure.storage.blob import BlobServiceClient, ContentSettings

from shared.azure_calls import BLOB_ROLE, CLIENT_ERRORS, FAIL_FAST, as_problem, create_if_missing
from shared.events.cloud_events import CloudEvent

DATA_CONTAINER = "event-data"

# 48 KiB are 64 KiB in Base64, the encoding that Functions' queue triggers expect. Event Hubs would take more, but a
# consumer should find data at the same place from whichever sink it reads.
# Source: https://learn.microsoft.com/azure/azure-functions/functions-bindings-storage-queue#host-json (messageEncoding)
MAX_MESSAGE_BYTES = 48 * 1024


def is_too_large(message: bytes) -> bool:
    """Return whether the data of a message have to go into a blob."""
    return len(message) > MAX_MESSAGE_BYTES


class ClaimCheck:
    """The container of large data, which is created if it is missing."""

    def __init__(self, blobs: BlobServiceClient) -> None:
        self._container = blobs.get_container_client(DATA_CONTAINER)

    def apply(self, event: CloudEvent, message: bytes) -> bytes:
        """Return ``message``, the event as JSON; one that is too large without its data, with the address of a blob.

        Raises:
            Unavailable: storage does not take the data.
            Misconfigured: storage refuses the app; the text names the role.
        """
        return event.to_json(dataref=self._upload(event)) if is_too_large(message) else message

    def _upload(self, event: CloudEvent) -> str:
        """Upload the event's data and return the URL; a redelivery on the same day overwrites the blob."""
        blob = self._container.get_blob_client(f"{event.time:%Y/%m/%d}/{event.id}.json")
        json_content = ContentSettings(content_type="application/json")
        try:
            create_if_missing(
                lambda: self._container.create_container(**FAIL_FAST),
                lambda: blob.upload_blob(event.data, overwrite=True, content_settings=json_content, **FAIL_FAST),
            )
        except CLIENT_ERRORS as exc:
            raise as_problem("storage", exc, role=BLOB_ROLE) from exc
        # If the credential is a shared access signature, the client's URL contains that secret.
        return blob.url.partition("?")[0]
