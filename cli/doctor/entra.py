"""Checks of tokens, permissions and the registration at Entra ID and Graph.

Sources: https://learn.microsoft.com/graph/change-notifications-with-resource-data (Change Tracking, role assignment),
https://learn.microsoft.com/graph/api/application-get
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import requests
from azure.core.exceptions import AzureError

from cli.catch_up import lacking_for_gaps
from cli.doctor.aadsts import explained
from cli.doctor.case import Case
from cli.doctor.finding import Finding, mend, of_problem, ok, watch, worst
from cli.doctor.network import UnreachableError, call, session
from cli.permission_check import PermissionCheck, least_privileged, needs
from cli.permission_request import consent_url
from shared.errors import Misconfigured, NotFound, Problem, Unavailable
from shared.identity.access_tokens import permissions_in
from shared.notifications.json_text import parse_json
from shared.notifications.validation_tokens import CHANGE_TRACKING_APP_ID
from shared.timing import utc_time

_SOON = timedelta(days=30)
_TIMEOUT_SECONDS = 5
_NOT_FOUND, _FORBIDDEN, _BAD_REQUEST = 404, 403, 400
_ASSIGN = "az ad sp update --id {} --set appRoleAssignmentRequired=false"


def token(case: Case) -> Finding:
    """Get a token as the app in each tenant, or say what the app's last run got."""
    fine = "each tenant gives the app a token"
    if case.settings.has_managed_identity:
        fine = "nobody else gets the token of a managed identity: see what the app's run was answered"
    return worst([_token_in(case, tenant_id) for tenant_id in case.tenant_ids], fine)


def _token_in(case: Case, tenant_id: str) -> Finding:
    values = {"tenant_id": tenant_id, "client_id": case.settings.client_id, "login_url": case.settings.login_url}
    try:
        said = _tenant_refusal(case, tenant_id)
        if not said and not case.settings.has_managed_identity:
            case.clients.graph_token(tenant_id, delegated=False)
    except UnreachableError as exc:
        return exc.finding
    except Problem as problem:
        known = list(explained(str(problem), **values))
        if not known:
            return of_problem(problem)
        said = "; ".join(sentence for sentence, _ in known)
        return mend(f"tenant {tenant_id}: {said}", *[remedy for _, remedy in known if remedy])
    return mend(f"tenant {tenant_id}: {said}") if said else ok("")


def _tenant_refusal(case: Case, tenant_id: str) -> str:
    """Return why Entra ID does not know a tenant: MSAL takes its answer for a broken one."""
    url = f"{case.settings.login_url}/{tenant_id}/v2.0/.well-known/openid-configuration"
    answer = call("GET", url, "LOGIN_URL")
    if answer.status != _BAD_REQUEST:
        return ""
    return "; ".join(sentence for sentence, _ in explained(answer.body.decode(errors="replace")))


def permissions(case: Case) -> Finding:
    """Compare what the app's token grants with what is watched, and with what catching up needs."""
    return worst([_permissions_in(case, tenant_id) for tenant_id in case.tenant_ids], "granted, catching up included")


def _permissions_in(case: Case, tenant_id: str) -> Finding:
    wanted = [row.desired for row in case.state(tenant_id).tracked if row.is_wanted and not row.desired.delegated]
    granted = _granted(case, tenant_id)
    check = PermissionCheck(
        tenant_id=tenant_id, delegated=False, needs=needs(wanted, delegated=False), permissions=granted
    )
    url = consent_url(case.settings.login_url, tenant_id, case.settings.client_id)
    consent = f"python -m webbrowser {url}"
    if check.lacking:
        missing = ", ".join(least_privileged(check.lacking))
        return mend(f"tenant {tenant_id}: the app lacks {missing}: add the application permissions, then", consent)
    if lost := lacking_for_gaps([each.resource for each in wanted], granted):
        text = f"tenant {tenant_id}: catching up lacks {', '.join(lost)}: changes of an outage would be lost"
        return watch(text, consent)
    return ok("")


def _granted(case: Case, tenant_id: str) -> frozenset[str]:
    if case.settings.has_managed_identity:
        return frozenset(case.answers.permissions.get(tenant_id, ()))
    return permissions_in(case.clients.graph_token(tenant_id, delegated=False))


