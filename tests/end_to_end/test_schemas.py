"""Every event that the sandbox's scene makes the app publish fits its schema, in messages and in blobs."""

import asyncio
from datetime import timedelta

import pytest
from azure.storage.queue.aio import QueueClient

from sandbox.azurite import Azurite
from sandbox.run.queue_consumer import Consumer, Event
from sandbox.run.scenario import Cast, Scenario
from sandbox.run.world import QUEUE_NAME, World
from tests.end_to_end.deployed import NEVER
from tests.schemas import file_by_type, problems, problems_of_data

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("schemas")]

KINDS = ("channel.json", "chat.json", "chatMessage.json", "conversationMember.json", "team.json")
# Chats are never deleted, as far as Graph's notifications go; and the scene loses nothing.
NOT_IN_THE_SCENE = {"Microsoft.Graph.ChatDeleted", "Microsoft.Graph.SubscriptionGap"}
# Graph's reminders come when an access token, of about an hour, is about to end.
UNTIL_REMINDED = timedelta(minutes=55)


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory, borrowed: Azurite) -> list[Event]:
    world = World(tmp_path_factory.mktemp("world"))
    world.azurite = borrowed
    return asyncio.run(_played(world))


async def _played(world: World) -> list[Event]:
    """Return all events of the scene, and of what happens to the subscriptions after it."""
    cast = Cast.assemble(world.teams, world.registration.tenant_ids[0])
    try:
        await world.start_services()
        # Several subscriptions report one change, and each report is checked.
        settings = {"RENEW_SCHEDULE": NEVER, "DEDUPLICATE_FOR": "0"}
        await world.start_host([*cast.subscriptions(), *_without_content(cast)], settings=settings)
        assert await world.run_timer()
        await _play(world, cast)
        await _send_lifecycle_events(world)
        return await _published(world.azurite.connection_string)
    finally:
        await world.stop()


def _without_content(cast: Cast) -> list[dict[str, str]]:
    """Return entries for the kinds that the scene itself subscribes to only with content."""
    return [
        {"resource": f"/chats/{cast.standup[1]}/members", "changeType": "created,deleted"},
        {"resource": f"/teams/{cast.marketing[1]}/channels", "changeType": "created,updated,deleted"},
    ]


async def _play(world: World, cast: Cast) -> None:
    async def rotate() -> None:
        await world.new_certificate()

    stage = Scenario(teams=world.teams, cast=cast, say=lambda _: None, pause=world.graph.idle, rotate=rotate)
    await stage.play()
    # What a busy machine has parked is published too.
    assert await world.run_timer()


async def _send_lifecycle_events(world: World) -> None:
    """Have Graph send every lifecycle event."""
    by_kind = {each.resource_type.entity: each.id for each in world.graph.subscriptions()}
    world.graph.announce_missed(by_kind["chat"])
    # Graph reports removals for messages only.
    world.graph.remove_subscription(by_kind["chatMessage"])
    await world.graph.idle()
    world.clock.advance(UNTIL_REMINDED)
    await world.graph.idle()
    assert (world.graph.lost, world.graph.waiting) == ((), 0)


async def _published(connection_string: str) -> list[Event]:
    """Return the events in the queue, which has all of them once Graph has its answers."""
    events: list[Event] = []
    consuming = asyncio.create_task(Consumer(connection_string, QUEUE_NAME).run(events.append))
    async with QueueClient.from_connection_string(connection_string, QUEUE_NAME) as queue, asyncio.timeout(30):
        while (await queue.get_queue_properties()).approximate_message_count:
            await asyncio.sleep(0.05)
    consuming.cancel()
    await asyncio.gather(consuming, return_exceptions=True)
    return events


def test_every_event_fits_its_schema(events: list[Event]) -> None:
    for event in events:
        if event.from_blob:
            assert problems(event.attributes) == []
            assert problems_of_data(event.data, event_type=event.attributes["type"]) == []
        else:
            assert problems(event.attributes | {"data": event.data}) == []


def test_scene_has_an_event_of_every_type_that_has_a_schema(events: list[Event]) -> None:
    assert {event.attributes["type"] for event in events} == file_by_type().keys() - NOT_IN_THE_SCENE


def test_scene_has_every_kind_with_and_without_content(events: list[Event]) -> None:
    seen = {(file_by_type()[event.attributes["type"]], "content" in event.data) for event in events}
    assert seen >= {(kind, rich) for kind in KINDS for rich in (True, False)}


def test_scene_has_events_whose_data_are_in_a_blob(events: list[Event]) -> None:
    assert any(event.from_blob for event in events)
