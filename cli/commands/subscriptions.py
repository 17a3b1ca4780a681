"""``python -m cli subscriptions``: list, show, check, add, remove and renew subscriptions."""

from dataclasses import replace
from typing import Annotated

import typer

from cli.commands.check import check
from cli.commands.listing import list_
from cli.commands.renew import renew
from cli.commands.show import show
from cli.commands.wanted_none import remove_all, restore
from cli.deployments import owner_row, writing_clients
from cli.exit_codes import Status
from cli.options import Tenant, Yes, selected_tenant_ids
from cli.output import console, print_line
from cli.subscription_rows import describe, is_from_file, matching_rows, row_to_remove
from shared.app.clients import Clients
from shared.errors import Misconfigured
from shared.subscriptions.desired import DesiredSubscription, entry_from_json
from shared.subscriptions.subscription_table import SubscriptionTable
from shared.subscriptions.tracked import TrackedSubscription, subscription_key

commands = typer.Typer(no_args_is_help=True, help="List, show, check, add, remove, restore and renew subscriptions.")
commands.command("list")(list_)
commands.command()(check)
commands.command()(renew)
commands.command()(restore)
commands.command()(show)

_Resource = Annotated[str, typer.Argument(help="A resource path, such as /chats/getAllMessages.")]
_CHANGES = "created, updated or deleted; separate several with commas."


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
    clients = writing_clients()
    tenant_ids = selected_tenant_ids(tenant, clients.settings)
    _refuse_if_nothing_is_wanted(clients)
    if delegated:
        # Fail here if there is no vault: the timer would find no login, and leave the row pending.
        clients.login_store()
    try:
        wanted = entry_from_json(entry, tenant_ids=tenant_ids)
    except Misconfigured as problem:
        raise typer.BadParameter(str(problem)) from problem
    for desired in wanted:
        _add(clients.subscription_table(), desired)


def _refuse_if_nothing_is_wanted(clients: Clients) -> None:
    row = owner_row(clients)
    if row is not None and row.wanted_none is not None and row.wanted_none.holds_for(row.facts):
        raise Misconfigured("nothing is wanted since `subscriptions remove --all`: run `subscriptions restore` first")


def _add(table: SubscriptionTable, desired: DesiredSubscription) -> None:
    rows, key = table.load(desired.tenant_id).tracked, subscription_key(desired)
    row = next((row for row in rows if row.key == key), None)
    if row is not None and is_from_file(row):
        if row.desired.include_resource_data != desired.include_resource_data or row.desired.fetch != desired.fetch:
            raise typer.BadParameter("subscriptions.json has this resource with different content: change it there")
        print_line(console(), f"{describe(desired)} is already in subscriptions.json.")
        return
    table.save(row_to_add(row, desired))
    print_line(console(), f"{describe(desired)} is added: the next run of RenewSubscriptions creates it.")


@commands.command()
def remove(
    resource: Annotated[str, typer.Argument(help="A resource path, such as /chats/getAllMessages.")] = "",
    *,
    change_type: Annotated[str, typer.Option(help=_CHANGES, show_default="any")] = "",
    tenant: Tenant = "",
    all_: Annotated[bool, typer.Option("--all", help="Everything, until `restore` or the next deployment.")] = False,
    yes: Yes = False,
) -> None:
    """Remove what `subscriptions add` added: the next run of the timer deletes it at Graph.

    With --all, nothing is wanted any more, until `subscriptions restore`, or until another version of the app or
    another subscriptions.json is deployed. Exit status 1 if no subscription matches, 2 if subscriptions.json requests
    it: remove it there.
    """
    if all_ == bool(resource) or (all_ and (change_type or tenant)):
        raise typer.BadParameter("name a resource, or use --all alone", param_hint="RESOURCE")
    if all_:
        remove_all(yes=yes)
        return
    clients, out = writing_clients(), console()
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
            print_line(out, f"{describe(row.desired)} is removed: the next run of RenewSubscriptions deletes it.")
    if any(is_from_file(row) for row in rows):
        raise typer.BadParameter("subscriptions.json requests this resource: remove it there", param_hint="RESOURCE")


def row_to_add(row: TrackedSubscription | None, desired: DesiredSubscription) -> TrackedSubscription:
    """Return the row to save for ``desired``; an existing row keeps its subscription."""
    if row is None:
        return TrackedSubscription(desired=desired, added_by="cli")
    # The back-off after a failure belongs to the previous request.
    return replace(row, desired=desired, added_by="cli", is_wanted=True, failure=None)
