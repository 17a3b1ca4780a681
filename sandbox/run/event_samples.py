"""Events of every type that the app publishes, by having everything happen that it publishes events of; and as files.

``python -m sandbox samples docs/samples`` writes one event of each type, for consumers' tests.
"""

import asyncio
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from azure.storage.queue.aio import QueueClient

from sandbox.run.queue_consumer import Consumer, Event
from sandbox.run.scenario import Cast, Scenario
from sandbox.run.sink import QUEUE_NAME
from sandbox.run.world import World

# Graph's reminders come when an access token, of about an hour, is about to end.
_UNTIL_REMINDED = timedelta(minutes=55)
# Of these, Graph has no list of past changes: what is missed is lost.
_UNLISTED = "/communications/callRecords"
_NEVER = "0 0 0 1 1 *"
_PATIENCE_SECONDS = 30
_ACCOUNT_URL = "https://account.blob.core.windows.net"


async def all_events(world: World) -> list[Event]:
    """Return all events of the scene, and of what happens to the subscriptions after it; the world is stopped then.

    Raises:
        RuntimeError: something could not be started, or a run of RenewSubscriptions failed.
    """
    cast = Cast.assemble(world.teams, world.registration.tenant_ids[0])
    try:
        await world.start_services()
        # Several subscriptions report one change, and each report is wanted.
        settings = {"RENEW_SCHEDULE": _NEVER, "DEDUPLICATE_FOR": "0"}
        await world.start_host([*cast.subscriptions(), *_more_entries(cast)], settings=settings)
        await _run_timer(world)
        await _play(world, cast)
        await _send_lifecycle_events(world)
        await _lose_call_records(world, cast)
        return await _published(world.azurite.connection_string)
    finally:
        await world.stop()


def write(events: Sequence[Event], folder: Path) -> None:
    """Write one event of each type into ``folder``, and one whose data are in a blob with that blob in ``event-data``.

    What stood there before is removed.
    """
    (folder / "event-data").mkdir(parents=True, exist_ok=True)
    for old in [*folder.glob("*.json"), *folder.glob("event-data/*.json")]:
        old.unlink()
    for name, event in _chosen(event for event in events if not event.from_blob).items():
        _write(folder / f"{name}.json", event.attributes | {"data": event.data})
    for name, event in _chosen(event for event in events if event.from_blob).items():
        dataref = f"{_ACCOUNT_URL}{event.attributes['dataref'].partition('/devstoreaccount1')[2]}"
        _write(folder / f"{name}-large.json", event.attributes | {"dataref": dataref})
        _write(folder / "event-data" / dataref.rpartition("/")[2], event.data)


def _chosen(events: Iterable[Event]) -> Mapping[str, Event]:
    """Return an event of each type, by its type's short name: one with content if there is one."""
    chosen: dict[str, Event] = {}
    for event in sorted(events, key=lambda event: "content" not in event.data):
        chosen.setdefault(event.attributes["type"].removeprefix("Microsoft.Graph."), event)
    return chosen


def _write(file: Path, value: Mapping[str, Any]) -> None:
    file.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _more_entries(cast: Cast) -> list[dict[str, str]]:
    """Return entries without content for kinds that the scene subscribes to only with it, and one for the gap."""
    return [
        {"resource": f"/chats/{cast.standup[1]}/members", "changeType": "created,deleted"},
        {"resource": f"/teams/{cast.marketing[1]}/channels", "changeType": "created,updated,deleted"},
        {"resource": _UNLISTED, "changeType": "created,updated"},
    ]


async def _run_timer(world: World) -> None:
    if not await world.run_timer():
        raise RuntimeError(f"RenewSubscriptions has failed. Its log: {world.last_lines()}")


async def _play(world: World, cast: Cast) -> None:
    async def rotate() -> None:
        await world.new_certificate()

    stage = Scenario(teams=world.teams, cast=cast, say=lambda _: None, pause=world.graph.idle, rotate=rotate)
    await stage.play()
    # What a busy machine has parked is published too.
    await _run_timer(world)


async def _send_lifecycle_events(world: World) -> None:
    """Have Graph send every lifecycle event."""
    by_kind = {each.resource_type.entity: each.id for each in world.graph.subscriptions()}
    world.graph.announce_missed(by_kind["chat"])
    # Graph reports removals for messages only.
    world.graph.remove_subscription(by_kind["chatMessage"])
    await world.graph.idle()
    world.clock.advance(_UNTIL_REMINDED)
    await world.graph.idle()
    if world.graph.lost or world.graph.waiting:
        raise RuntimeError(f"Graph could not deliver everything. The app's log: {world.last_lines()}")


async def _lose_call_records(world: World, cast: Cast) -> None:
    """Have a call reported, and then be missed what the app cannot read back."""
    world.teams.samples.report("callRecord", cast.adele)
    await world.graph.idle()
    (calls,) = (each for each in world.graph.subscriptions() if each.resource == _UNLISTED)
    world.graph.announce_missed(calls.id)
    await world.graph.idle()
    await _run_timer(world)


async def _published(connection_string: str) -> list[Event]:
    """Return the events in the queue, which has all of them once Graph has its answers."""
    events: list[Event] = []
    consuming = asyncio.create_task(Consumer(connection_string, QUEUE_NAME).run(events.append))
    async with (
        QueueClient.from_connection_string(connection_string, QUEUE_NAME) as queue,
        asyncio.timeout(_PATIENCE_SECONDS),
    ):
        while (await queue.get_queue_properties()).approximate_message_count:
            await asyncio.sleep(0.05)
    consuming.cancel()
    await asyncio.gather(consuming, return_exceptions=True)
    return events
