"""The permissions that subscriptions need, compared with those that a token grants.

Source: https://learn.microsoft.com/graph/permissions-overview
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from cli.catch_up import lacking_for_gaps, needed_for_gaps, needs_of_gaps
from cli.json_documents import PermissionCheckDocument, PermissionsDocument
from cli.output import iso_or_none
from shared.errors import Problem
from shared.resources.validation import find_resource_type
from shared.subscriptions.desired import DesiredSubscription

COLUMNS = ("path", "state", "needs one of", "or resource-specific")
_CATCHING_UP = "catching up"


class GrantState(StrEnum):
    """Whether a token grants what a path needs."""

    GRANTED = "granted"
    RESOURCE_SPECIFIC = "consent?"
    """Not granted for the whole tenant; each team or chat may have consented, which a token does not show."""
    LACKING = "lacking"
    UNKNOWN = "unknown"
    """There is no token to read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What one path of the catalogue needs, for all ``resources`` under it; one of ``permissions`` is enough."""

    path: str
    resources: tuple[str, ...] = ()
    permissions: tuple[str, ...]
    resource_specific: tuple[str, ...] = ()
    catch_up: tuple[str, ...] = ()
    """What reading back missed changes needs beside that, all of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PermissionCheck:
    """What an account needs, and what its token grants; ``problem`` says why there is no token.

    ``consent_url``: where an administrator consents to what the registration lists; empty for a user, who signs in.
    ``run_at``: the token was that of the app's run which began then.
    """

    tenant_id: str
    delegated: bool
    needs: tuple[Need, ...]
    permissions: frozenset[str] = frozenset()
    problem: Problem | None = None
    consent_url: str = ""
    run_at: datetime | None = None

    def state(self, need: Need) -> GrantState:
        """Return whether the token grants a need."""
        if self.problem is not None:
            return GrantState.UNKNOWN
        if self.permissions & set(need.permissions):
            return GrantState.GRANTED
        return GrantState.RESOURCE_SPECIFIC if need.resource_specific else GrantState.LACKING

    @property
    def lacking(self) -> Sequence[Need]:
        """The needs that neither the token nor resource-specific consent can satisfy."""
        return [need for need in self.needs if self.state(need) is GrantState.LACKING]

    @property
    def lacking_for_gaps(self) -> Sequence[str]:
        """The permissions without which changes of an outage are lost; none for a user, or without a token."""
        if self.delegated or self.problem is not None:
            return ()
        to_grant = {*self.permissions, *least_privileged(self.lacking)}
        return lacking_for_gaps(self.resources, to_grant)

    @property
    def resources(self) -> Sequence[str]:
        """The paths of all subscriptions."""
        return [resource for need in self.needs for resource in need.resources]


def needs(desired: Iterable[DesiredSubscription], *, delegated: bool) -> tuple[Need, ...]:
    """Return what the app or the signed-in user needs, in the order of ``desired``."""
    found: dict[str, Need] = {}
    for item in desired:
        resource_type = find_resource_type(item.resource)
        if resource_type is None or item.delegated != delegated:
            continue
        path, allowed = resource_type.path, resource_type.permissions
        need = found.get(path) or Need(
            path=path,
            permissions=allowed.delegated if delegated else allowed.application,
            resource_specific=() if delegated else allowed.resource_specific,
            catch_up=() if delegated else tuple(needed_for_gaps(path)),
        )
        found[path] = replace(need, resources=(*need.resources, item.resource))
    return tuple(found.values())


def least_privileged(lacking: Sequence[Need]) -> Sequence[str]:
    """Return the least privileged permissions that satisfy ``lacking``; one permission may satisfy several needs."""
    chosen: list[str] = []
    for need in sorted(lacking, key=lambda need: len(need.permissions)):
        if need.permissions and not set(chosen) & set(need.permissions):
            chosen.append(need.permissions[0])
    return chosen


def cells(check: PermissionCheck) -> Iterator[tuple[str, ...]]:
    """Yield the cells under ``COLUMNS``, one row per need, then those of reading back what was missed."""
    for need in check.needs:
        yield need.path, check.state(need), ", ".join(need.permissions), ", ".join(need.resource_specific)
    for each in () if check.delegated else needs_of_gaps(check.resources):
        is_granted = bool(check.permissions & set(each))
        state = (
            GrantState.GRANTED if is_granted else GrantState.LACKING if check.problem is None else GrantState.UNKNOWN
        )
        yield _CATCHING_UP, state, ", ".join(each), ""


def warnings(check: PermissionCheck) -> Iterator[str]:
    """Yield what the operator has to do, one sentence each."""
    if check.problem is not None:
        yield f"no token: {check.problem}"
    if check.lacking:
        kind = "delegated" if check.delegated else "application"
        yield f"grant the {kind} permissions, with admin consent: {', '.join(least_privileged(check.lacking))}"
    if lost := check.lacking_for_gaps:
        yield f"grant {', '.join(lost)} as well: without, changes of an outage cannot be read back"
    if (check.lacking or check.lacking_for_gaps) and check.consent_url:
        yield f"once the registration lists them, an administrator consents at {check.consent_url}"
    if any(check.state(need) is GrantState.RESOURCE_SPECIFIC for need in check.needs):
        yield (
            "consent?: not granted for the whole tenant; it works if each of these teams or chats has given the app "
            "the consent in the last column, which a token does not show"
        )


def permissions_document(accounts: Iterable[PermissionCheck]) -> PermissionsDocument:
    """Return what `permissions --json` prints."""
    return {"accounts": [_check_document(check) for check in accounts]}


def _check_document(check: PermissionCheck) -> PermissionCheckDocument:
    return {
        "tenantId": check.tenant_id,
        "runDateTime": iso_or_none(check.run_at),
        "delegated": check.delegated,
        "error": str(check.problem) if check.problem else None,
        "granted": sorted(check.permissions),
        "toGrant": list(least_privileged(check.lacking)),
        "toGrantForCatchUp": list(check.lacking_for_gaps),
        "adminConsentUrl": check.consent_url or None,
        "needs": [
            {
                "path": need.path,
                "resources": list(need.resources),
                "permissions": list(need.permissions),
                "resourceSpecific": list(need.resource_specific),
                "catchUp": list(need.catch_up),
                "state": check.state(need).value,
            }
            for need in check.needs
        ],
    }
