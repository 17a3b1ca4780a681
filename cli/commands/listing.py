"""``python -m cli subscriptions list``: the rows of the table, once or as long as you look."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console

from cli.commands.status import look, until_ctrl_c
from cli.deployments import reading_clients
from cli.exit_codes import Status
from cli.options import AsJson, Tenant, Watch, selected_tenant_ids
from cli.output import busy, console, print_json, print_line, print_rows, print_warnings
from cli.subscription_status import (
    COLUMNS,
    StatusContext,
    SubscriptionState,
    cells,
    last_run,
    list_document,
    needs_attention,
    state_of,
    warnings,
)
from shared.app.clients import Clients
from shared.errors import Unavailable
from shared.subscriptions.tracked import TenantState

_States = Annotated[list[SubscriptionState] | None, typer.Option("--state", help="Only this one; repeatable.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What the table has of each tenant at one moment."""

    tenants: Sequence[tuple[str, TenantState]]
    context: StatusContext


def list_(*, tenant: Tenant = "", states: _States = None, watch: Watch = False, as_json: AsJson = False) -> None:
    """Show every subscription in the table: its state, its last renewal and its last change.

    Exit status 1 if any that is shown is failing, overdue, removed by Graph or lapsed.
    """
    clients = reading_clients()
    tenant_ids = selected_tenant_ids(tenant, clients.settings)
    if watch:
        with until_ctrl_c():
            look(lambda: _read(clients, tenant_ids, states), Changes(console()).show)
        return
    with busy("Reading the table"):
        listing = _read(clients, tenant_ids, states)
    if as_json:
        print_json(list_document(listing.tenants, listing.context))
    else:
        _show(console(), listing)
    if any(needs_attention(state, listing.context) for _, state in listing.tenants):
        raise typer.Exit(Status.FOUND)


def _read(clients: Clients, tenant_ids: Sequence[str], states: Collection[SubscriptionState] | None) -> Listing:
    context = StatusContext(now=datetime.now(UTC), overdue_after=2 * clients.settings.renew_after)
    table = clients.subscription_table()
    loaded = [(tenant_id, table.load(tenant_id)) for tenant_id in tenant_ids]
    return Listing(context=context, tenants=[(each, _only(states, state, context)) for each, state in loaded])


def _only(states: Collection[SubscriptionState] | None, state: TenantState, context: StatusContext) -> TenantState:
    if not states:
        return state
    return replace(state, tracked=tuple(row for row in state.tracked if state_of(row, context) in states))


class Changes:
    """Shows a listing anew whenever a state is another one: on a terminal in the place of the last one."""

    def __init__(self, out: Console) -> None:
        self._out = out
        self._last: object = None

    def show(self, found: Listing | Unavailable) -> None:
        """Show what was found, or the sentence that storage does not answer."""
        seen = str(found) if isinstance(found, Unavailable) else _states(found)
        if seen == self._last and not self._out.is_terminal:
            return
        self._last = seen
        self._out.clear()
        if isinstance(found, Unavailable):
            print_line(self._out, str(found), "bold red")
        else:
            _show(self._out, found)


def _states(listing: Listing) -> Sequence[tuple[str, str, SubscriptionState]]:
    return [
        (row.desired.resource, row.desired.change_type, state_of(row, listing.context))
        for _, state in listing.tenants
        for row in state.tracked
    ]


def _show(out: Console, listing: Listing) -> None:
    for tenant_id, state in listing.tenants:
        about = f"{len(state.tracked)} subscriptions, {last_run(state, listing.context)}"
        print_line(out, f"Tenant {tenant_id}: {about}", "bold")
        if ordered := sorted(state.tracked, key=lambda row: row.desired.resource):
            print_rows(out, COLUMNS, [cells(row, listing.context) for row in ordered])
        print_warnings(out, warnings(state, listing.context))
