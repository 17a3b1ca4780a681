"""``python -m cli subscriptions``: list, check, add, remove and renew subscriptions."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated

import typer

from cli.commands.check import check
from cli.exit_codes import Status
from cli.options import AsJson, Tenant, selected_tenant_ids
from cli.output import bar, busy, console, print_json, print_line, print_rows, print_warnings
from cli.settings_file import app_clients
from cli.subscription_rows import matching_rows
from cli.subscription_status import COLUMNS, StatusContext, cells, last_run, list_document, needs_attention, warnings
from shared.app.renew_subscriptions import reconciler
from shared.errors import Misconfigured
from shared.subscriptions.desired import DesiredSubscription, entry_from_json
from shared.subscriptions.subscription_table import SubscriptionTable
from shared.subscriptions.tracked import TenantState, TrackedSubscription, subscription_key

commands = typer.Typer(no_args_is_help=True, help="List, check, add, remove and renew subscriptions.")
commands.command()(check)

_Resource = Annotated[str, typer.Argument(help="A resource path, such as /chats/getAllMessages.")]
_CHANGES = "created, updated or deleted; separate several with commas."


@commands.command("list")
def list_(*, tenant: Tenant = "", as_json: AsJson = False) -> None:
    """Show every subscription in the table: its state, its last renewal and its last change.

    Exit status 1 if any is failing, overdue, removed by Graph or lapsed.
    """
    clients = app_clients()
    tenant_ids, table = selected_tenant_ids(tenant, clients.settings), clients.subscription_table()
    context = StatusContext(now=datetime.now(UTC), overdue_after=2 * clients.settings.renew_after)
    with busy("Reading the table"):
        tenants = [(tenant_id, table.load(tenant_id)) for tenant_id in tenant_ids]
    if as_json:
        print_json(list_document(tenants, context))
    else:
        for tenant_id, state in tenants:
            _show(tenant_id, state, context)
    if any(needs_attention(state, context) for _, state in tenants):
        raise typer.Exit(Status.FOUND)


def _show(tenant_id: str, state: TenantState, context: StatusContext) -> None:
    out = console()
    print_line(out, f"Tenant {tenant_id}: {len(state.tracked)} subscriptions, {last_run(state, context)}", "bold")
    ordered = sorted(state.tracked, key=lambda row: row.desired.resource)
    if ordered:
        print_rows(out, COLUMNS, [cells(row, context) for row in ordered])
    print_warnings(out, warnings(state, context))


@commands.command()
def add(  # noqa: PLR0913  one parameter an option
    resource: _Resource,
    *,
    change_type: Annotated[str, typer.Option(help=_CHANGES)],
    include_resource_data: Annotated[bool, typer.Option("--include-resource-data", help="With the content.")] = False,
    fetch: Annotated[bool, typer.Option("--fetch", help="Have the app GET the content.")] = False,
    delegated: Annotated[bool, typer.Option("--delegated", help="Watch as the user who ran: login.")] = False,
    tenant: Tenant = "",
) -> None:
    """Watch RESOURCE from the next run of the timer on, in addition to what subscriptions.json requests."""
    entry = {"resource": resource, "changeType": change_type, "includeResourceData": include_resource_data}
    entry |= {"fetch": fetch, "delegated": delegated}
    clients = app_clients()
    tenant_ids = selected_tenant_ids(tenant, clients.settings)
    if delegated:
        # Fail here if there is no vault: the timer would find no login, and leave the row pending.
        clients.login_store()
    try:
        wanted = entry_from_json(entry, tenant_ids=tenant_ids)
    except Misconfigured as problem:
        raise typer.BadParameter(str(problem)) from problem
    for desired in wanted:
        _add(clients.subscription_table(), desired)


def _add(table: SubscriptionTable, desired: DesiredSubscription) -> None:
    rows, key = table.load(desired.tenant_id).tracked, subscription_key(desired)
    row = next((row for row in rows if row.key == key), None)
    if row is not None and is_from_file(row):
        if row.desired.include_resource_data != desired.include_resource_data or row.desired.fetch != desired.fetch:
            raise typer.BadParameter("subscriptions.json has this resource with different content: change it there")
        print_line(console(), f"{_describe(desired)} is already in subscriptions.json.")
        return
    table.save(row_to_add(row, desired))
    print_line(console(), f"{_describe(desired)} is added: the next run of RenewSubscriptions creates it.")


@commands.command()
def remove(
    resource: _Resource,
    *,
    change_type: Annotated[str, typer.Option(help=_CHANGES, show_default="any")] = "",
    tenant: Tenant = "",
) -> None:
    """Remove what `subscriptions add` added: the next run of the timer deletes it at Graph.

    Exit status 1 if no subscription matches, 2 if subscriptions.json requests it: remove it there.
    """
    clients, out = app_clients(), console()
    table = clients.subscription_table()
    rows = [
        row
        for tenant_id in selected_tenant_ids(tenant, clients.settings)
        for row in matching_rows(table.load(tenant_id).tracked, resource, change_type)
    ]
    if not rows:
        print_line(out, f"No subscription watches {resource}.")
        raise typer.Exit(Status.FOUND)
    for row in rows:
        if not is_from_file(row):
            table.save(row_to_remove(row))
            print_line(out, f"{_describe(row.desired)} is removed: the next run of RenewSubscriptions deletes it.")
    if any(is_from_file(row) for row in rows):
        raise typer.BadParameter("subscriptions.json requests this resource: remove it there", param_hint="RESOURCE")


def _describe(desired: DesiredSubscription) -> str:
    return f"Tenant {desired.tenant_id}: {desired.resource} ({desired.change_type})"


@commands.command()
def renew(*, tenant: Tenant = "") -> None:
    """Renew every subscription now and do everything else that the next run would do, ignoring back-offs.

    The table says what to watch: this folder's subscriptions.json may differ from the app's.
    Exit status 1 if anything failed or was postponed.
    """
    clients = app_clients()
    tenant_ids, whole = selected_tenant_ids(tenant, clients.settings), reconciler(clients)
    rows = [row for tenant_id in tenant_ids for row in whole.subscription_table.load(tenant_id).tracked]
    desired = [row.desired for row in rows if is_from_file(row)]
    accounts = [account for account in whole.accounts if account.tenant_id in tenant_ids]
    with bar("Renewing") as progress:
        done = replace(whole, desired=desired, accounts=accounts).run(force=True, progress=progress)
    counts = {name: count for name, count in done.items() if count}
    print_line(console(), ", ".join(f"{name} {count}" for name, count in counts.items()) or "Nothing is tracked.")
    if counts.keys() & {"failed", "postponed"}:
        raise typer.Exit(Status.FOUND)


def is_from_file(row: TrackedSubscription | None) -> bool:
    """Return whether ``subscriptions.json`` requests the row: then only an edit of that file may change it."""
    return row is not None and row.is_wanted and row.added_by == "file"


def row_to_add(row: TrackedSubscription | None, desired: DesiredSubscription) -> TrackedSubscription:
    """Return the row to save for ``desired``; an existing row keeps its subscription."""
    if row is None:
        return TrackedSubscription(desired=desired, added_by="cli")
    # The back-off after a failure belongs to the previous request.
    return replace(row, desired=desired, added_by="cli", is_wanted=True, failure=None)


def row_to_remove(row: TrackedSubscription) -> TrackedSubscription:
    """Return the row to save so that the next run deletes the subscription, without waiting for its back-off."""
    return replace(row, is_wanted=False, failure=None)
