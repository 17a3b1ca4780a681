"""Types of what ``--json`` prints: properties may be added, but none is renamed or removed.

Names are Graph's where Graph has one; each ``...DateTime`` is ISO 8601 in UTC, null if it has not happened.
"""

from typing import Any, Literal, TypedDict

from shared.subscriptions.tracked import Verb


class FailureDocument(TypedDict):
    """Why the last attempts failed, and when the next one is due."""

    error: str
    errorDateTime: str
    consecutiveFailures: int
    retryDateTime: str


class GapDocument(TypedDict):
    """A time in which changes may be missing; the end is null while it lasts."""

    startDateTime: str
    endDateTime: str | None


class SubscriptionDocument(TypedDict):
    """One subscription, as stored in the table."""

    tenantId: str
    resource: str
    changeType: str
    includeResourceData: bool
    fetch: bool
    delegated: bool
    addedBy: Literal["file", "cli"]
    state: Literal["active", "pending", "failing", "overdue", "removed", "lapsed", "not wanted"]
    subscriptionId: str | None
    expirationDateTime: str | None
    renewedDateTime: str | None
    encryptionCertificateId: str | None
    clientStateKeyId: str | None
    notificationDateTime: str | None
    lifecycleEvent: str | None
    lifecycleEventDateTime: str | None
    gap: GapDocument | None
    failure: FailureDocument | None


class AccountDocument(TypedDict):
    """When Graph last listed the subscriptions of the app, or of the signed-in user, in a tenant."""

    tenantId: str
    delegated: bool
    listedDateTime: str | None
    failure: FailureDocument | None


class ListDocument(TypedDict):
    """``subscriptions list --json``."""

    subscriptions: list[SubscriptionDocument]
    accounts: list[AccountDocument]


class WatchedDocument(TypedDict):
    """What a subscription watches."""

    resource: str
    changeType: str


class ActionDocument(WatchedDocument):
    """An action of the next timer run."""

    action: Verb


class ResourceFailureDocument(WatchedDocument, FailureDocument):
    """The failure of a subscription."""


class ResourceGapDocument(WatchedDocument, GapDocument):
    """The gap of a subscription."""


class UntrackedDocument(TypedDict):
    """A subscription of the app at Graph that is not in the table."""

    subscriptionId: str
    resource: str
    notificationUrl: str
    expirationDateTime: str


class PreviewDocument(TypedDict):
    """What was found in an account; ``clientStateKeys`` and ``certificates`` count subscriptions by id."""

    tenantId: str
    delegated: bool
    settled: bool
    error: str | None
    actions: list[ActionDocument]
    failures: list[ResourceFailureDocument]
    gaps: list[ResourceGapDocument]
    untracked: list[UntrackedDocument]
    clientStateKeys: dict[str, int]
    certificates: dict[str, int]


class RunDocument(TypedDict):
    """A run of the app, and what the systems around it answered to its own identity: "ok" or an error."""

    startDateTime: str
    answers: dict[str, str]


class CheckDocument(TypedDict):
    """``subscriptions check --json``; ``run`` is null if Graph was asked now."""

    settled: bool
    run: RunDocument | None
    accounts: list[PreviewDocument]


class RecordedGapDocument(WatchedDocument, GapDocument):
    """A gap, and its recovery; ``recovered`` counts events, ``skipped`` refused lists and malformed items.

    With ``baseline`` it is not a gap: Graph refuses the lists with which later gaps would be compared.
    The cause ``recheck`` is a second comparison of lists, at ``dueDateTime``.
    """

    baseline: bool
    tenantId: str
    subscriptionId: str
    cause: Literal["outage", "replaced", "lapsed", "missed", "audit", "requested", "baseline", "recheck"]
    state: Literal["open", "refused", "recovered", "partial", "unrecoverable", "noted"]
    reason: str | None
    recovered: int
    skipped: int
    endedDateTime: str | None
    dueDateTime: str | None
    failure: FailureDocument | None


class GapsDocument(TypedDict):
    """``gaps list --json``."""

    gaps: list[RecordedGapDocument]


class AuditDocument(TypedDict):
    """An audit of a path of the catalogue, from ``startDateTime`` until ``endDateTime``; the numbers are counts.

    ``lists`` of ``of`` were read, and ``refused`` more were refused. ``missing`` of ``checked`` changes had no record,
    and were published as recovered. ``reason``: why not everything was checked.
    """

    tenantId: str
    path: str
    requested: bool
    state: Literal["waiting", "drawing", "reading", "done", "not checked"]
    startDateTime: str
    endDateTime: str
    begunDateTime: str | None
    endedDateTime: str | None
    lists: int
    of: int
    checked: int
    missing: int
    refused: int
    reason: str | None


class AuditsDocument(TypedDict):
    """``audit --json``; ``recordsSinceDateTime``: what was published before has no record to compare with."""

    recordsSinceDateTime: str | None
    audits: list[AuditDocument]


class NeedDocument(TypedDict):
    """What a path of the catalogue needs, least privilege first; one of ``permissions`` is enough.

    ``catchUp``: what reading back missed changes needs beside it, all of it.
    """

    path: str
    resources: list[str]
    permissions: list[str]
    resourceSpecific: list[str]
    catchUp: list[str]
    state: Literal["granted", "consent?", "lacking", "unknown"]


class PermissionCheckDocument(TypedDict):
    """What the token of an account grants, and the fewest permissions that still have to be granted.

    ``runDateTime``: the run whose token it was; null if it is one of now.
    """

    tenantId: str
    runDateTime: str | None
    delegated: bool
    error: str | None
    granted: list[str]
    toGrant: list[str]
    toGrantForCatchUp: list[str]
    adminConsentUrl: str | None
    needs: list[NeedDocument]


class PermissionsDocument(TypedDict):
    """``permissions --json``."""

    accounts: list[PermissionCheckDocument]


class StoredPostDocument(TypedDict):
    """One stored POST without its body."""

    name: str
    kind: str
    tenantId: str | None
    receivedDateTime: str
    fetch: str | None
    attempts: int
    retryDateTime: str | None


class StoredPostListDocument(TypedDict):
    """``parked list --json`` and ``quarantine list --json``, oldest first."""

    posts: list[StoredPostDocument]


class StoredPostItemsDocument(StoredPostDocument):
    """``quarantine show --json``: the items as received, without their client states."""

    items: list[Any]
    validationTokens: int


class AttemptsDocument(TypedDict):
    """``parked retry --json`` and ``quarantine retry --json``: the outcome of each POST, by name."""

    attempts: dict[str, str]


class FindingDocument(TypedDict):
    """What one check of the doctor found; ``level``: ok, skipped, watch, mend or down; ``remedies``: what to do."""

    number: int
    name: str
    group: str
    level: str
    text: str
    remedies: list[str]
    seconds: float


class DoctorDocument(TypedDict):
    """``doctor --json``, in order of dependence."""

    exitStatus: int
    checks: list[FindingDocument]


class GlanceDocument(TypedDict):
    """``status --json``; ``light``: green, amber or red; ``subscriptions`` counts them by state."""

    light: str
    sentence: str
    runDateTime: str | None
    subscriptions: dict[str, int]
    notificationDateTime: str | None
    unanswered: list[str]
    queued: int | None
    parked: int
    quarantined: int
    openGaps: int
