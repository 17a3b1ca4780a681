"""Checks of the storage account, each read with the operator's own login.

Source: https://learn.microsoft.com/azure/storage/common/authorize-data-access
"""

from cli.doctor.case import Case
from cli.doctor.finding import Finding, ok
from cli.queue_peek import Queue
from shared.receiving.post_store import PARKED, QUARANTINE


def tables(case: Case) -> Finding:
    """Read the table of deployments."""
    count = len(case.clients.status_table().load().deployments)
    return ok(f"{case.clients.tables().account_name}: {count} deployments")


def queue(case: Case) -> Finding:
    """Read the queue of events."""
    name, hub = case.settings.queue_name, case.settings.event_hub
    if name is None:
        return ok(f"none: events go to the event hub {hub.name if hub else ''}")
    return ok(f"{name}: about {Queue(case.clients.queues(), case.clients.blobs(), name).count()} messages")


def blobs(case: Case) -> Finding:
    """Read the containers of stored POSTs."""
    counts = {name: sum(1 for _ in case.clients.post_store(name).list()) for name in (PARKED, QUARANTINE)}
    return ok(", ".join(f"{count} in {name}" for name, count in counts.items()))
