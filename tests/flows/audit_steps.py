"""The steps of an audit over the real clients: what is received is recorded, time passes, a sample is read back."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial

from sandbox.teams import Path
from shared.app.audits import audit_table, audits
from shared.audit.audit import Audit, requested_audit
from shared.audit.records import checked_records
from shared.events.publication_table import table_name
from shared.subscriptions.deployment_status import Records
from tests.eventually import eventually
from tests.flows.catch_up_steps import publish_once, run_catch_up
from tests.flows.deployment import LoopbackDeployment

DEDUPLICATE_FOR = timedelta(hours=4)


@dataclass
class AuditedApp:
    """The app of a deployment, which records what it publishes."""

    deployment: LoopbackDeployment
    ended: list[Audit] = field(default_factory=list)
    records: Records | None = None

    def __post_init__(self) -> None:
        self._once = publish_once(self.deployment)
        self.deployment.app.publish_with(self._once.publish)

    def look_at_records(self) -> None:
        """Do what each run of the timer does."""
        app = self.deployment.app
        table = app.clients.publication_table()
        self.records = checked_records(self.records, table, deduplicate_for=DEDUPLICATE_FOR, now=app.time.now())

    def lose_records(self) -> None:
        """Delete the table of today."""
        self._wait()
        tables = self.deployment.app.clients.tables()
        tables.delete_table(table_name(self.deployment.clock.now().date()))
        # No process that runs on knows what it has published.
        self._once = publish_once(self.deployment)
        self.deployment.app.publish_with(self._once.publish)

    def audit(self) -> Audit:
        """Run the step until an audit ends, and return that."""
        self._wait()
        self.look_at_records()
        clients, before = self.deployment.app.clients, len(self.ended)
        flow = replace(
            audits(clients),
            publish_missing=self._once.publish_missing,
            chance=random.Random(1),  # noqa: S311  chance that can be repeated, no secret
            on_end=self.ended.append,
        )
        for _ in range(60):
            flow.run(clients.clock.now() + timedelta(minutes=1), self.records)
            if len(self.ended) > before:
                return self.ended[-1]
        raise AssertionError("the audit does not end")

    def request(self, path: str, *, hours: int) -> None:
        """Ask for an audit of what was written in the last hours."""
        app = self.deployment.app
        now = app.time.now()
        window = (now - timedelta(hours=hours), now)
        audit = requested_audit(self.deployment.tenant_id, path, window, now, previous=None)
        audit_table(app.clients).save(audit)

    def fill_gaps(self) -> None:
        """Read back what a gap of the audit covers."""
        run_catch_up(self.deployment, publish=partial(self._once.publish, require_lookup=True, is_live=False))

    def _wait(self) -> None:
        assert eventually(self._once.is_idle)


def channels(deployment: LoopbackDeployment, count: int) -> Sequence[Path]:
    """Return a channel in each of so many teams."""
    ann, _ = deployment.people[deployment.tenant_id]

    def create() -> Sequence[Path]:
        teams = [deployment.teams.teams.create(ann, f"Team {number}") for number in range(count)]
        return [deployment.teams.channels.create(team, "Deals") for team in teams]

    return deployment.do(create)
