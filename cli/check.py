"""``python -m cli subscriptions check``: what the next run of the timer would do."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer

from cli.checking import Checked, document, is_empty, look, planned, remarks, uses
from cli.environment import app_clients
from cli.progress import busy
from cli.statuses import Status
from cli.tenants import Tenant, chosen
from cli.terminal import console, print_json, print_line, print_rows
from shared.app import renew_subscriptions
from shared.errors import Problem
from shared.identity.certificates import Certificate
from shared.settings import ClientStateKey

SubscriptionsFile = Annotated[
    Path, typer.Option("--subscriptions", help="What is to be watched.", show_default="the app's subscriptions.json")
]


def check(
    *,
    tenant: Tenant = "",
    subscriptions: SubscriptionsFile = renew_subscriptions.SUBSCRIPTIONS_FILE,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Compare subscriptions.json, the table and Graph: what the next run of the timer would do. Changes nothing.

    Also told: failures, gaps, subscriptions of the app that nobody tracks, client-state keys and certificate versions
    in use. Exit status 0 if settled, else 1.
    """
    clients = app_clients()
    tenant_ids = chosen(tenant, clients.settings)
    reconciler = renew_subscriptions.reconciler(clients, subscriptions)
    with busy("Asking Graph"):
        certificate = _certificate(reconciler.certificate)
        accounts = [account for account in reconciler.accounts if account.tenant_id in tenant_ids]
        looked = [look(reconciler, account, certificate) for account in accounts]
    checked = [each for each in looked if not is_empty(each)]
    if as_json:
        print_json(document(checked))
    else:
        for each in checked:
            _show(each, clients.settings.client_state_keys, certificate)
    if not all(each.is_settled for each in checked):
        raise typer.Exit(Status.FOUND)


def _certificate(current: Callable[[], Certificate] | None) -> Certificate | Problem | None:
    try:
        return current() if current else None
    except Problem as problem:
        return problem


def _show(checked: Checked, keys: Sequence[ClientStateKey], certificate: Certificate | Problem | None) -> None:
    out = console()
    who = "signed-in user" if checked.delegated else "app"
    count = sum(row.applied is not None for row in checked.rows)
    found = "settled" if checked.is_settled else "not settled"
    print_line(out, f"Tenant {checked.tenant_id} ({who}): {count} subscriptions, {found}", "bold")
    if checked.actions:
        print_rows(out, ("next run", "resource", "changes"), list(planned(checked)))
    for remark in remarks(checked):
        print_line(out, f"! {remark}", "yellow")
    for use in uses(checked, keys, certificate):
        print_line(out, use, "dim")
