"""``python -m cli permissions``: what is needed for what is to be watched, and what the app's token lacks."""

from collections.abc import Iterator, Sequence
from typing import Annotated

import typer

from cli.check import SubscriptionsFile
from cli.environment import app_clients
from cli.granting import COLUMNS, Granted, cells, document, needs, permissions_in, remarks
from cli.progress import busy
from cli.statuses import Status
from cli.tenants import Tenant, chosen
from cli.terminal import console, print_json, print_line, print_rows
from shared.app import renew_subscriptions
from shared.app.clients import Clients
from shared.errors import Problem
from shared.subscriptions.desired import DesiredSubscription


def permissions(
    *,
    tenant: Tenant = "",
    subscriptions: SubscriptionsFile = renew_subscriptions.SUBSCRIPTIONS_FILE,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Show the permissions that subscriptions.json and added subscriptions need, and which of them the token lacks.

    Least privilege stands first, and one of a row is enough. What consent in a single team or chat allows, no token
    tells. Exit status 1 if something lacks, 3 or 4 if no token can be had.
    """
    with busy("Asking Entra ID for tokens"):
        clients = app_clients()
        desired = renew_subscriptions.desired(clients, subscriptions)
        accounts = [
            each for tenant_id in chosen(tenant, clients.settings) for each in _of_tenant(clients, tenant_id, desired)
        ]
    if as_json:
        print_json(document(accounts))
    else:
        for granted in accounts:
            _show(granted)
    if any(granted.lacking for granted in accounts):
        raise typer.Exit(Status.FOUND)
    for granted in accounts:
        if granted.problem is not None:
            raise granted.problem


def _of_tenant(clients: Clients, tenant_id: str, desired: Sequence[DesiredSubscription]) -> Iterator[Granted]:
    rows = clients.subscription_table().load(tenant_id).tracked
    added = [row.desired for row in rows if row.is_wanted and row.added_by == "cli"]
    wanted = [each for each in (*desired, *added) if each.tenant_id == tenant_id]
    for delegated in (False, True):
        if needed := needs(wanted, delegated=delegated):
            granted = Granted(tenant_id=tenant_id, delegated=delegated, needs=needed)
            yield _with_token(clients, granted)


def _with_token(clients: Clients, granted: Granted) -> Granted:
    found, problem = frozenset[str](), None
    try:
        found = permissions_in(clients.graph_token(granted.tenant_id, delegated=granted.delegated))
    except Problem as exc:
        problem = exc
    return Granted(
        tenant_id=granted.tenant_id,
        delegated=granted.delegated,
        needs=granted.needs,
        permissions=found,
        problem=problem,
    )


def _show(granted: Granted) -> None:
    out = console()
    kind = "delegated permissions of the signed-in user" if granted.delegated else "application permissions"
    print_line(out, f"Tenant {granted.tenant_id}: {kind}", "bold")
    print_rows(out, COLUMNS, list(cells(granted)))
    for remark in remarks(granted):
        print_line(out, f"! {remark}", "yellow")
