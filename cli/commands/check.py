"""``python -m cli subscriptions check``: what the next run of the timer would do."""

from collections.abc import Sequence

import typer

from cli.deployments import (
    as_the_app,
    owner_row,
    reading_clients,
    required_answers,
    required_owner_row,
    unanswered,
)
from cli.exit_codes import Status
from cli.options import AsJson, SubscriptionsFile, Tenant, selected_tenant_ids
from cli.output import busy, console, iso, print_json, print_line, print_rows, print_warnings
from cli.reconcile_preview import (
    Preview,
    check_document,
    current_certificate,
    is_empty,
    keys_in_use,
    planned_actions,
    preview_account,
    preview_of_run,
    warnings,
)
from cli.subscription_status import account_name
from shared.app.clients import Clients
from shared.app.deployments import SUBSCRIPTIONS_FILE
from shared.app.renew_subscriptions import reconciler
from shared.errors import Problem
from shared.identity.certificates import Certificate
from shared.settings import ClientStateKey
from shared.subscriptions.deployment_status import Answers


def check(
    *, tenant: Tenant = "", subscriptions: SubscriptionsFile = SUBSCRIPTIONS_FILE, as_json: AsJson = False
) -> None:
    """Compare subscriptions.json, the table and Graph, and show what the next run would do. Changes nothing.

    Also shows failures, gaps, untracked subscriptions of the app, and the client-state keys and certificate versions
    in use. If the app signs in with a managed identity, Graph is not asked: it shows what the last run knew.
    Exit status 0 if settled, else 1.
    """
    clients = reading_clients()
    tenant_ids, row = selected_tenant_ids(tenant, clients.settings), owner_row(clients)
    whole = as_the_app(reconciler(clients, subscriptions), row)
    accounts = [account for account in whole.accounts if account.tenant_id in tenant_ids]
    answers = _answers(clients) if clients.settings.has_managed_identity else None
    with busy("Asking Graph"):
        if answers is not None:
            certificate = None
            found = [preview_of_run(whole, account, answers) for account in accounts]
        else:
            certificate = current_certificate(whole)
            found = [preview_account(whole, account, certificate) for account in accounts]
    previews = [preview for preview in found if not is_empty(preview)]
    if as_json:
        print_json(check_document(previews, answers))
    else:
        for preview in previews:
            _show(preview, clients.settings.client_state_keys, certificate)
        print_warnings(console(), unanswered(answers) if answers else ())
    if not all(preview.is_settled for preview in previews) or (answers and any(unanswered(answers))):
        raise typer.Exit(Status.FOUND)


def _answers(clients: Clients) -> Answers:
    """Return what the systems answered in the app's last run: a laptop gets no token of a managed identity."""
    return required_answers(required_owner_row(clients))


def _show(preview: Preview, keys: Sequence[ClientStateKey], certificate: Certificate | Problem | None) -> None:
    out = console()
    name = account_name(delegated=preview.delegated)
    count = sum(row.applied is not None for row in preview.rows)
    verdict = "settled" if preview.is_settled else "not settled"
    of_run = f", as of the run at {iso(preview.run_at)}" if preview.run_at else ""
    print_line(out, f"Tenant {preview.tenant_id} ({name}): {count} subscriptions, {verdict}{of_run}", "bold")
    if preview.actions:
        print_rows(out, ("next run", "resource", "changes"), planned_actions(preview))
    print_warnings(out, warnings(preview))
    for line in keys_in_use(preview, keys, certificate):
        print_line(out, line, "dim")
