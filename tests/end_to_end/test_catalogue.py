"""The rest of the catalogue: the timer subscribes to each path at a strict Graph, each documented change is published.

The paths of the articles are in test_articles.py.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from itertools import batched
from pathlib import Path
from urllib.parse import quote

import aiohttp
import pytest

from sandbox.azurite import Azurite
from sandbox.entra import Application
from sandbox.graph import Delivery
from sandbox.graph.envelope import body
from sandbox.ledger import Arrival, Ledger
from sandbox.run.queue_consumer import Consumer, Event
from sandbox.run.sink import QUEUE_NAME
from sandbox.run.world import World
from sandbox.teams import Change
from sandbox.teams.sample_items import NAMES
from shared.resources.catalogue import ResourceType
from shared.resources.paths import is_created_once
from tests.end_to_end.catalogue_tenant import ROWS, CatalogueTenant

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("catalogue")]

_PATIENCE_SECONDS = 30
_ITEMS_A_POST = 20
_URL = quote(NAMES["joinWebUrl"], safe=":@=+")
# What has no path of its own is reported under the path that was subscribed to.
_SUBJECTS = {
    "callEvent": f"communications/onlineMeetings(joinWebUrl='{_URL}')/meetingCallEvents",
    "emergencyCallEvent": f"communications/calls/getEmergencyEventsByPolicy(policyName='{NAMES['policy']}')",
}


class _Run:
    """One host and one world for the whole module, and what became of every change."""

    def __init__(self, folder: Path, azurite: Azurite) -> None:
        self.world = World(folder)
        self.world.azurite = azurite
        self.tenant = CatalogueTenant(self.world.teams, self.world.registration.tenant_ids[0])
        self.deliveries: list[Delivery] = []
        # Several subscriptions report one change, and what each of them reports is compared.
        self.ledgers: dict[str, Ledger] = defaultdict(lambda: Ledger(self.world.clock))
        self.requests = Counter[str]()
        self.mismatches: list[object] = []
        self.first: dict[str, list[Arrival]] = defaultdict(list)
        self.again: dict[str, list[Event]] = defaultdict(list)
        self.without_tokens: list[Delivery] = []
        self.after: list[Event] = []
        self._arrived: dict[tuple[str, ...], Event] = {}
        self.world.graph.on_delivery(self._delivered)

    @property
    def events(self) -> list[Event]:
        """What was in the queue, in order."""
        return list(self._arrived.values())

    async def run(self) -> None:
        try:
            self._grant_permissions()
            await self.world.start_services()
            await self.world.start_host(self.tenant.subscriptions(), settings={"DEDUPLICATE_FOR": "0"})
            assert await self.world.run_timer()
            requests = self.world.graph_service.requests
            self.requests.update(request.path_qs for request in requests if request.method == "POST")
            consuming = asyncio.create_task(
                Consumer(self.world.azurite.connection_string, QUEUE_NAME).run(self._arrive)
            )
            await self._deliver()
            await self._redeliver()
            await self._deliver_without_tokens()
            consuming.cancel()
            await asyncio.gather(consuming, return_exceptions=True)
        finally:
            await self.world.stop()

    def _grant_permissions(self) -> None:
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

    def _arrive(self, event: Event) -> None:
        # Of a POST that a busy machine parks, some events may have been published: they come again, just the same.
        attributes = event.attributes
        self._arrived.setdefault((event.data["subscriptionId"], attributes["id"], attributes["time"]), event)

    def _delivered(self, delivery: Delivery) -> None:
        self.deliveries.append(delivery)
        for item in delivery.items:
            self.ledgers[item.subscription.id].delivered(replace(delivery, items=(item,)))

    async def _deliver(self) -> None:
        self.tenant.change_everything()
        await self.world.graph.idle()
        await self._wait_for(sum(len(ledger.missing) for ledger in self.ledgers.values()))
        for event in self.events:
            self.ledgers[event.data["subscriptionId"]].arrived(event)
        for ledger in self.ledgers.values():
            for arrival in ledger.arrivals:
                self.first[arrival.item.subscription.resource].append(arrival)
            self.mismatches += [*ledger.missing, *ledger.unexpected, *[ledger.refused] * (ledger.refused > 0)]

    async def _redeliver(self) -> None:
        """Send everything again, as Graph does when an answer is lost: encrypted again, in other POSTs."""
        items = [arrival.item for arrivals in self.first.values() for arrival in arrivals]
        before, ssl = len(self.events), self.world.tls.client_context
        async with aiohttp.ClientSession() as session:
            for some in batched(items, _ITEMS_A_POST, strict=False):
                data = body(some, self.world.entra, "2.0")
                async with session.post(some[0].url, data=data, ssl=ssl) as answer:
                    assert answer.status == 202
        await self._wait_for(before + len(items))
        resources = {each.id: each.resource for each in self.world.graph.subscriptions()}
        for event in self.events[before:]:
            self.again[resources[event.data["subscriptionId"]]].append(event)

    async def _deliver_without_tokens(self) -> None:
        """Have a message written while the app's registration is such that Graph gets no tokens for it."""
        graph, events, deliveries = self.world.graph, len(self.events), len(self.deliveries)
        graph.role_assignment_required.add(self.world.registration.client_id)
        self.tenant.write("without a token")
        await graph.idle()
        self.without_tokens = self.deliveries[deliveries:]
        graph.role_assignment_required.clear()
        self.tenant.write("with a token")
        await graph.idle()
        await self._wait_for(events + 1)
        self.after = self.events[events:]

    async def _wait_for(self, count: int) -> None:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while len(self.events) < count:
                await asyncio.sleep(0.5)
                # Of a burst, a busy machine parks a part.
                assert await self.world.run_timer()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, borrowed: Azurite) -> _Run:
    it = _Run(tmp_path_factory.mktemp("catalogue"), borrowed)
    asyncio.run(it.run())
    return it


