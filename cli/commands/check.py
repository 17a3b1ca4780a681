"""``python -m cli subscriptions check``: what the next run of the timer would do."""

from collections.abc import Callable, Sequence

import typer

from cli.exit_codes import Status
from cli.options import AsJson, SubscriptionsFile, Tenant, selected_tenant_ids
from cli.output import busy, console, print_json, print_line, print_rows, print_warnings
from cli.reconcile_preview import (
    Preview,
    check_document,
    is_empty,
    keys_in_use,
    planned_actions,
    preview_account,
    warnings,
)
from cli.settings_file import app_clients
from cli.subscription_status import account_name
from shared.app.deployments import SUBSCRIPTIONS_FILE
from shared.app.renew_subscriptions import reconciler
from shared.errors import Problem
from shared.identity.certificates import Certificate
from shared.settings import ClientStateKey


def check(
    *, tenant: Tenant = "", subscriptions: SubscriptionsFile = SUBSCRIPTIONS_FILE, as_json: AsJson = False
) -> None:
    """Compare subscriptions.json, the table and Graph, and show what the next run would do. Changes nothing.

    Also shows failures, gaps, untracked subscriptions of the app, and the client-state keys and certificate versions
    in use. Exit status 0 if settled, else 1.
    """
    clients = app_clients()
    tenant_ids = selected_tenant_ids(tenant, clients.settings)
    whole = reconciler(clients, subscriptions)
    with busy("Asking Graph"):
        certificate = _certificate(whole.certificate)
        accounts = [account for account in whole.accounts if account.tenant_id in tenant_ids]
        found = [preview_account(whole, account, certificate) for account in accounts]
    previews = [preview for preview in found if not is_empty(preview)]
    if as_json:
        print_json(check_document(previews))
    else:
        for preview in previews:
            _show(preview, clients.settings.client_state_keys, certificate)
    if not all(preview.is_settled for preview in previews):
        raise typer.Exit(Status.FOUND)


def _certificate(current: Callable[[], Certificate] | None) -> Certificate | Problem | None:
    try:
        return current() if current else None
    except Problem as problem:
        return problem


def _show(preview: Preview, keys: Sequence[ClientStateKey], certificate: Certificate | Problem | None) -> None:
    out = console()
    name = account_name(delegated=preview.delegated)
    count = sum(row.applied is not None for row in preview.rows)
    verdict = "settled" if preview.is_settled else "not settled"
    print_line(out, f"Tenant {preview.tenant_id} ({name}): {count} subscriptions, {verdict}", "bold")
    if preview.actions:
        print_rows(out, ("next run", "resource", "changes"), planned_actions(preview))
    print_warnings(out, warnings(preview))
    for line in keys_in_use(preview, keys, certificate):
        print_line(out, line, "dim")
