"""The steps of a gap: subscriptions are lost, Teams changes, the app subscribes again and catches up."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

from sandbox.teams import Path
from shared.app import renew_subscriptions
from shared.events.cloud_events import CloudEvent
from shared.events.publish_once import PublishOnce
from shared.gaps.gap import Gap
from shared.notifications.json_text import parse_json
from shared.timing import Deadline
from tests.flows.deployment import LoopbackDeployment
from tests.flows.entries import Entry
from tests.sandbox.graph_world import ROLES


def all_of(resource: str, change_type: str = "created,updated,deleted", *, rich: bool = True) -> Entry:
    return {"resource": resource, "changeType": change_type, "includeResourceData": rich}


def gaps(deployment: LoopbackDeployment) -> Sequence[Gap]:
    """Return the rows of the gaps of the first tenant, the oldest first."""
    return sorted(deployment.app.clients.gap_table().load(deployment.tenant_id), key=lambda gap: gap.since)


def run_catch_up(
    deployment: LoopbackDeployment,
    *,
    time: timedelta = timedelta(minutes=3),
    publish: Callable[[Sequence[CloudEvent], Deadline], object] | None = None,
) -> Counter[str]:
    """Run the step once; unless ``publish`` does otherwise, events whose ids were published are not published again."""
    app = deployment.app

    def publish_new(events: Sequence[CloudEvent], _deadline: Deadline) -> None:
        known = {event.id for event in app.published}
        app.published.extend(event for event in events if event.id not in known)

    catch_up = replace(
        renew_subscriptions.catch_up(app.clients),
        publish=publish or publish_new,
        publish_again=publish or publish_new,
        # In the tests' storage account are the parked POSTs of other tests.
        is_parked=lambda _before: False,
    )
    return catch_up.run(app.time.now() + time)


def publish_once(deployment: LoopbackDeployment) -> PublishOnce:
    """Return a publisher of each change once, over the real table, whose sink is ``App.published``."""
    app = deployment.app

    def publish(events: Sequence[CloudEvent], _deadline: Deadline, sent: Callable[[CloudEvent], None]) -> None:
        for event in events:
            app.published.append(event)
            sent(event)

    return PublishOnce(app.clients.publication_table(), publish, window=timedelta(hours=4), now=app.time.now)


def subscribe(deployment: LoopbackDeployment, *entries: Entry) -> None:
    """Subscribe to ``entries``, long after everything that exists was made."""
    deployment.grant(*deployment.tenant_ids, roles=(*ROLES, "User.Read.All"))
    deployment.later(minutes=10)
    deployment.app.entries = list(entries)
    deployment.run()
    deployment.later(minutes=10)


def prove(deployment: LoopbackDeployment) -> None:
    """Renew every subscription, so that a later gap begins after the baseline."""
    deployment.later(minutes=1)
    deployment.run(force=True)


def lose_subscriptions(deployment: LoopbackDeployment) -> None:
    """Have Graph lose every subscription, without the app's next run before an hour."""
    for subscription in deployment.subscriptions():
        deployment.remove_subscription(subscription.id)
    deployment.settle()


def recreate_subscriptions(deployment: LoopbackDeployment) -> None:
    """Run the app an hour after it has lost its subscriptions, which leaves a gap on each row, until that has ended."""
    deployment.later(minutes=50)
    deployment.run()
    assert all(row.missed_interval is not None for row in deployment.rows())
    deployment.later(minutes=20)


def change_messages(deployment: LoopbackDeployment, place: Path, *, old: Path) -> None:
    """Edit an old message, and in ``place`` write three messages: the second is then edited, the third deleted."""
    ann, bob = deployment.people[deployment.tenant_id]
    messages = deployment.teams.messages
    deployment.later(minutes=10)
    deployment.do(lambda: messages.edit(old, "old, edited"))
    deployment.do(lambda: messages.send(place, ann, "written"))
    edited = deployment.do(lambda: messages.send(place, bob, "first"))
    deleted = deployment.do(lambda: messages.send(place, bob, "regretted"))
    deployment.later(minutes=1)
    deployment.do(lambda: messages.edit(edited, "second"))
    deployment.do(lambda: messages.delete(deleted))
    deployment.settle()


# What is recovered of ``change_messages``; Graph does not return the text of a deleted message.
CHANGES = [
    ("Created", ""),
    ("Deleted", ""),
    ("Updated", "old, edited"),
    ("Created", "second"),
    ("Updated", "second"),
    ("Created", "written"),
]


def recovered_changes(deployment: LoopbackDeployment) -> list[tuple[str, str]]:
    """Return the recovered changes of messages with their texts, in the order of these."""
    events = [event for event in deployment.app.published if event.recovered and "ChatMessage" in event.type]
    found = [(event.type.removeprefix("Microsoft.Graph.ChatMessage"), _text(event)) for event in events]
    return sorted(found, key=lambda change: (change[1], change[0]))


def _text(event: CloudEvent) -> str:
    return str(parse_json(event.data)["content"]["body"]["content"])
