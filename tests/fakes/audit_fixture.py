"""The audit with everything that it needs in memory: Graph's lists, the tables, the records and a sink."""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from shared.audit.audit import Audit
from shared.audit.audit_run import SPACING, Audits
from shared.audit.records import LAYOUT
from shared.errors import NotFound, Problem
from shared.events.cloud_events import CloudEvent
from shared.gaps.gap import Gap
from shared.gaps.turns import Turns
from shared.graph.client import Page
from shared.subscriptions.deployment_status import Records
from shared.subscriptions.tracked import TrackedSubscription
from shared.timing import Deadline
from tests.fakes.audit_table import InMemoryAuditTable
from tests.fakes.calls import Calls
from tests.fakes.catch_up_fixture import USERS, window
from tests.fakes.clocks import SettableClock
from tests.fakes.executors import InlineExecutor
from tests.fakes.gap_table import InMemoryGapTable
from tests.fakes.gap_values import message
from tests.fakes.subscription_table import InMemorySubscriptionTable
from tests.fakes.subscription_values import HOUR, MINUTE, NOW, OBSERVED, ROW
from tests.sender import CLIENT_ID, TENANT

DAY = timedelta(days=1)
BEGAN = NOW - 29 * HOUR
IN_WINDOW = NOW - 10 * HOUR
AUDITED = replace(ROW, applied=replace(OBSERVED, created_at=NOW - 9 * DAY), etag=None)


def sent(number: int, **changes: Any) -> dict[str, Any]:
    """Return a message of the window."""
    return message(str(number), **({"created": IN_WINDOW} | changes))


def row_with(**changes: Any) -> TrackedSubscription:
    """Return the row of ``AUDITED`` with these changes to the row, to what is desired, or to what Graph has."""
    applied = {name: changes.pop(name) for name in ("created_at",) if name in changes}
    row_changes = {name: changes.pop(name) for name in ("is_wanted", "missed_interval") if name in changes}
    assert AUDITED.applied is not None
    row = replace(AUDITED, desired=replace(AUDITED.desired, **changes), applied=replace(AUDITED.applied, **applied))
    return replace(row, **row_changes)


class AuditFixture:
    """``lists`` has each list's pages by its path without the query; a problem in place of a page is raised."""

    def __init__(self, *rows: TrackedSubscription, tenants: Sequence[str] = (TENANT,), seed: int = 1) -> None:
        self.clock = SettableClock()
        self.tracking = InMemorySubscriptionTable(Calls())
        self.gaps = InMemoryGapTable()
        self.table = InMemoryAuditTable()
        self.lists: dict[str, list[list[Mapping[str, Any]] | Problem]] = {}
        self.asked: list[tuple[datetime, str]] = []
        self.recorded: set[str] = set()
        self.published: list[CloudEvent] = []
        self.sink_is_down: Problem | None = None
        self.parked: list[tuple[str, datetime]] = []
        self.listed = 0
        self.ended: list[Audit] = []
        self.records: Records | None = Records(since=NOW - 9 * DAY, layout=LAYOUT)
        self.took = timedelta(0)
        self.tenants = tenants
        self._chance = random.Random(seed)  # noqa: S311  chance that can be repeated, no secret
        for row in rows or (AUDITED,):
            self.tracking.save(row)
        self.restart()

    def restart(self) -> None:
        """Begin a new process of the app."""
        self.audits = Audits(
            tenant_ids=self.tenants,
            client_id=CLIENT_ID,
            every=DAY,
            deduplicate_for=4 * HOUR,
            subscription_table=self.tracking,
            gap_table=self.gaps,
            audit_table=self.table,
            publish_missing=self._publish_missing,
            parked=self.list_parked,
            turns=Turns(
                graph=lambda tenant_id: _Tenant(self, tenant_id),
                clock=self.clock,
                ends=NOW,
                pool=InlineExecutor(),
                call_timeout=timedelta(seconds=30),
                tenant_spacing=SPACING,
            ),
            clock=self.clock,
            chance=self._chance,
            on_end=self.ended.append,
        )

    def run(self, *, time: timedelta = MINUTE) -> Counter[str]:
        return self.audits.run(self.clock.now() + time, self.records)

    def run_for(self, time: timedelta) -> None:
        """Give it turn after turn."""
        until = self.clock.now() + time
        while self.clock.now() < until:
            before = self.clock.now()
            self.run()
            if self.clock.now() == before:
                self.clock.sleep_until(min(until, before + MINUTE))

    def audit(self, **changes: Any) -> Audit:
        """Return the only row, and save it with ``changes``."""
        [row] = self.table.rows.values()
        return self.table.save(replace(row, **changes)) if changes else row

    def has(self, users: Sequence[str], **messages: Sequence[Mapping[str, Any]] | Problem) -> None:
        """Have these users be there, with a page of messages, or a problem, for some."""
        self.lists[USERS] = [[{"id": user} for user in users]]
        for user in users:
            found = messages.get(user, [])
            self.lists[window(user)] = [found if isinstance(found, Problem) else list(found)]

    def publish_all(self) -> None:
        """Have everything that is there be published, and begin anew."""
        self.run()
        self.table.rows.clear()
        self.gaps.rows.clear()
        self.ended.clear()
        self.published.clear()

    def figures(self) -> str:
        """Return the figures of the audit that has ended, and why it is not complete."""
        [audit] = self.ended
        return audit.figures() if audit.reason is None else f"{audit.figures()} {audit.reason}"

    def opened(self) -> Sequence[Gap]:
        return list(self.gaps.rows.values())

    def _publish_missing(self, events: Sequence[CloudEvent], _deadline: Deadline) -> Sequence[CloudEvent]:
        if self.sink_is_down is not None:
            raise self.sink_is_down
        missing = list({event.provenance.dedup_key: event for event in events}.values())
        missing = [event for event in missing if event.provenance.dedup_key not in self.recorded]
        self.recorded.update(event.provenance.dedup_key for event in missing)
        self.published.extend(missing)
        return missing

    def list_parked(self) -> Sequence[tuple[str, datetime]]:
        self.listed += 1
        return self.parked

    def read(self, path: str) -> Page:
        self.asked.append((self.clock.now(), path))
        self.clock.pass_by(self.took)
        base, _, query = path.partition("?")
        pages = self.lists.get(base)
        if pages is None:
            raise NotFound(f"Graph answered 404 to GET {base}")
        number = int(query.removeprefix("page=")) if query.startswith("page=") else 0
        page = pages[number]
        if isinstance(page, Problem):
            raise page
        following = f"{base}?page={number + 1}" if number + 1 < len(pages) else None
        return Page(items=tuple(page), next_path=following)


@dataclass(frozen=True)
class _Tenant:
    world: AuditFixture
    tenant_id: str

    def get_page(self, path: str) -> Page:
        return self.world.read(path)

    def get_item(self, path: str) -> Mapping[str, Any]:
        [item] = self.world.read(path).items
        return item
