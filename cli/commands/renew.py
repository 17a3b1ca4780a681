"""``python -m cli subscriptions renew``: what the next run would do, now, but for deletions."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated

import typer

from cli.deployments import as_the_app, owner_row, required_owner_row, writing_clients
from cli.exit_codes import Status
from cli.laptop_table import LaptopTable
from cli.options import Tenant, Yes, selected_tenant_ids
from cli.output import bar, busy, console, print_line, print_rows
from cli.reconcile_preview import current_certificate, planned_actions, preview_account
from cli.subscription_rows import is_from_file
from shared.app.clients import Clients
from shared.app.deployments import asked_once
from shared.app.renew_subscriptions import reconciler
from shared.subscriptions.deployment import change_status
from shared.subscriptions.reconcile import Reconciler
from shared.subscriptions.tracked import UpdateKind, Verb

type _Row = tuple[Verb, str, str]

_COLUMNS = ("", "resource", "changes")
_LEFT, _ASKED = "delete", UpdateKind.RECREATE


def renew(
    *,
    tenant: Tenant = "",
    yes: Yes = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be done, and change nothing.")] = False,
) -> None:
    """Renew every subscription now and do what else the next run would do, ignoring back-offs; delete nothing.

    Asks before it recreates any. The table says what to watch: this folder's subscriptions.json may differ from the
    app's. If the app signs in with a managed identity, the timer does all of it on its next run.
    Exit status 1 if anything failed or was postponed.
    """
    clients = writing_clients()
    tenant_ids = selected_tenant_ids(tenant, clients.settings)
    if clients.settings.has_managed_identity:
        _request(clients, dry_run=dry_run)
        return
    whole = _of_table(clients, tenant_ids)
    with busy("Asking Graph"):
        planned = _planned(whole)
    if dry_run:
        _show(planned, "Nothing is tracked.")
        return
    _ask(planned, yes=yes)
    with bar("Renewing") as progress:
        done = replace(whole, subscription_table=LaptopTable(whole.subscription_table)).run(
            force=True, progress=progress
        )
    counts = {name: count for name, count in done.items() if count}
    print_line(console(), ", ".join(f"{name} {count}" for name, count in counts.items()) or "Nothing is tracked.")
    if counts.keys() & {"failed", "postponed"}:
        raise typer.Exit(Status.FOUND)


def _request(clients: Clients, *, dry_run: bool) -> None:
    """Have the timer renew all: a laptop gets no token of a managed identity."""
    row = required_owner_row(clients)
    if not dry_run:
        now = datetime.now(UTC)
        change_status(clients.status_table(), row.deployment_id, lambda found: replace(found, renew_requested_at=now))
    print_line(console(), "The app signs in with a managed identity: the next run of RenewSubscriptions renews all.")


def _of_table(clients: Clients, tenant_ids: Sequence[str]) -> Reconciler:
    whole = as_the_app(reconciler(clients), owner_row(clients))
    rows = [row for tenant_id in tenant_ids for row in whole.subscription_table.load(tenant_id).tracked]
    return replace(
        whole,
        desired=[row.desired for row in rows if is_from_file(row)],
        accounts=[account for account in whole.accounts if account.tenant_id in tenant_ids],
        certificate=asked_once(whole.certificate) if whole.certificate else None,
    )


def _planned(whole: Reconciler) -> Sequence[_Row]:
    certificate = current_certificate(whole)
    previews = [preview_account(whole, account, certificate, force=True) for account in whole.accounts]
    return [action for preview in previews for action in planned_actions(preview)]


def _ask(planned: Sequence[_Row], *, yes: bool) -> None:
    left = [row for row in planned if row[0] == _LEFT]
    recreated = [row for row in planned if row[0] == _ASKED]
    if left:
        _show(left, "")
        print_line(console(), f"{len(left)} to be deleted: left to the next run of RenewSubscriptions.")
    if recreated and not yes:
        _show(recreated, "")
        typer.confirm(f"{len(recreated)} will be deleted and created again, each with a gap. Go on?", abort=True)


def _show(planned: Sequence[_Row], otherwise: str) -> None:
    if planned:
        print_rows(console(), _COLUMNS, planned)
    elif otherwise:
        print_line(console(), otherwise)