def registration(case: Case) -> Finding:
    """Look at whether Graph sends validation tokens, by the enterprise application in the operator's tenant."""
    client_id, tenant_id = case.settings.client_id, case.login_claims.get("tid")
    if tenant_id not in case.settings.tenant_ids:
        served = case.settings.tenant_ids[0]
        return watch(f"your login is of tenant {tenant_id}, which is not served", f"az login --tenant {served}")
    try:
        principal = _directory(case, f"servicePrincipals(appId='{client_id}')")
        tracking = _directory(case, f"servicePrincipals(appId='{_change_tracking(case)}')")
    except NotFound as missing:
        if client_id in str(missing):
            return mend(f"your tenant has no enterprise application {client_id}", f"az ad sp create --id {client_id}")
        id_ = _change_tracking(case)
        text = "your tenant has no Microsoft Graph Change Tracking: Graph sends no validation tokens"
        return mend(text, f"az ad sp create --id {id_}")
    if principal.get("appRoleAssignmentRequired") and not _is_assigned(case, client_id, tracking):
        return mend(
            "the enterprise application requires an assignment, which Change Tracking lacks: Graph sends no validation "
            "tokens, and all resource data goes to quarantine",
            _ASSIGN.format(client_id),
        )
    if _is_identity_alone(case) and any(row.desired.include_resource_data for row in case.rows()):
        return watch(
            "the app is a managed identity alone: nothing documents that Entra ID issues the validation tokens for one "
            "that resource data needs, so sign in by FEDERATED_IDENTITY_CLIENT_ID"
        )
    return ok("no assignment is required, Change Tracking is there")


def _is_identity_alone(case: Case) -> bool:
    return case.settings.has_managed_identity and case.settings.federated_identity is None


def _is_assigned(case: Case, client_id: str, tracking: Mapping[str, Any]) -> bool:
    path = f"servicePrincipals(appId='{client_id}')/appRoleAssignedTo"
    assigned: Iterable[Mapping[str, Any]] = _directory(case, path).get("value", ())
    return any(each.get("principalId") == tracking.get("id") for each in assigned)


def secret_end(case: Case) -> Finding:
    """Look at when the credential of the registration ends."""
    settings = case.settings
    kinds = {"passwordCredentials": settings.client_secret, "keyCredentials": settings.client_certificate_name}
    [*used] = [kind for kind, value in kinds.items() if value is not None]
    if not used:
        return ok("the app signs in by a managed identity: nothing ends")
    found = _directory(case, f"applications(appId='{settings.client_id}')")
    ends = list(_ends(found.get(used[0], ())))
    if not ends:
        return watch(f"the registration has no {used[0]}: is CLIENT_ID right?")
    last = max(ends)
    what = "secret" if settings.client_secret else "certificate"
    remedy = f"az ad app credential reset --id {settings.client_id} --append"
    if last <= case.now():
        return mend(f"the registration's last {what} ended on {last:%Y-%m-%d}", remedy)
    if last - case.now() < _SOON:
        return watch(f"the registration's last {what} ends on {last:%Y-%m-%d}", remedy)
    return ok(f"the registration's {what} ends on {last:%Y-%m-%d}")


def _ends(credentials: Iterable[Mapping[str, Any]]) -> Iterator[datetime]:
    for each in credentials:
        yield utc_time(each.get("endDateTime"))


def _change_tracking(case: Case) -> str:
    return case.settings.change_tracking_app_id or CHANGE_TRACKING_APP_ID


def _directory(case: Case, path: str) -> Mapping[str, Any]:
    """Return an object of the directory, read with the operator's own login.

    Raises:
        NotFound, Misconfigured, Unavailable: the answer is another.
    """
    try:
        bearer = case.login.get_token(f"{case.settings.cloud.graph_url}/.default").token
        url, headers = f"{case.settings.graph_url}/v1.0/{path}", {"Authorization": f"Bearer {bearer}"}
        with session() as made:
            answer = made.get(url, headers=headers, timeout=_TIMEOUT_SECONDS)
    except (AzureError, requests.RequestException) as exc:
        raise Unavailable(f"Graph does not answer your login: {type(exc).__name__}") from exc
    if answer.status_code == _NOT_FOUND:
        raise NotFound(f"Graph does not know {path}")
    if answer.status_code == _FORBIDDEN:
        raise Misconfigured("your login may not read registrations: ask for the Entra role Directory Readers")
    found = parse_json(answer.content) if answer.ok else None
    if not isinstance(found, dict):
        raise Unavailable(f"Graph answered {answer.status_code} to your login")
    return found
