"""``python -m cli permissions``: which permissions the subscriptions need, and which of them the token lacks."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from cli.deployments import reading_clients, required_answers, required_owner_row
from cli.exit_codes import Status
from cli.options import AsJson, SubscriptionsFile, Tenant, selected_tenant_ids
from cli.output import busy, console, iso, print_json, print_line, print_rows, print_warnings
from cli.permission_check import COLUMNS, PermissionCheck, cells, needs, permissions_document, warnings
from cli.permission_request import COLUMNS as REQUEST_COLUMNS
from cli.permission_request import cells as request_cells
from cli.permission_request import consent_url, consent_urls, request_document, requested
from shared.app.clients import Clients
from shared.app.deployments import SUBSCRIPTIONS_FILE
from shared.app.renew_subscriptions import desired
from shared.errors import Misconfigured, Problem
from shared.identity.access_tokens import permissions_in
from shared.subscriptions.deployment_status import Answers, entra_in
from shared.subscriptions.desired import DesiredSubscription

_FROM = typer.Option("--from", help="Show what the entries of this file need, without a login or settings.")


def permissions(
    *,
    tenant: Tenant = "",
    subscriptions: SubscriptionsFile = SUBSCRIPTIONS_FILE,
    from_: Annotated[Path | None, _FROM] = None,
    as_json: AsJson = False,
) -> None:
    """Show the permissions that subscriptions.json and added subscriptions need, and which of them the token lacks.

    The least privileged comes first, and one per row is enough; catching up is to read back what an outage has missed.
    A token does not show consent in a single team or chat. If the app signs in with a managed identity, the token is
    that of its last run. With --from: what to ask an administrator for, before there is an app.
    Exit status 1 if the token lacks any, 3 or 4 if there is no token.
    """
    if from_ is not None:
        _show_request(from_, tenant, as_json=as_json)
        return
    with busy("Asking Entra ID for tokens"):
        clients = reading_clients()
        from_file, tenant_ids = desired(clients, subscriptions), selected_tenant_ids(tenant, clients.settings)
        accounts = [check for tenant_id in tenant_ids for check in _tenant_checks(clients, tenant_id, from_file)]
    if as_json:
        print_json(permissions_document(accounts))
    else:
        for check in accounts:
            _show(check)
    if any(check.lacking or check.lacking_for_gaps for check in accounts):
        raise typer.Exit(Status.FOUND)
    for check in accounts:
        if check.problem is not None:
            raise check.problem


def _show_request(file: Path, tenant: str, *, as_json: bool) -> None:
    found, urls = requested(file), consent_urls(os.environ, tenant)
    if as_json:
        print_json(request_document(found, urls))
        return
    out = console()
    if not found:
        print_line(out, f"{file} has no entries, so nothing is needed.")
        return
    print_rows(out, REQUEST_COLUMNS, map(request_cells, found))
    if any(not each.delegated for each in found):
        print_line(out, "Once the registration lists the application permissions, an administrator consents at:")
        for url in urls:
            print_line(out, url)


def _tenant_checks(
    clients: Clients, tenant_id: str, from_file: Sequence[DesiredSubscription]
) -> Iterator[PermissionCheck]:
    rows = clients.subscription_table().load(tenant_id).tracked
    added = [row.desired for row in rows if row.is_wanted and row.added_by == "cli"]
    wanted = [each for each in (*from_file, *added) if each.tenant_id == tenant_id]
    for delegated in (False, True):
        if required := needs(wanted, delegated=delegated):
            url = "" if delegated else _consent_url(clients, tenant_id)
            check = PermissionCheck(tenant_id=tenant_id, delegated=delegated, needs=required, consent_url=url)
            yield _with_token(clients, check)


def _consent_url(clients: Clients, tenant_id: str) -> str:
    settings = clients.settings
    # Nobody consents to a managed identity alone: it is assigned its roles.
    is_identity = settings.has_managed_identity and settings.federated_identity is None
    return "" if is_identity else consent_url(settings.login_url, tenant_id, settings.client_id)


def _with_token(clients: Clients, check: PermissionCheck) -> PermissionCheck:
    if clients.settings.has_managed_identity and not check.delegated:
        return _of_run(required_answers(required_owner_row(clients)), check)
    try:
        granted = permissions_in(clients.graph_token(check.tenant_id, delegated=check.delegated))
    except Problem as problem:
        return replace(check, problem=problem)
    return replace(check, permissions=granted)


def _of_run(answers: Answers, check: PermissionCheck) -> PermissionCheck:
    """Return the check with what the app's last run was granted: a laptop gets no token of a managed identity."""
    granted = answers.permissions.get(check.tenant_id)
    if granted is None:
        said = answers.by_system.get(entra_in(check.tenant_id), "was not asked")
        return replace(check, problem=Misconfigured(f"the app got none in its run: {said}"), run_at=answers.at)
    return replace(check, permissions=frozenset(granted), run_at=answers.at)


def _show(check: PermissionCheck) -> None:
    out = console()
    kind = "delegated permissions of the signed-in user" if check.delegated else "application permissions"
    of_run = f", of the run at {iso(check.run_at)}" if check.run_at else ""
    print_line(out, f"Tenant {check.tenant_id}: {kind}{of_run}", "bold")
    print_rows(out, COLUMNS, cells(check))
    print_warnings(out, warnings(check))
