"""A sandbox as the live page shows it. Here, content is shown: nobody's but the simulation's."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from azure.core.exceptions import AzureError

from dashboard import snapshot as page
from dashboard.snapshot import Light, Snapshot
from sandbox.graph.subscription import Subscription
from sandbox.host.process import FunctionsHost
from sandbox.page.health import Seen, health, next_run_at, plan
from sandbox.page.ring import Ring
from sandbox.page.stored import Account, Stored
from sandbox.run.world import CERTIFICATE_NAME, World

_STORED_SECONDS = 1.0
_CONTENT: Mapping[bool, str] = {True: "resource data", False: "ids only"}


class SandboxSource:
    """Looks at a world and its ring four times a second, and at the storage account once.

    ``expected``: how many subscriptions the app should have; ``controls``: what can be done from the page.
    """

    period_seconds = 0.25

    def __init__(
        self,
        world: World,
        ring: Ring,
        account: Account,
        *,
        expected: Callable[[], int],
        controls: Callable[[], page.Controls | None] = lambda: None,
    ) -> None:
        self._world = world
        self._ring = ring
        self._account = account
        self._expected = expected
        self._controls = controls
        self._stored: Stored | None = None
        self._read_at = 0.0

    async def look(self) -> Snapshot:
        """Return what there is."""
        seen = await self._seen()
        stored = seen.stored or Stored()
        waiting = (*stored.parked, *filter(None, [stored.oldest_event_at]))
        return Snapshot(
            place="sandbox on this machine",
            now=seen.now,
            health=health(seen),
            changed_at=self._ring.changed_at,
            rate=self._ring.rate(),
            answers=self._ring.answers(),
            waiting=page.Waiting(
                queued=None if self._world.event_hubs else stored.queued,
                parked=len(stored.parked),
                quarantined=stored.quarantined,
                oldest_at=min(waiting, default=None),
            ),
            gaps=page.Gaps(open=seen.gaps_open, lost=seen.gaps_lost),
            subscriptions=tuple(self._subscriptions(seen)),
            stream=self._ring.rows(),
            credentials=tuple(self._credentials(seen)),
            next_run=page.NextRun(
                last_at=stored.run.at if stored.run else None, at=next_run_at(seen), plan=tuple(plan(seen))
            ),
            controls=self._controls(),
        )

    async def _seen(self) -> Seen:
        world = self._world
        await self._refresh()
        return Seen(
            now=world.clock.now(),
            stored=self._stored,
            has_host=not isinstance(world.host, FunctionsHost) or world.host.pid is not None,
            endpoint=world.graph.health(self._notification_url()),
            repeated=world.graph.waiting,
            subscriptions=world.graph.subscriptions(),
            expected=self._expected(),
            certificate_id=next(reversed(world.vault.versions(CERTIFICATE_NAME)), None),
        )

    async def _refresh(self) -> None:
        if time.monotonic() - self._read_at < _STORED_SECONDS:
            return
        try:
            self._stored = await self._account.read()
        except AzureError:
            self._stored = None
        self._read_at = time.monotonic()

    def _notification_url(self) -> str:
        return next((each.notification_url for each in self._world.graph.subscriptions()), "")

    def _credentials(self, seen: Seen) -> Iterator[page.Credential]:
        """Yield the versions of the certificate, the newest first, and the keys that sign client states."""
        used = Counter(each.certificate_id for each in seen.subscriptions if each.is_rich)
        for version in reversed(self._world.vault.versions(CERTIFICATE_NAME)):
            if used[version] or version == seen.certificate_id:
                yield self._certificate(version, used[version])
        run = seen.stored.run if seen.stored else None
        for index, key_id in enumerate(run.key_ids if run else ()):
            kind = "Key of the client state"
            yield page.Credential(id=key_id, kind=kind, use="previous" if index else "signs", light=Light.NONE)

    def _certificate(self, version: str, used: int) -> page.Credential:
        return page.Credential(
            id=version,
            kind=f"Certificate {CERTIFICATE_NAME}",
            use=f"{used} in use" if used else "not used yet",
            ends_at=self._world.vault.certificate(CERTIFICATE_NAME, version).not_valid_after_utc,
            light=Light.GREEN if used else Light.NONE,
        )

    def _subscriptions(self, seen: Seen) -> Iterator[page.Subscription]:
        """Yield those that live, and those that the app has not got: their rows say why."""
        rows = {row.get("subscriptionId"): row for row in (seen.stored.rows if seen.stored else ())}
        for row in seen.gone():
            yield _missing(row)
        for each in seen.subscriptions:
            yield _living(each, rows.get(each.id, {}), self._ring.changed(each.id))


def _missing(row: Mapping[str, Any]) -> page.Subscription:
    failure = str(row.get("error", ""))
    return page.Subscription(
        id=str(row["RowKey"]),
        resource=str(row["resource"]),
        changes=_changes(row["changeType"]),
        content=_CONTENT[row.get("includeResourceData") is True],
        state="failing" if failure else "gone",
        light=Light.RED,
        renewed_at=None,
        expires_at=None,
        changed_at=None,
        failure=failure,
    )


def _living(subscription: Subscription, row: Mapping[str, Any], changed_at: datetime | None) -> page.Subscription:
    failure = str(row.get("error", ""))
    return page.Subscription(
        id=subscription.id,
        resource=subscription.resource,
        changes=_changes(subscription.change_type),
        content=_CONTENT[subscription.is_rich],
        state="failing" if failure else "active",
        light=Light.AMBER if failure else Light.GREEN,
        renewed_at=subscription.renewed_at or subscription.created_at,
        expires_at=subscription.expires_at,
        changed_at=changed_at,
        failure=failure,
    )


def _changes(change_type: str) -> str:
    return ", ".join(change_type.replace(" ", "").split(","))
