"""An app in Azure as the live page shows it: what its storage account says, and of events no content.

Graph, the vault and Entra ID are not asked: what they answered the app stands in the row of its last run.
"""

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain

from cli.account import Account
from cli.deployments import differences, remarks
from cli.glance import Glance, light, waiting
from cli.output import printable
from cli.page.plan import next_run
from cli.queue_peek import Message
from cli.subscription_status import StatusContext, SubscriptionState, state_of
from dashboard import snapshot as page
from dashboard.snapshot import Health, Light, Snapshot, StreamRow
from dashboard.source import MOST_ROWS
from shared.errors import Problem
from shared.subscriptions.deployment_status import failures
from shared.subscriptions.tracked import TrackedSubscription
from shared.timing import utc_time

_DOCTOR = "What to do about it: python -m cli doctor"
_LIGHTS = {
    SubscriptionState.ACTIVE: Light.GREEN,
    SubscriptionState.PENDING: Light.AMBER,
    SubscriptionState.UNWANTED: Light.NONE,
}
_CHANGES = ("created", "updated", "deleted")
_NOTES = (
    "How many changes arrive a minute, and how fast the app answers Graph, storage does not say: see the workbook.",
    "Of the queue, only the 32 events at its head can be seen.",
)


class DeploymentSource:
    """Looks at the storage account every five seconds; holds nothing that could change it."""

    period_seconds = 5.0

    def __init__(self, account: Account, tenant_ids: tuple[str, ...]) -> None:
        self._account = account
        self._tenant_ids = tenant_ids
        self._rows = OrderedDict[str, StreamRow]()

    async def look(self) -> Snapshot:
        """Return what the account says; that it does not answer is said, too."""
        return await asyncio.to_thread(self._look)

    def _look(self) -> Snapshot:
        try:
            glance = self._account.glance(self._tenant_ids)
            self._see(self._account.queue.peek() if self._account.queue else ())
        except Problem as problem:
            health = Health(light=Light.RED, sentence="The storage account cannot be read", remedy=str(problem))
            return Snapshot(place=self._place, now=self._account.now(), health=health)
        return self._snapshot(glance)

    def _snapshot(self, glance: Glance) -> Snapshot:
        oldest = [post.received_at for post in glance.parked]
        return Snapshot(
            place=self._place,
            now=glance.now,
            health=health_of(glance),
            changed_at=glance.last_change_at,
            waiting=page.Waiting(
                queued=glance.queued,
                parked=len(glance.parked),
                quarantined=glance.quarantined,
                oldest_at=min([*oldest, *filter(None, [glance.oldest_event])], default=None),
            ),
            gaps=page.Gaps(open=len(glance.open_gaps()), lost=len(glance.unfilled_gaps())),
            subscriptions=tuple(_subscriptions(glance)),
            stream=tuple(reversed(self._rows.values())),
            credentials=tuple(_credentials(glance)),
            next_run=next_run(glance, self._account.settings.renew_after),
            notes=(*self._differences(glance), *_NOTES),
        )

    @property
    def _place(self) -> str:
        # The query may contain a function key.
        return self._account.settings.notification_url.partition("?")[0]

    def _differences(self, glance: Glance) -> Iterator[str]:
        """Yield how the settings here are not the app's: what is shown may then be of another one."""
        if glance.owner is not None:
            settings = self._account.settings
            for each in (*differences(settings, glance.owner.facts), *remarks(settings, glance.owner)):
                yield f"{each[0].upper()}{each[1:]}."

    def _see(self, messages: Sequence[Message]) -> None:
        """Remember the events at the head of the queue, and which of them a consumer has taken since."""
        there = {message.message_id for message in messages}
        for id_ in self._rows.keys() - there:
            self._rows[id_] = replace(self._rows[id_], arrival="taken by a consumer")
        for message in messages:
            if message.message_id not in self._rows and (new := _row(message)) is not None:
                self._rows[message.message_id] = new
        while len(self._rows) > MOST_ROWS:
            self._rows.popitem(last=False)


def health_of(glance: Glance) -> Health:
    """Return the light, the sentence, and what to do."""
    said = "; ".join([*glance.troubles(), *glance.remarks()])
    if not said:
        return Health(light=Light.GREEN, sentence=f"Graph delivers, and {waiting(glance)}")
    answers = glance.owner.answers if glance.owner else None
    refusals = "; ".join(failures(answers).values()) if answers else ""
    return Health(light=light(glance), sentence=f"{said[0].upper()}{said[1:]}", remedy=refusals or _DOCTOR)


def _subscriptions(glance: Glance) -> Iterator[page.Subscription]:
    """Yield the subscriptions, first those that somebody should look at."""
    context = StatusContext(now=glance.now, overdue_after=glance.overdue_after)
    shown = [_subscription(row, state_of(row, context)) for row in glance.rows]
    yield from sorted(shown, key=lambda each: (each.light is not Light.RED, each.resource, each.changes))


def _subscription(row: TrackedSubscription, state: SubscriptionState) -> page.Subscription:
    desired, applied = row.desired, row.applied
    content = "resource data" if desired.include_resource_data else "fetched" if desired.fetch else "ids only"
    return page.Subscription(
        id=f"{desired.tenant_id}/{row.key}",
        resource=desired.resource,
        changes=", ".join(sorted(desired.change_types)),
        content=f"{content}, as user" if desired.delegated else content,
        state=state.value,
        light=_LIGHTS.get(state, Light.RED),
        renewed_at=applied.renewed_at if applied else None,
        expires_at=applied.expiration if applied else None,
        changed_at=row.activity.notification_at,
        failure=row.failure.text if row.failure else "",
    )


def _row(message: Message) -> StreamRow | None:
    """Return the row of an event without its content; None for what is no event of the app."""
    event = message.event or {}
    try:
        at = utc_time(event.get("time"))
    except ValueError:
        return None
    # Whoever may write into the queue writes what they like: half a character would be no JSON.
    name, subject = (printable(str(event.get(name, ""))) for name in ("type", "subject"))
    name = name.removeprefix("Microsoft.Graph.")
    change = next((each for each in _CHANGES if name.endswith(each.title())), "")
    kind = name.removesuffix(change.title()) if change else name
    return StreamRow(id=message.message_id, at=at, change=change, kind=kind, what=subject, arrival="in the queue")


def _credentials(glance: Glance) -> Iterator[page.Credential]:
    """Yield the certificates and the keys of client states that subscriptions use, the newest first."""
    applied = [row.applied for row in glance.rows if row.applied]
    used = Counter(filter(None, (each.certificate_id for each in applied)))
    answers = glance.owner.answers if glance.owner else None
    newest = answers.certificate_version if answers else None
    for version in dict.fromkeys(filter(None, chain([newest], used))):
        yield page.Credential(
            id=version,
            kind="Certificate" if version == newest else "Certificate, earlier version",
            use=f"{used[version]} in use" if used[version] else "not used yet",
            ends_at=answers.certificate_ends_at if answers and version == newest else None,
            light=Light.GREEN if used[version] else Light.NONE,
        )
    keys = Counter(filter(None, (row.client_state_key_id for row in glance.rows)))
    for key_id in dict.fromkeys(chain(glance.owner.facts.key_ids if glance.owner else (), keys)):
        yield page.Credential(id=key_id, kind="Key of the client state", use=f"{keys[key_id]} in use")
