"""``look``: what Teams, Graph, the vault and the storage account hold at this moment."""

from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from azure.core.exceptions import ResourceNotFoundError
from azure.data.tables.aio import TableServiceClient
from azure.storage.blob.aio import BlobServiceClient
from azure.storage.queue.aio import QueueServiceClient

from sandbox.run.sink import QUEUE_NAME
from sandbox.run.world import CERTIFICATE_NAME, World
from sandbox.verbs.places import Places

type View = Mapping[str, Any]
"""JSON: names, counts and sentences."""


async def look(world: World, broken: list[str]) -> View:
    """Return what is there, by system."""
    return {
        "broken": broken,
        "app": {"url": world.host.url if world.host else None},
        "teams": _teams(world),
        "graph": _graph(world),
        "vault": {"certificate": CERTIFICATE_NAME, "versions": world.vault.versions(CERTIFICATE_NAME)},
        "storage": await _storage(world.azurite.connection_string),
    }


def _teams(world: World) -> View:
    tenant_id = world.registration.tenant_ids[0]
    contents = world.teams.contents
    return {
        "people": [user.display_name for user in contents.users(tenant_id)],
        "places": {
            name: len(list(contents.of((*path, "messages"), tenant_id=tenant_id)))
            for name, path in Places(world.teams, tenant_id).named().items()
        },
    }


def _graph(world: World) -> View:
    graph = world.graph
    return {
        "subscriptions": sorted(each.resource for each in graph.subscriptions()),
        "waiting": graph.waiting,
        "lost": len(graph.lost),
    }


async def _storage(connection_string: str) -> View:
    return {
        "queue": await _messages(connection_string),
        **{container: await _blobs(connection_string, container) for container in ("parked", "quarantine")},
        **await _rows(connection_string),
    }


async def _messages(connection_string: str) -> int:
    async with QueueServiceClient.from_connection_string(connection_string) as queues:
        with suppress(ResourceNotFoundError):
            properties = await queues.get_queue_client(QUEUE_NAME).get_queue_properties()
            return properties.approximate_message_count or 0
    return 0


async def _blobs(connection_string: str, container: str) -> list[str]:
    async with BlobServiceClient.from_connection_string(connection_string) as blobs:
        with suppress(ResourceNotFoundError):
            return [blob.name async for blob in blobs.get_container_client(container).list_blobs()]
    return []


async def _rows(connection_string: str) -> View:
    async with TableServiceClient.from_connection_string(connection_string) as tables:
        failures, gaps = list[str](), Counter[str]()
        with suppress(ResourceNotFoundError):
            async for row in tables.get_table_client("subscriptions").list_entities():
                failures += [row["error"]] if "error" in row else []
        with suppress(ResourceNotFoundError):
            async for row in tables.get_table_client("gaps").list_entities():
                gaps[row["state"]] += 1
        return {"failures": failures, "gaps": dict(gaps)}
