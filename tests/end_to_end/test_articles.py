"""Every path of the requirement articles: the timer subscribes to it at a strict Graph, and its changes arrive."""

import asyncio
import logging
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from sandbox.azurite import Azurite
from sandbox.ledger import Ledger
from sandbox.run.queue_consumer import Consumer, Event
from sandbox.run.sink import QUEUE_NAME
from sandbox.run.world import World
from sandbox.teams import Path as TeamsPath
from shared.resources.catalogue import OVERVIEW_RESOURCES

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180), pytest.mark.xdist_group("articles")]

_LOG = logging.getLogger(__name__)

# A few of them are well below the five minutes by which tokens are backdated.
_RETRY_STEP = timedelta(seconds=5)
# Longer than the pause of a minute after which a parked POST is tried again.
_PATIENCE_SECONDS = 90
# How often to look before the timer runs.
_LOOKS_A_RUN = 20
# Several subscriptions report one change, and each report is checked.
_OFF = "0"


class Company:
    """A tenant with one of each resource, and every change that Graph reports."""

    def __init__(self, world: World) -> None:
        self._clock, self._teams = world.clock, world.teams
        tenant_id = world.registration.tenant_ids[0]
        self._people = [world.teams.add_user(tenant_id, name) for name in ("Adele Vance", "Alex Wilber", "Megan Bowen")]
        adele, alex, _ = self._people
        self._chat = world.teams.chats.create([adele, alex], topic="Stand-up")
        self._team = world.teams.teams.create(adele, "Marketing")
        self._channel = world.teams.channels.create(self._team, "Launch", membership_type="private")

    def subscriptions(self, *, include_resource_data: bool) -> Sequence[dict[str, Any]]:
        ids = {"{chat-id}": self._chat[1], "{team-id}": self._team[1], "{channel-id}": self._channel[-1]}
        ids["{user-id}"] = self._people[0].id
        return [
            {
                "resource": _filled(row.path, ids),
                "changeType": ",".join(sorted(row.change_types)),
                "includeResourceData": include_resource_data,
            }
            for row in OVERVIEW_RESOURCES
        ]

    def change_everything(self) -> None:
        """Make every kind of change to every kind of resource."""
        adele, alex, megan = self._people
        chats, channels, teams = self._teams.chats, self._teams.channels, self._teams.teams
        for conversation in (self._chat, self._channel):
            self._write(conversation)
        chats.create([adele, alex])
        chats.rename(self._chat, "Stand-up, 9:15")
        member = chats.add_member(self._chat, megan)
        # In the same millisecond the chat would look as after its renaming: two changes, and one state.
        self._clock.advance(timedelta(milliseconds=1))
        chats.remove_member(member)
        member = teams.add_member(self._team, alex)
        teams.set_roles(member, ["owner"])
        teams.remove_member(member)
        member = channels.add_member(self._channel, alex)
        channels.set_roles(member, ["owner"])
        channels.remove_member(member)
        channels.rename(self._channel, "Launch 2027")
        channels.delete(channels.create(self._team, "Music"))
        teams.rename(self._team, "Marketing & Communications")
        teams.delete(teams.create(adele, "Office party"))

    def _write(self, conversation: TeamsPath) -> None:
        messages, adele = self._teams.messages, self._people[0]
        message = messages.send(conversation, adele, "Grüße 👋")
        messages.edit(message, "Good morning")
        messages.delete(message)


def _filled(path: str, ids: dict[str, str]) -> str:
    for name, value in ids.items():
        path = path.replace(name, value)
    return path


async def _arrived(world: World, *, include_resource_data: bool) -> tuple[Ledger, Counter[str], int]:
    company = Company(world)
    ledger, counts = Ledger(world.clock), Counter[str]()

    def arrived(event: Event) -> None:
        counts[event.data["subscriptionId"]] += 1
        ledger.arrived(event)

    world.graph.on_delivery(ledger.delivered)
    try:
        await world.start_services()
        subscriptions = company.subscriptions(include_resource_data=include_resource_data)
        await world.start_host(subscriptions, settings={"DEDUPLICATE_FOR": _OFF})
        assert await world.run_timer()
        consumer = Consumer(world.azurite.connection_string, QUEUE_NAME)
        consuming = asyncio.create_task(consumer.run(arrived))
        company.change_everything()
        await world.graph.idle()
        with suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await _everything_arrived(world, ledger, counts)
        if ledger.missing:
            # The test names what; the app may have said why.
            _LOG.warning("the app's last lines: %s", world.last_lines(200))
        consuming.cancel()
        await asyncio.gather(consuming, return_exceptions=True)
        return ledger, counts, len(world.graph.subscriptions())
    finally:
        await world.stop()


async def _everything_arrived(world: World, ledger: Ledger, counts: Counter[str]) -> None:
    """Return once nothing is missing, and every subscription has reported something."""
    for look in count(1):
        await asyncio.sleep(0.05)
        if not ledger.missing and len(counts) == len(OVERVIEW_RESOURCES):
            return
        if look % _LOOKS_A_RUN:
            continue
        # What is answered too late, Graph sends again.
        if world.graph.waiting:
            world.clock.advance(_RETRY_STEP)
        # Of a burst, a busy machine parks a part.
        assert await world.run_timer()


@pytest.mark.parametrize("include_resource_data", [True, False], ids=["rich", "basic"])
def test_changes_of_every_path_of_the_articles_arrive_as_typed(
    tmp_path: Path,
    borrowed: Azurite,
    include_resource_data: bool,  # noqa: FBT001  a parameter of the test
) -> None:
    world = World(tmp_path)
    world.azurite = borrowed
    ledger, counts, subscriptions = asyncio.run(_arrived(world, include_resource_data=include_resource_data))
    assert subscriptions == len(OVERVIEW_RESOURCES)
    assert len(counts) == len(OVERVIEW_RESOURCES), counts
    assert (ledger.missing, ledger.unexpected, ledger.refused) == ([], [], 0)
    kinds = {name.removeprefix("Microsoft.Graph.") for name in ledger.counts()}
    for kind in ("ChatMessage", "Channel", "Team", "ConversationMember"):
        assert {f"{kind}Created", f"{kind}Updated", f"{kind}Deleted"} <= kinds
    assert {"ChatCreated", "ChatUpdated"} <= kinds
