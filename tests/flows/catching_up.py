"""The step of the timer that closes gaps, over the real clients, and what a test does to it."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

from sandbox.teams import Path
from shared.app import renew_subscriptions
from shared.events.cloud_events import CloudEvent
from shared.gaps.backfill import GraphLists
from shared.gaps.gap import Gap
from shared.gaps.gap_table import GapTable
from shared.notifications.collection import parse_json
from shared.timing import Deadline
from tests.flows.wishes import Entry
from tests.flows.world import World
from tests.sandbox.graph_world import ROLES

EVERYTHING = "created,updated,deleted"
CATCHING_UP = (*ROLES, "User.Read.All")


def all_of(resource: str, *, rich: bool = True) -> Entry:
    return {"resource": resource, "changeType": EVERYTHING, "includeResourceData": rich}


def table(world: World) -> GapTable:
    return world.app.clients.gap_table()


def gaps(world: World) -> Sequence[Gap]:
    """Return the rows of the gaps of the first tenant, the oldest first."""
    return sorted(table(world).load(world.tenant_id), key=lambda gap: gap.since)


def caught_up(
    world: World,
    *,
    time: timedelta = timedelta(minutes=3),
    around_graph: Callable[[GraphLists], GraphLists] = lambda graph: graph,
    publish: Callable[[Sequence[CloudEvent], Deadline], object] | None = None,
) -> Counter[str]:
    """Run the step once; unless ``publish`` does otherwise, what has been published, by its id, is not again."""
    app = world.app

    def once(events: Sequence[CloudEvent], _deadline: Deadline) -> None:
        known = {event.id for event in app.published}
        app.published.extend(event for event in events if event.id not in known)

    whole = renew_subscriptions.catch_up(app.clients)
    catch_up = replace(
        whole,
        graph=lambda tenant_id: around_graph(whole.graph(tenant_id)),
        publish=publish or once,
        # The tests' storage account has what others have parked.
        is_parked=lambda _before: False,
    )
    return catch_up.run(app.time.now() + time)


def subscribed(world: World, *entries: Entry) -> None:
    """Have the app watch ``entries``, and nothing of what is there be new to it."""
    world.grant(*world.tenant_ids, roles=CATCHING_UP)
    world.later(minutes=10)
    world.app.entries = list(entries)
    world.run()
    world.later(minutes=10)


def lost(world: World) -> None:
    """Have Graph lose every subscription, which nobody notices for an hour but who is called."""
    for subscription in world.subscriptions():
        world.do(lambda id_=subscription.id: world.graph.remove_subscription(id_))  # type: ignore[misc]  # a default
    world.settle()


def found_again(world: World) -> None:
    """Have the app subscribe anew, an hour after it has lost everything."""
    world.later(minutes=50)
    world.run()
    assert [row.missed_interval is not None for row in world.rows()] == [True] * len(world.rows())


def write_edit_and_delete(world: World, place: Path, *, old: Path) -> None:
    """Have an old message edited, and in a place one written, one written and edited, one written and deleted."""
    ann, bob = world.people[world.tenant_id]
    messages = world.teams.messages
    world.later(minutes=10)
    world.do(lambda: messages.edit(old, "old, edited"))
    world.do(lambda: messages.send(place, ann, "written"))
    edited = world.do(lambda: messages.send(place, bob, "first"))
    deleted = world.do(lambda: messages.send(place, bob, "regretted"))
    world.later(minutes=1)
    world.do(lambda: messages.edit(edited, "second"))
    world.do(lambda: messages.delete(deleted))
    world.settle()


def told(world: World) -> list[tuple[str, str]]:
    """Return the changes of messages that were recovered, with what they say, in order of their texts."""
    events = [event for event in world.app.published if event.recovered and "ChatMessage" in event.type]
    found = [(event.type.removeprefix("Microsoft.Graph.ChatMessage"), _text(event)) for event in events]
    return sorted(found, key=lambda change: (change[1], change[0]))


def _text(event: CloudEvent) -> str:
    return str(parse_json(event.data)["content"]["body"]["content"])


# What is to be found of ``write_edit_and_delete``; of a message that is gone nobody knows any more what it said.
CHANGES = [
    ("Created", ""),
    ("Deleted", ""),
    ("Updated", "old, edited"),
    ("Created", "second"),
    ("Updated", "second"),
    ("Created", "written"),
]
