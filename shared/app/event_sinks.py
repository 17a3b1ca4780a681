"""The sink that the settings name."""

from collections.abc import Callable, Sequence
from typing import Protocol

from azure.core.credentials import TokenCredential
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from shared.events.claim_check import ClaimCheck
from shared.events.cloud_events import CloudEvent
from shared.events.event_hub import EventHub
from shared.events.event_hub_sink import EventHubSink
from shared.events.queue_sink import QueueSink
from shared.settings import Settings
from shared.timing import Deadline


class EventSink(Protocol):
    """Where events go. All methods raise Unavailable, or Misconfigured with the role that the app lacks."""

    def publish(
        self, events: Sequence[CloudEvent], deadline: Deadline, on_sent: Callable[[CloudEvent], None] = ...
    ) -> None:
        """Return once every event is in the sink; ``on_sent`` is called with each event as soon as it is there."""
        ...

    def check(self) -> None:
        """Return if the sink answers the app."""
        ...

    def open(self) -> None:
        """Open the connection that the first event would wait for."""
        ...


def event_sink(
    settings: Settings,
    queues: Callable[[], QueueServiceClient],
    blobs: BlobServiceClient,
    credential: Callable[[str | None], TokenCredential],
) -> EventSink:
    """Return the sink; ``credential`` returns that of a managed identity, by client id."""
    if (hub := settings.event_hub) is not None:
        return EventHubSink(EventHub(hub, credential(hub.identity)), ClaimCheck(blobs))
    return QueueSink(queues(), blobs, settings.queue_name or "")
