"""What each deployment says of itself in the table ``status``, and which one looks after the subscriptions: the rules.

Two deployments with different settings on one storage account would undo each other's work, so one is the owner.

Source: https://learn.microsoft.com/azure/app-service/deploy-staging-slots (two deployments of one app run side by side)
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise

from shared.settings import ClientStateKey
from shared.subscriptions.heard import HeardHours

# What a system answered that works, and how the answer begins of which nobody can tell whether it works.
OK, UNCLEAR = "ok", "cannot tell: "

# Three runs: an owner whose row is older has stopped.
SILENT_AFTER = timedelta(minutes=15)
# Instances with former settings live on for minutes, and drop what a key signed that they do not have.
_KEY_IS_KNOWN_AFTER = timedelta(minutes=15)
# As RENEW_SCHEDULE has it in the sample; also what takes the place of a distance between runs that is not known yet.
_LEAST_PERIOD = timedelta(minutes=5)
# A token's last minutes would end before the next run.
MOST_PERIOD = timedelta(minutes=10)
_DISTANCES = 5
# What another deployment wrote of itself helps nobody for longer.
KEPT_FOR = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentFacts:
    """The settings that tell one deployment from another, without secrets.

    ``key_ids``: of CLIENT_STATE_KEY first; ``version``: the app's; ``file_hash``: of ``subscriptions.json``.
    """

    notification_url: str
    client_id: str
    tenant_ids: tuple[str, ...]
    key_ids: tuple[str, ...]
    version: str
    file_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedNone:
    """An operator wants no subscription while this version of the app has this ``subscriptions.json``."""

    version: str
    file_hash: str

    def holds_for(self, facts: DeploymentFacts) -> bool:
        """Return whether neither version nor file has changed."""
        return (self.version, self.file_hash) == (facts.version, facts.file_hash)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What the systems around a deployment answered to its own identity in the run that began at ``at``.

    ``by_system``: "ok" or the error; ``permissions``: those of the app's token, by tenant. The certificate is the
    newest version of the encryption certificate.
    """

    at: datetime
    by_system: Mapping[str, str]
    permissions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    certificate_version: str | None = None
    certificate_ends_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """Since when what is published is recorded, in rows of this ``layout``."""

    since: datetime
    layout: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LastAudit:
    """What the last audit found, as its log line says it."""

    at: datetime
    figures: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentStatus:
    """The row of one deployment; times in UTC.

    ``keys_seen``: when a run first had each key; ``starts``: of the last six runs. Only the owner has ``departed``
    (when each tenant left TENANT_IDS), ``wanted_none``, ``renew_requested_at``, ``records``, ``audit`` and ``heard``.
    ``etag``: None until it is saved.
    """

    deployment_id: str
    facts: DeploymentFacts
    last_run_at: datetime
    keys_seen: Mapping[str, datetime] = field(default_factory=dict)
    starts: tuple[datetime, ...] = ()
    answers: Answers | None = None
    departed: Mapping[str, datetime] = field(default_factory=dict)
    wanted_none: WantedNone | None = None
    renew_requested_at: datetime | None = None
    records: Records | None = None
    audit: LastAudit | None = None
    heard: HeardHours = field(default_factory=dict)
    etag: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """The row that says who looks after the subscriptions; ``written_at``: when, by storage's own clock."""

    deployment_id: str
    last_run_at: datetime
    written_at: datetime | None = None
    etag: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusState:
    """All rows of the table."""

    deployments: tuple[DeploymentStatus, ...] = ()
    owner: Owner | None = None

    def of(self, deployment_id: str) -> DeploymentStatus | None:
        """Return the row of a deployment."""
        return next((row for row in self.deployments if row.deployment_id == deployment_id), None)

    def of_owner(self) -> DeploymentStatus | None:
        """Return the row of the deployment that looks after the subscriptions."""
        return self.of(self.owner.deployment_id) if self.owner else None


def failures(answers: Answers) -> Mapping[str, str]:
    """Return what each system said that refused the deployment or did not answer it."""
    said = answers.by_system.items()
    return {system: text for system, text in said if text != OK and not text.startswith(UNCLEAR)}


def entra_in(tenant_id: str) -> str:
    """Return the name under which ``Answers`` has what Entra ID answered for a tenant."""
    return f"Entra ID for tenant {tenant_id}"


def graph_in(tenant_id: str) -> str:
    """Return the name under which ``Answers`` has what Graph answered in a tenant."""
    return f"Graph for tenant {tenant_id}"


def may_own(owner: Owner | None, deployment_id: str, now: datetime) -> bool:
    """Return whether a deployment looks after the subscriptions, or may take them over."""
    return owner is None or owner.deployment_id == deployment_id or _is_silent(owner, now)


def _is_silent(owner: Owner, now: datetime) -> bool:
    return owner.written_at is not None and now - owner.written_at >= SILENT_AFTER


def status_of_run(
    row: DeploymentStatus, facts: DeploymentFacts, *, former: DeploymentStatus | None, now: datetime
) -> DeploymentStatus:
    """Return the row at the start of a run.

    ``former``: the row of the deployment that looked after the subscriptions until now, which may be ``row`` itself;
    None if this run does not.
    """
    holds = former is not None and former.wanted_none is not None and former.wanted_none.holds_for(facts)
    return replace(
        row,
        facts=facts,
        last_run_at=now,
        keys_seen={key_id: row.keys_seen.get(key_id, now) for key_id in facts.key_ids},
        starts=(*row.starts, now)[-_DISTANCES - 1 :],
        departed=_departed(former, facts, now),
        wanted_none=former.wanted_none if former and holds else None,
        renew_requested_at=None,
        # Of the storage account: whoever looks after the subscriptions continues them.
        records=former.records if former else None,
        audit=former.audit if former else None,
        heard=former.heard if former else {},
    )


def _departed(former: DeploymentStatus | None, facts: DeploymentFacts, now: datetime) -> Mapping[str, datetime]:
    if former is None:
        return {}
    left = dict.fromkeys(former.facts.tenant_ids, now) | dict(former.departed)
    return {tenant_id: at for tenant_id, at in left.items() if tenant_id not in facts.tenant_ids}


def signing_order(
    keys: Sequence[ClientStateKey], keys_seen: Mapping[str, datetime], now: datetime
) -> Sequence[ClientStateKey]:
    """Return the keys, the one first that signs: the previous one until the current one is known everywhere.

    Without a previous key, the current one signs at once: what older instances drop then is covered by the gap of the
    recreated subscription.
    """
    current, *previous = keys
    seen_at = keys_seen.get(current.key_id)
    is_known = seen_at is not None and now - seen_at >= _KEY_IS_KNOWN_AFTER
    return (current, *previous) if is_known else (*previous, current)


def period_of(starts: Sequence[datetime]) -> timedelta:
    """Return the usual time between two runs: the median of the last five distances, at least five minutes.

    One that is not known yet counts as five minutes: after a single outage, the period is not as long as that.
    """
    known = [later - earlier for earlier, later in pairwise(starts)][-_DISTANCES:]
    distances = sorted([*known, *[_LEAST_PERIOD] * (_DISTANCES - len(known))])
    return max(distances[_DISTANCES // 2], _LEAST_PERIOD)
