"""A preview of the next timer run in an account: what it would do, and what is wrong there.

Source: https://learn.microsoft.com/graph/change-notifications-lifecycle-events
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from cli.json_documents import CheckDocument, PreviewDocument, WatchedDocument
from cli.output import iso
from cli.subscription_status import failure_document, gap_document, gap_text
from shared.errors import Problem
from shared.graph.subscription import GraphSubscription
from shared.identity.certificates import Certificate
from shared.settings import ClientStateKey
from shared.subscriptions.deployment_status import Answers
from shared.subscriptions.plan import plan
from shared.subscriptions.reconcile import Account, Reconciler
from shared.subscriptions.tracked import Action, Create, TrackedSubscription, Update, Verb

_UNKNOWN = "unknown"
# In the order of `Settings.client_state_keys`.
_KEY_SETTINGS = ("CLIENT_STATE_KEY", "CLIENT_STATE_KEY_PREVIOUS")


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What was found in an account; ``problem`` says why Graph's list or the certificate is unavailable.

    ``untracked`` are subscriptions at Graph that have no row and that no action adopts. ``unlisted`` are tracked
    subscriptions that Graph's list does not show, which alone means nothing. ``run_at``: Graph was not asked, and this
    is what the app's run knew that began then.
    """

    tenant_id: str
    delegated: bool
    actions: Sequence[Action] = ()
    rows: Sequence[TrackedSubscription] = ()
    untracked: Sequence[GraphSubscription] = ()
    unlisted: Sequence[TrackedSubscription] = ()
    problem: Problem | None = None
    run_at: datetime | None = None

    @property
    def is_settled(self) -> bool:
        """Whether there is nothing to do and nothing has failed; gaps do not count."""
        failing = any(row.failure for row in self.rows)
        return not self.actions and not failing and self.problem is None

    @property
    def client_state_keys(self) -> Counter[str]:
        """The number of subscriptions per id of the key that signed their client state."""
        return Counter(row.client_state_key_id or _UNKNOWN for row in self.rows if row.applied)

    @property
    def certificates(self) -> Counter[str]:
        """The number of subscriptions with resource data per certificate version."""
        applied = [row.applied for row in self.rows if row.applied and row.applied.include_resource_data]
        return Counter(each.certificate_id or _UNKNOWN for each in applied)


def current_certificate(reconciler: Reconciler) -> Certificate | Problem | None:
    """Return the current encryption certificate, or why it is unavailable; None if the settings name none."""
    try:
        return reconciler.certificate() if reconciler.certificate else None
    except Problem as problem:
        return problem


def preview_of_run(reconciler: Reconciler, account: Account, answers: Answers) -> Preview:
    """Return what the next run would do in an account as far as its last one knew, without asking Graph.

    Raises:
        Misconfigured, Unavailable: the table cannot be read.
    """
    tracked = reconciler.subscription_table.load(account.tenant_id).tracked_by(delegated=account.delegated)
    desired = [each for each in reconciler.desired if account.owns(each)]
    policy = replace(reconciler.policy(None), certificate_id=answers.certificate_version)
    return Preview(
        tenant_id=account.tenant_id,
        delegated=account.delegated,
        rows=tracked,
        actions=plan(desired, tracked, (), policy=policy, now=reconciler.clock.now()),
        run_at=answers.at,
    )


def preview_account(
    reconciler: Reconciler, account: Account, certificate: Certificate | Problem | None, *, force: bool = False
) -> Preview:
    """Return what a run would find and do in an account, without changing anything.

    ``force``: everything is renewed, also if Graph does not list it.

    Raises:
        Misconfigured, Unavailable: the table cannot be read.
    """
    state = reconciler.subscription_table.load(account.tenant_id)
    tracked = state.tracked_by(delegated=account.delegated)
    desired = [each for each in reconciler.desired if account.owns(each)]
    preview = Preview(tenant_id=account.tenant_id, delegated=account.delegated, rows=tracked)
    if account.delegated and not desired and not tracked:
        return preview
    policy = reconciler.policy(certificate, force=force)
    try:
        actual = list(account.api.list_subscriptions())
    except Problem as problem:
        actions = plan(desired, tracked, (), policy=policy, now=reconciler.clock.now()) if force else ()
        # Without the list, nothing is created.
        return replace(preview, problem=problem, actions=[each for each in actions if not isinstance(each, Create)])
    actions = plan(desired, tracked, actual, policy=policy, now=reconciler.clock.now())
    tracked_ids = {row.applied.subscription_id for row in tracked if row.applied}
    adopted_ids = {action.subscription.subscription_id for action in actions if isinstance(action, Update)}
    untracked = [each for each in actual if each.subscription_id not in tracked_ids | adopted_ids]
    certificate_problem = certificate if isinstance(certificate, Problem) else None
    listed = {each.subscription_id for each in actual}
    unlisted = [row for row in tracked if row.applied and row.applied.subscription_id not in listed]
    return replace(preview, actions=actions, untracked=untracked, unlisted=unlisted, problem=certificate_problem)


