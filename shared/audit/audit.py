"""One audit: a sample of the lists of one path in one tenant, its window, and what was found in it so far.

Source: https://learn.microsoft.com/graph/change-notifications-delivery-webhooks (what is dropped is not reported)
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from shared.gaps.gap import Step

# Graph retries for four hours, and a copy may be parked for minutes.
ENDS_BEFORE = timedelta(hours=5)
WINDOW = timedelta(hours=24)
LASTS = timedelta(hours=1)
_MAX_REASON = 1024
# Of the changes that were checked: more than this share of missing ones is no accident.
_ONE_IN = 1000
# If the first lists are all refused, it is the permission that is missing.
_REFUSED_AT_FIRST = 10


class AuditState(StrEnum):
    """How far an audit has come."""

    WAITING = "waiting"
    """It is due, or an operator has asked for it, and it has not begun."""
    DRAWING = "drawing"
    READING = "reading"
    DONE = "done"
    NOT_CHECKED = "not checked"


_ENDED = frozenset({AuditState.DONE, AuditState.NOT_CHECKED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """One audit of ``path``, as the catalogue spells it; changes from ``since`` until ``until`` are checked.

    ``lists``: the sample, as far as it is not read yet: ids of users or teams, or keys of subscriptions. ``of``: how
    many lists there are. ``page``: the next one of the list that is drawn from. ``position``: a place in the first of
    ``lists``. ``read`` counts lists that were read to their end, ``checked`` changes, ``missing`` those that had no
    record and were published, ``refused`` lists. ``reason``: why not everything was checked.
    """

    tenant_id: str
    path: str
    since: datetime
    until: datetime
    begun_at: datetime
    is_requested: bool = False
    state: AuditState = AuditState.WAITING
    lists: tuple[str, ...] = ()
    of: int = 0
    page: str | None = None
    position: tuple[Step, ...] = ()
    read: int = 0
    checked: int = 0
    missing: int = 0
    refused: int = 0
    reason: str | None = None
    ended_at: datetime | None = None
    etag: str | None = None

    @property
    def key(self) -> str:
        """The key of its row within the tenant; a slash is not allowed in one."""
        return f"{'requested' if self.is_requested else 'daily'}-{self.path.strip('/').replace('/', ' ')}"

    @property
    def has_ended(self) -> bool:
        """Whether nothing is left to do."""
        return self.state in _ENDED

    @property
    def ends_at(self) -> datetime:
        """The end of its hour."""
        return self.begun_at + LASTS

    @property
    def is_incomplete(self) -> bool:
        """Whether more is missing than one in a thousand, so that the whole resource is read back."""
        return self.missing * _ONE_IN > self.checked

    @property
    def is_refused_altogether(self) -> bool:
        """Whether Graph has refused every list so far, and enough of them to stop."""
        return self.read == 0 and self.refused >= _REFUSED_AT_FIRST

    def figures(self) -> str:
        """Return what the log line and the row ``status`` say."""
        return f"lists={self.read} of={self.of} checked={self.checked} missing={self.missing}"

    def begun(self, now: datetime, *, records_since: datetime) -> "Audit":
        """Return the audit as it begins, with nothing checked from before there were records."""
        return replace(self, state=AuditState.DRAWING, begun_at=now, since=max(self.since, records_since))

    def without_first_list(self) -> "Audit":
        """Return the audit as it goes on after the list that is being read."""
        return replace(self, lists=self.lists[1:], position=())

    def after_refusal(self, reason: str) -> "Audit":
        """Return the audit after Graph has refused the list that is being read."""
        return replace(self.without_first_list(), refused=self.refused + 1, reason=reason[:_MAX_REASON])

    def ended(self, now: datetime, state: AuditState, reason: str | None = None) -> "Audit":
        """Return the audit with nothing left to do."""
        text = self.reason if reason is None else reason[:_MAX_REASON]
        return replace(self, state=state, reason=text, lists=(), page=None, position=(), ended_at=now)


def daily_audit(tenant_id: str, path: str, now: datetime, *, previous: Audit | None) -> Audit:
    """Return the audit that begins now, in place of the previous one."""
    until = now - ENDS_BEFORE
    etag = previous.etag if previous else None
    return Audit(tenant_id=tenant_id, path=path, since=until - WINDOW, until=until, begun_at=now, etag=etag)


def requested_audit(
    tenant_id: str, path: str, window: tuple[datetime, datetime], now: datetime, *, previous: Audit | None
) -> Audit:
    """Return the audit that an operator asks for, and that the timer will begin."""
    since, until = window
    return Audit(
        tenant_id=tenant_id,
        path=path,
        since=since,
        until=until,
        begun_at=now,
        is_requested=True,
        etag=previous.etag if previous else None,
    )


def next_audits(
    tenant_id: str, paths: Sequence[str], recorded: Sequence[Audit], *, every: timedelta, now: datetime
) -> Sequence[Audit]:
    """Return the audits of a tenant to work on: those that go on, those that are due, and those asked for."""
    by_key = {audit.key: audit for audit in recorded}
    requested = [audit for audit in recorded if audit.is_requested and not audit.has_ended]
    daily = []
    for path in paths:
        fresh = daily_audit(tenant_id, path, now, previous=None)
        previous = by_key.get(fresh.key)
        if previous is not None and not previous.has_ended:
            daily.append(previous)
        elif previous is None or previous.begun_at + every <= now:
            daily.append(replace(fresh, etag=previous.etag if previous else None))
    return [*daily, *requested]
