"""The rest of the catalogue: the timer subscribes to each path at a strict Graph, each documented change is published.

The paths of the articles are in test_articles.py.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import batched
from pathlib import Path
from urllib.parse import quote

import aiohttp
import pytest

from sandbox.azurite import Azurite
from sandbox.entra import Application
from sandbox.graph import Delivery, Item
from sandbox.graph.envelope import body
from sandbox.ledger import Arrival, Ledger
from sandbox.run.queue_consumer import Consumer, Event
from sandbox.run.world import QUEUE_NAME, World
from sandbox.teams import Change
from sandbox.teams.sample_items import NAMES
from shared.resources.catalogue import ResourceType
from shared.resources.paths import is_created_once
from tests.end_to_end.catalogue_tenant import ROWS, CatalogueTenant

pytestmark = pytest.mark.slow

_PATIENCE_SECONDS = 30
_ITEMS_A_POST = 20
_URL = quote(NAMES["joinWebUrl"], safe=":@=+")
# What has no path of its own is reported under the path that was subscribed to.
_SUBJECTS = {
    "callEvent": f"communications/onlineMeetings(joinWebUrl='{_URL}')/meetingCallEvents",
    "emergencyCallEvent": f"communications/calls/getEmergencyEventsByPolicy(policyName='{NAMES['policy']}')",
}


@dataclass(kw_only=True)
class Told:
    """What became of a day."""

    ledgers: dict[str, Ledger]
    """One for each subscription: several tell of one change, and what each of them tells is looked at."""
    subscriptions: int = 0
    asked: Counter[str] = field(default_factory=Counter)
    """How often Graph was asked to subscribe, by version."""
    unbooked: list[object] = field(default_factory=list)
    """What was delivered and not published, or published and not delivered, in the first round."""
    by_resource: dict[str, list[Arrival]] = field(default_factory=lambda: defaultdict(list))
    again: dict[str, list[Event]] = field(default_factory=lambda: defaultdict(list))
    without_tokens: list[Delivery] = field(default_factory=list)
    after: list[Event] = field(default_factory=list)


class _Day:
    """One host and one world for the whole module."""

    def __init__(self, folder: Path, azurite: Azurite) -> None:
        self.world = World(folder)
        self.world.azurite = azurite
        self.tenant = CatalogueTenant(self.world.teams, self.world.registration.tenant_ids[0])
        self.arrived: dict[tuple[str, ...], Event] = {}
        self.told = Told(ledgers=defaultdict(lambda: Ledger(self.world.clock)))
        self.world.graph.on_delivery(self.delivered)

    @property
    def events(self) -> list[Event]:
        """What stood in the queue, in order."""
        return list(self.arrived.values())

    def arrive(self, event: Event) -> None:
        # Of a POST that a busy machine parks, some events may have been published: they come again, just the same.
        attributes = event.attributes
        self.arrived.setdefault((event.data["subscriptionId"], attributes["id"], attributes["time"]), event)

    def delivered(self, delivery: Delivery) -> None:
        for item in delivery.items:
            self.told.ledgers[item.subscription.id].delivered(replace(delivery, items=(item,)))

    def allow(self) -> None:
        """Grant the app the least privilege for each row."""
        registration = self.world.registration
        self.world.entra.register(
            Application(
                client_id=registration.client_id,
                tenant_ids=registration.tenant_ids,
                secret=registration.client_secret,
                roles=tuple({row.permissions.application[0] for row in ROWS} | {"Chat.Read.All"}),
            )
        )

    async def run(self) -> Told:
        try:
            self.allow()
            await self.world.start_services()
            await self.world.start_host(self.tenant.subscriptions(), settings={"DEDUPLICATE_FOR": "0"})
            assert await self.world.run_timer()
            self.told.subscriptions = len(self.world.graph.subscriptions())
            self.told.asked = Counter(
                request.path_qs for request in self.world.graph_service.requests if request.method == "POST"
            )
            consuming = asyncio.create_task(Consumer(self.world.azurite.connection_string, QUEUE_NAME).run(self.arrive))
            await self.live()
            await self.redeliver()
            await self.lose_the_tokens()
            consuming.cancel()
            await asyncio.gather(consuming, return_exceptions=True)
        finally:
            await self.world.stop()
        return self.told

    async def live(self) -> None:
        ledgers = self.told.ledgers
        self.tenant.change_everything()
        await self.world.graph.idle()
        await self.until(sum(len(ledger.missing) for ledger in ledgers.values()))
        for event in self.events:
            ledgers[event.data["subscriptionId"]].arrived(event)
        for ledger in ledgers.values():
            for arrival in ledger.arrivals:
                self.told.by_resource[arrival.item.subscription.resource].append(arrival)
            self.told.unbooked += [*ledger.missing, *ledger.unexpected]

    async def redeliver(self) -> None:
        """Send everything again, as Graph does when an answer is lost: encrypted anew, in other POSTs."""
        items = [arrival.item for arrivals in self.told.by_resource.values() for arrival in arrivals]
        before = len(self.events)
        async with aiohttp.ClientSession() as session:
            for some in batched(items, _ITEMS_A_POST, strict=False):
                await self.post(session, list(some))
        await self.until(before + len(items))
        resources = {each.id: each.resource for each in self.world.graph.subscriptions()}
        for event in self.events[before:]:
            self.told.again[resources[event.data["subscriptionId"]]].append(event)

    async def post(self, session: aiohttp.ClientSession, items: list[Item]) -> None:
        data, ssl = body(items, self.world.entra, "2.0"), self.world.tls.client_context
        async with session.post(items[0].url, data=data, ssl=ssl) as answer:
            assert answer.status == 202

    async def lose_the_tokens(self) -> None:
        """Have a message written while the app's registration is such that Graph gets no tokens for it."""
        graph, before = self.world.graph, len(self.events)
        graph.role_assignment_required.add(self.world.registration.client_id)
        graph.on_delivery(self.told.without_tokens.append)
        self.tenant.write("nobody vouches for this")
        await graph.idle()
        deliveries = list(self.told.without_tokens)
        graph.role_assignment_required.clear()
        self.tenant.write("the registration is mended")
        await graph.idle()
        self.told.without_tokens[:] = deliveries
        await self.until(before + 1)
        self.told.after = self.events[before:]

    async def until(self, count: int) -> None:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while len(self.events) < count:
                await asyncio.sleep(0.5)
                # Of a burst, a busy machine parks a part.
                assert await self.world.run_timer()


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory, borrowed: Azurite) -> tuple[CatalogueTenant, Told]:
    it = _Day(tmp_path_factory.mktemp("day"), borrowed)
    return it.tenant, asyncio.run(it.run())