def is_empty(preview: Preview) -> bool:
    """Return whether the account is a signed-in user for whom there is nothing to show."""
    return preview.delegated and not preview.rows and preview.is_settled


def planned_actions(preview: Preview) -> Iterator[tuple[Verb, str, str]]:
    """Yield verb, resource and changes of what a run would do."""
    for action in preview.actions:
        desired = action.tracked.desired
        yield action.verb, desired.resource, desired.change_type


def warnings(preview: Preview) -> Iterator[str]:
    """Yield one sentence per problem."""
    if preview.problem is not None:
        yield str(preview.problem)
    for row in preview.rows:
        about = f"{row.desired.resource} ({row.desired.change_type})"
        if row.failure is not None:
            yield f"{about}: {row.failure.text}"
        if row.missed_interval is not None:
            yield f"{about}: {gap_text(row.missed_interval)}"
    for row in preview.unlisted:
        about = f"{row.desired.resource} ({row.desired.change_type})"
        yield f"{about}: not in Graph's list, which may be out of date; the next renewal shows whether it is gone"
    for each in preview.untracked:
        what = f"{each.subscription_id} of {each.resource} to {_without_query(each.notification_url)}"
        yield f"untracked at Graph and not changed: {what}, expires {iso(each.expiration)}"


def keys_in_use(
    preview: Preview, keys: Sequence[ClientStateKey], certificate: Certificate | Problem | None
) -> Iterator[str]:
    """Yield which client-state keys and certificate versions are in use, and whether the previous key can go."""
    counts = preview.client_state_keys
    if counts:
        settings = dict(zip((key.key_id for key in keys), _KEY_SETTINGS, strict=False))
        yield f"client-state keys in use: {_usage(counts, settings)}"
    if len(keys) > 1 and counts and counts.keys() <= {keys[0].key_id}:
        # For 4 hours Graph retries notifications that carry client states signed with it.
        yield "CLIENT_STATE_KEY_PREVIOUS can go 4 hours after the last subscription was recreated"
    if preview.certificates:
        current = {certificate.version: "current"} if isinstance(certificate, Certificate) else {}
        yield f"certificate versions in use: {_usage(preview.certificates, current)}"


def _usage(counts: Counter[str], names: dict[str, str]) -> str:
    return ", ".join(
        f"{key}{f' ({names[key]})' if key in names else ''} by {count}" for key, count in sorted(counts.items())
    )


def _without_query(url: str) -> str:
    # The query may contain a function key.
    return url.partition("?")[0]


def check_document(previews: Sequence[Preview], answers: Answers | None = None) -> CheckDocument:
    """Return what `subscriptions check --json` prints; ``answers``: of the run, if Graph was not asked."""
    return {
        "settled": all(each.is_settled for each in previews),
        "run": None if answers is None else {"startDateTime": iso(answers.at), "answers": dict(answers.by_system)},
        "accounts": [_account_document(each) for each in previews],
    }


def _account_document(preview: Preview) -> PreviewDocument:
    return {
        "tenantId": preview.tenant_id,
        "delegated": preview.delegated,
        "settled": preview.is_settled,
        "error": str(preview.problem) if preview.problem else None,
        "actions": [
            {"action": verb, "resource": resource, "changeType": changes}
            for verb, resource, changes in planned_actions(preview)
        ],
        "failures": [
            {**_resource_document(row), **failure_document(row.failure)} for row in preview.rows if row.failure
        ],
        "gaps": [
            {**_resource_document(row), **gap_document(row.missed_interval)}
            for row in preview.rows
            if row.missed_interval
        ],
        "untracked": [
            {
                "subscriptionId": each.subscription_id,
                "resource": each.resource,
                "notificationUrl": _without_query(each.notification_url),
                "expirationDateTime": iso(each.expiration),
            }
            for each in preview.untracked
        ],
        "clientStateKeys": dict(sorted(preview.client_state_keys.items())),
        "certificates": dict(sorted(preview.certificates.items())),
    }


def _resource_document(row: TrackedSubscription) -> WatchedDocument:
    return {"resource": row.desired.resource, "changeType": row.desired.change_type}