def _titled(text: str) -> str:
    return text[:1].upper() + text[1:]


def _subject(row: ResourceType, change: Change) -> str:
    return _SUBJECTS.get(row.type_name, "/".join(part.replace("/", "%2F") for part in change.path))


def test_every_path_is_subscribed_to_and_every_change_arrives(run: _Run) -> None:
    in_beta = sum(row.beta for row in ROWS)
    assert run.requests == {"/v1.0/subscriptions": len(ROWS) - in_beta, "/beta/subscriptions": in_beta}
    assert len(run.world.graph.subscriptions()) == len(ROWS)
    assert run.mismatches == []


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.path)
def test_documented_change_is_published_with_type_subject_and_content(run: _Run, row: ResourceType) -> None:
    arrivals = run.first[run.tenant.filled(row)]
    assert {arrival.event.attributes["type"] for arrival in arrivals} == {
        f"Microsoft.Graph.{_titled(row.type_name)}{_titled(change_type)}" for change_type in row.change_types
    }
    for arrival in arrivals:
        assert arrival.event.attributes["subject"] == _subject(row, arrival.change)
        assert arrival.event.data["resourceData"]["@odata.type"] == arrival.change.odata_type
        # What is in the content was compared with what Teams had when the arrival was booked.
        assert ("content" in arrival.event.data) is arrival.item.is_rich is row.resource_data


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.path)
def test_redelivered_change_with_a_version_has_the_same_id(run: _Run, row: ResourceType) -> None:
    """Encrypted again, a change without a version is another notification: see docs/events.md."""
    first = [arrival.event for arrival in run.first[run.tenant.filled(row)]]
    again = run.again[run.tenant.filled(row)]
    assert len({event.attributes["id"] for event in first}) == len(first) == len(again)
    assert _ids(first, versioned=True) == _ids(again, versioned=True)
    assert _ids(first, versioned=False).isdisjoint(_ids(again, versioned=False))


def _ids(events: Sequence[Event], *, versioned: bool) -> set[str]:
    return {event.attributes["id"] for event in events if _states_version(event) is versioned}


def _states_version(event: Event) -> bool:
    change_type, content = event.data["changeType"], event.data.get("content", {})
    type_name = event.attributes["type"].removeprefix("Microsoft.Graph.").removesuffix(_titled(change_type))
    if change_type == "created" and is_created_once(type_name):
        return True
    return bool(content.get("etag") or content.get("lastModifiedDateTime"))


def test_post_without_validation_tokens_is_answered_and_not_published(run: _Run) -> None:
    """`validationTokens: null`: the registration requires a role assignment that Graph Change Tracking lacks."""
    assert run.without_tokens
    assert all(item.is_rich for delivery in run.without_tokens for item in delivery.items)
    assert {delivery.answer.status for delivery in run.without_tokens} == {202}
    assert [event.data["content"]["body"]["content"] for event in run.after] == ["with a token"]
