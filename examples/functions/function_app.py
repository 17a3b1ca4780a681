"""A function that runs for each event in the queue, and logs what happened where; never what people wrote.

Settings: ``EventStorage__queueServiceUri`` and ``EventStorage__blobServiceUri`` of the app's storage account, read with
the function app's managed identity; or a connection string in ``EventStorage``.

Source: https://learn.microsoft.com/azure/azure-functions/functions-bindings-storage-queue-trigger
"""

import logging
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache

import azure.functions as func
from azure.identity import DefaultAzureCredential
from azure.storage.blob import BlobServiceClient

from teams_events import ChatMessageCreated, ChatMessageUpdated, Deduplicator, Event, SubscriptionGap, open_data, parse
from teams_events.azure_blobs import blob_reader

_LOG = logging.getLogger(__name__)

# A repetition comes soon after or, redriven, weeks later: what must never be done twice needs a store of its own.
_HANDLED = Deduplicator(timedelta(hours=4))

app = func.FunctionApp()


@app.queue_trigger(arg_name="message", queue_name="teams-events", connection="EventStorage")
def on_teams_event(message: func.QueueMessage) -> None:
    """Handle one event; what is raised here has the host deliver it again, five times in all."""
    event = parse(message.get_body())
    now = datetime.now(UTC)
    if _HANDLED.is_repetition(event.id, now=now):
        return
    handle(event)
    _HANDLED.handled(event.id, now=now)


def handle(event: Event) -> None:
    """Log an event."""
    match event:
        case ChatMessageCreated() | ChatMessageUpdated():
            content = open_data(event, _blobs()).get("content") or {}
            text = (content.get("body") or {}).get("content") or ""
            _LOG.info("%s: %d characters in %s", event.type, len(text), event.subject)
        case SubscriptionGap():
            lost = open_data(event, _blobs())
            _LOG.warning("lost: %s from %s until %s", lost["resource"], lost["startDateTime"], lost["endDateTime"])
        case _:
            _LOG.info("%s: %s", event.type, event.subject)


@cache
def _blobs() -> Callable[[str], bytes]:
    if connection_string := os.environ.get("EventStorage"):  # noqa: SIM112  so that one name serves the trigger too
        return blob_reader(BlobServiceClient.from_connection_string(connection_string))
    url = os.environ["EventStorage__blobServiceUri"]  # noqa: SIM112
    return blob_reader(BlobServiceClient(url, credential=DefaultAzureCredential()))