def _titled(text: str) -> str:
    return text[:1].upper() + text[1:]


def _subject(row: ResourceType, change: Change) -> str:
    return _SUBJECTS.get(row.type_name, "/".join(part.replace("/", "%2F") for part in change.path))


def test_every_path_is_subscribed_to_and_nothing_is_lost_or_strange(day: tuple[CatalogueTenant, Told]) -> None:
    _, told = day
    assert told.subscriptions == len(ROWS)
    in_beta = sum(row.beta for row in ROWS)
    assert told.asked == {"/v1.0/subscriptions": len(ROWS) - in_beta, "/beta/subscriptions": in_beta}
    assert (told.unbooked, sum(ledger.refused for ledger in told.ledgers.values())) == ([], 0)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.path)
def test_each_documented_change_is_published_with_its_type_subject_and_content(
    day: tuple[CatalogueTenant, Told], row: ResourceType
) -> None:
    tenant, told = day
    arrivals = told.by_resource[tenant.filled(row)]
    assert {arrival.event.attributes["type"] for arrival in arrivals} == {
        f"Microsoft.Graph.{_titled(row.type_name)}{_titled(change_type)}" for change_type in row.change_types
    }
    for arrival in arrivals:
        assert arrival.event.attributes["subject"] == _subject(row, arrival.change)
        assert arrival.event.data["resourceData"]["@odata.type"] == arrival.change.odata_type
        # What is in the content was compared with what Teams had when the arrival was booked.
        assert ("content" in arrival.event.data) is arrival.item.is_rich is row.resource_data


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.path)
def test_a_redelivery_keeps_the_id_wherever_graph_tells_the_version(
    day: tuple[CatalogueTenant, Told], row: ResourceType
) -> None:
    """Encrypted anew, a change without a version is another notification: see docs/events.md."""
    tenant, told = day
    first = [arrival.event for arrival in told.by_resource[tenant.filled(row)]]
    again = told.again[tenant.filled(row)]
    assert len({event.attributes["id"] for event in first}) == len(first) == len(again)
    versioned, again_versioned = (_ids(events, versioned=True) for events in (first, again))
    assert versioned == again_versioned
    assert _ids(first, versioned=False).isdisjoint(_ids(again, versioned=False))


def _ids(events: Sequence[Event], *, versioned: bool) -> set[str]:
    return {event.attributes["id"] for event in events if _states_version(event) is versioned}


def _states_version(event: Event) -> bool:
    change_type, content = event.data["changeType"], event.data.get("content", {})
    type_name = event.attributes["type"].removeprefix("Microsoft.Graph.").removesuffix(_titled(change_type))
    if change_type == "created" and is_created_once(type_name):
        return True
    return bool(content.get("etag") or content.get("lastModifiedDateTime"))


def test_what_comes_with_no_tokens_at_all_is_answered_and_not_published(day: tuple[CatalogueTenant, Told]) -> None:
    """`validationTokens: null`: the registration requires a role assignment that Graph Change Tracking lacks."""
    _, told = day
    assert told.without_tokens
    assert all(item.is_rich for delivery in told.without_tokens for item in delivery.items)
    assert {delivery.answer.status for delivery in told.without_tokens} == {202}
    assert [event.data["content"]["body"]["content"] for event in told.after] == ["the registration is mended"]
