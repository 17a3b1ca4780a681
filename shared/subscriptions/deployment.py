"""The start of a run: this deployment says what it is, and learns whether it looks after the subscriptions.

The owner renews the row ``owner`` in each run, under its ETag. Another deployment takes it over when it is too old.

Source: https://learn.microsoft.com/rest/api/storageservices/performing-entity-group-transactions (ETags)
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol

from shared.errors import Conflict, NewerRows, Problem
from shared.settings import ClientStateKey
from shared.subscriptions.deployment_status import (
    KEPT_FOR,
    MOST_PERIOD,
    DeploymentFacts,
    DeploymentStatus,
    Owner,
    StatusState,
    may_own,
    period_of,
    signing_order,
    status_of_run,
)
from shared.timing import Clock

_LOG = logging.getLogger(__name__)

# The command line writes a row about once a month, and two runs at once are rare.
_ATTEMPTS = 3


class StatusRows(Protocol):
    """The table ``status``; raises Unavailable or Misconfigured, and Conflict if a row changed since it was read."""

    def load(self) -> StatusState:
        """Return all rows."""
        ...

    def save[Row: (DeploymentStatus, Owner)](self, row: Row) -> Row:
        """Return the row as saved, with its ETag."""
        ...

    def delete(self, row: DeploymentStatus) -> None:
        """Delete a row."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentRun:
    """What one run of this deployment may do.

    ``period``: the usual time between two runs. ``signing_key`` signs client states; what ``other_keys`` signed is
    accepted, too. ``departed``: when each tenant left TENANT_IDS that is not cleaned up yet.
    """

    is_owner: bool
    period: timedelta
    signing_key: ClientStateKey
    other_keys: tuple[ClientStateKey, ...]
    wants_none: bool = False
    renews_all: bool = False
    departed: Mapping[str, datetime] = field(default_factory=dict)

    def facts(self) -> Mapping[str, str]:
        """Return what the line of the run says."""
        return {"owner": "yes" if self.is_owner else "no", **({"wanted": "none"} if self.wants_none else {})}


@dataclass(slots=True, kw_only=True)
class Deployment:
    """This deployment, one a process, which remembers what it last was. ``keys``: in the order of the settings."""

    table: StatusRows
    deployment_id: str
    facts: DeploymentFacts
    keys: tuple[ClientStateKey, ...]
    clock: Clock
    _was_owner: bool | None = field(default=None, init=False)
    _row: DeploymentStatus | None = field(default=None, init=False)

    def begin_run(self) -> DeploymentRun:
        """Return what this run may do; one line says so if the table does not answer."""
        try:
            return _attempted(self._begin)
        except Problem as problem:
            # What a newer version has written, this one would read wrongly and write over.
            was_owner = self._was_owner is True and not isinstance(problem, NewerRows)
            doing = "goes on as before" if was_owner else "publishes only what is parked"
            _LOG.warning("the table of deployments is unavailable, so this run %s: %s", doing, problem)
            row = self._row and replace(self._row, departed={}, renew_requested_at=None)
            return self._run(row, is_owner=was_owner, now=self.clock.now())

    def change(self, change: Callable[[DeploymentStatus], DeploymentStatus]) -> None:
        """Change this deployment's row, whoever else changes it at the same time; raises as the table does."""
        change_status(self.table, self.deployment_id, change)

    def _begin(self) -> DeploymentRun:
        state = self.table.load()
        # After the first read: it tells the clock storage's time.
        now = self.clock.now()
        former = state.of_owner() if may_own(state.owner, self.deployment_id, now) else None
        row = state.of(self.deployment_id) or DeploymentStatus(
            deployment_id=self.deployment_id, facts=self.facts, last_run_at=now
        )
        # Written first: a run that is killed before it takes the subscriptions over loses nothing of the former owner.
        self._row = self.table.save(status_of_run(row, self.facts, former=former, now=now))
        is_owner = self._takes_turn(state.owner, now)
        self._report(state, is_owner=is_owner)
        if is_owner:
            self._report_departures(former, self._row)
            self._forget_others(state, now)
        run = self._run(self._row, is_owner=is_owner, now=now)
        return replace(run, renews_all=is_owner and former is not None and former.renew_requested_at is not None)

    def _takes_turn(self, owner: Owner | None, now: datetime) -> bool:
        """Return whether this deployment looks after the subscriptions, and write that it does."""
        if not may_own(owner, self.deployment_id, now):
            return False
        turn = Owner(deployment_id=self.deployment_id, last_run_at=now, etag=owner.etag if owner else None)
        try:
            self.table.save(turn)
        except Conflict:
            # Another deployment was faster, or another run of this one.
            winner = self.table.load().owner
            return winner is not None and winner.deployment_id == self.deployment_id
        return True

    def _run(self, row: DeploymentStatus | None, *, is_owner: bool, now: datetime) -> DeploymentRun:
        signing_key, *others = signing_order(self.keys, row.keys_seen if row else {}, now)
        period = period_of(row.starts if row else ())
        if period > MOST_PERIOD:
            minutes = period.total_seconds() / 60
            _LOG.error("the timer runs every %.0f minutes, so tokens lapse: set RENEW_SCHEDULE to at most ten", minutes)
        return DeploymentRun(
            is_owner=is_owner,
            period=period,
            signing_key=signing_key,
            other_keys=tuple(others),
            wants_none=row is not None and row.wanted_none is not None,
            departed=row.departed if row and is_owner else {},
        )

    def _report(self, state: StatusState, *, is_owner: bool) -> None:
        """Log a change of who looks after the subscriptions, not every run."""
        former = state.owner.deployment_id if state.owner else self.deployment_id
        if is_owner and former != self.deployment_id:
            _LOG.warning("this deployment looks after the subscriptions from now on: %s is silent", _name(state))
        elif not is_owner and self._was_owner is not False:
            # Read again: it may have become the owner a moment ago.
            other = _name(self.table.load())
            _LOG.warning("%s looks after the subscriptions, so this one only publishes what is parked", other)
        self._was_owner = is_owner

    def _report_departures(self, former: DeploymentStatus | None, row: DeploymentStatus) -> None:
        for tenant_id in sorted(row.departed.keys() - (former.departed.keys() if former else set())):
            _LOG.warning("tenant %s has left TENANT_IDS: in a day what is stored for it is deleted", tenant_id)

    def _forget_others(self, state: StatusState, now: datetime) -> None:
        for row in state.deployments:
            if row.deployment_id != self.deployment_id and now - row.last_run_at > KEPT_FOR:
                self.table.delete(row)


def change_status(
    table: StatusRows, deployment_id: str, change: Callable[[DeploymentStatus], DeploymentStatus]
) -> None:
    """Change the row of a deployment if it exists, whoever else changes it at the same time; raises as the table."""

    def attempt() -> None:
        if row := table.load().of(deployment_id):
            table.save(change(row))

    _attempted(attempt)


def _attempted[T](attempt: Callable[[], T]) -> T:
    for _ in range(_ATTEMPTS - 1):
        try:
            return attempt()
        except Conflict:
            continue
    return attempt()


def _name(state: StatusState) -> str:
    row, owner = state.of_owner(), state.owner
    # The query may contain a function key.
    url = row.facts.notification_url.partition("?")[0] if row else "an unknown URL"
    return f"deployment {owner.deployment_id if owner else ''} of {url}"
