"""A run of the timer, thought through and not carried out: what it would do in an account, and what is amiss there.

Source: https://learn.microsoft.com/graph/change-notifications-lifecycle-events
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from cli.documents import CheckDocument, CheckedDocument, WatchedDocument
from cli.listed import of_failure, of_gap
from cli.listing import gap_text
from cli.texts import iso
from shared.errors import Problem
from shared.graph.subscription import GraphSubscription
from shared.identity.certificates import Certificate
from shared.settings import ClientStateKey
from shared.subscriptions.plan import plan
from shared.subscriptions.reconcile import Account, Reconciler
from shared.subscriptions.tracked import Action, TrackedSubscription, Update, Verb

_UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What was found in an account; ``problem`` is what kept Graph's list or the certificate from being had."""

    tenant_id: str
    delegated: bool
    actions: Sequence[Action] = ()
    rows: Sequence[TrackedSubscription] = ()
    strangers: Sequence[GraphSubscription] = ()
    problem: Problem | None = None

    @property
    def is_settled(self) -> bool:
        """Whether there is nothing to do and nothing amiss; a gap that has ended is history."""
        failing = any(row.failure for row in self.rows)
        return not self.actions and not failing and self.problem is None

    @property
    def client_state_keys(self) -> Counter[str]:
        """How many subscriptions were made with which key, by its id."""
        return Counter(row.client_state_key_id or _UNKNOWN for row in self.rows if row.applied)

    @property
    def certificates(self) -> Counter[str]:
        """How many subscriptions have resource data encrypted to which version."""
        observed = [row.applied for row in self.rows if row.applied and row.applied.include_resource_data]
        return Counter(each.certificate_id or _UNKNOWN for each in observed)


def look(reconciler: Reconciler, account: Account, certificate: Certificate | Problem | None) -> Checked:
    """Return what a run would find in an account; nothing is changed anywhere.

    Raises:
        Misconfigured, Unavailable: the table cannot be read.
    """
    rows = reconciler.subscription_table.load(account.tenant_id)
    tracked = rows.tracked_by(delegated=account.delegated)
    desired = [each for each in reconciler.desired if account.owns(each)]
    checked = Checked(tenant_id=account.tenant_id, delegated=account.delegated, rows=tracked)
    if account.delegated and not desired and not tracked:
        return checked
    policy = reconciler.policy(rows.account(account.tenant_id, delegated=account.delegated), certificate)
    try:
        actual = list(account.api.list_subscriptions())
    except Problem as problem:
        return replace(checked, problem=problem)
    actions = plan(desired, tracked, actual, policy=policy, now=reconciler.clock.now())
    strangers = _strangers(actual, tracked, actions)
    missing = certificate if isinstance(certificate, Problem) else None
    return replace(checked, actions=actions, strangers=strangers, problem=missing)


def is_empty(checked: Checked) -> bool:
    """Return whether an account plays no part: nobody asks for a signed-in user."""
    return checked.delegated and not checked.rows and checked.is_settled


def _strangers(
    actual: Sequence[GraphSubscription], tracked: Sequence[TrackedSubscription], actions: Sequence[Action]
) -> Sequence[GraphSubscription]:
    """Return what lives at Graph, belongs to no row, and is not about to."""
    known = {row.applied.subscription_id for row in tracked if row.applied}
    known |= {action.subscription.subscription_id for action in actions if isinstance(action, Update)}
    return [each for each in actual if each.subscription_id not in known]


def planned(checked: Checked) -> Iterator[tuple[Verb, str, str]]:
    """Return what a run would do: verb, resource, changes."""
    for action in checked.actions:
        desired = action.tracked.desired
        yield action.verb, desired.resource, desired.change_type


def remarks(checked: Checked) -> Iterator[str]:
    """Return what is amiss, a sentence each."""
    if checked.problem is not None:
        yield str(checked.problem)
    for row in checked.rows:
        about = f"{row.desired.resource} ({row.desired.change_type})"
        if row.failure is not None:
            yield f"{about}: {row.failure.text}"
        if row.missed_interval is not None:
            yield f"{about}: {gap_text(row.missed_interval)}"
    for each in checked.strangers:
        what = f"{each.subscription_id} of {each.resource} to {_bare(each.notification_url)}"
        yield f"at Graph, tracked by nobody, left alone: {what} until {iso(each.expiration)}"


def uses(checked: Checked, keys: Sequence[ClientStateKey], certificate: Certificate | Problem | None) -> Iterator[str]:
    """Return which client-state keys and which versions of the certificate are in use, and which key can go."""
    counts = checked.client_state_keys
    if counts:
        yield f"client-state keys in use: {_counted(counts, {keys[0].key_id: 'CLIENT_STATE_KEY'} | _previous(keys))}"
    if len(keys) > 1 and counts and counts.keys() <= {keys[0].key_id}:
        # Graph repeats for so long what was signed with it.
        yield "CLIENT_STATE_KEY_PREVIOUS can go 4 hours after the last subscription was recreated"
    if checked.certificates:
        current = {certificate.version: "current"} if isinstance(certificate, Certificate) else {}
        yield f"certificate versions in use: {_counted(checked.certificates, current)}"


def _previous(keys: Sequence[ClientStateKey]) -> dict[str, str]:
    return {key.key_id: "CLIENT_STATE_KEY_PREVIOUS" for key in keys[1:]}


def _counted(counts: Counter[str], names: dict[str, str]) -> str:
    return ", ".join(
        f"{key}{f' ({names[key]})' if key in names else ''} by {count}" for key, count in sorted(counts.items())
    )


def _bare(url: str) -> str:
    # Whoever made it may have put a function key into the query.
    return url.partition("?")[0]


def document(checked: Sequence[Checked]) -> CheckDocument:
    """Return what `subscriptions check --json` prints."""
    return {"settled": all(each.is_settled for each in checked), "accounts": [_of(each) for each in checked]}


def _of(checked: Checked) -> CheckedDocument:
    return {
        "tenantId": checked.tenant_id,
        "delegated": checked.delegated,
        "settled": checked.is_settled,
        "error": str(checked.problem) if checked.problem else None,
        "actions": [
            {"action": verb, "resource": resource, "changeType": changes}
            for verb, resource, changes in planned(checked)
        ],
        "failures": [{**_about(row), **of_failure(row.failure)} for row in checked.rows if row.failure],
        "gaps": [{**_about(row), **of_gap(row.missed_interval)} for row in checked.rows if row.missed_interval],
        "untracked": [
            {
                "subscriptionId": each.subscription_id,
                "resource": each.resource,
                "notificationUrl": _bare(each.notification_url),
                "expirationDateTime": iso(each.expiration),
            }
            for each in checked.strangers
        ],
        "clientStateKeys": dict(sorted(checked.client_state_keys.items())),
        "certificates": dict(sorted(checked.certificates.items())),
    }


def _about(row: TrackedSubscription) -> WatchedDocument:
    return {"resource": row.desired.resource, "changeType": row.desired.change_type}
