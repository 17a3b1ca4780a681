"""``python -m cli audit``: how complete what was published is, by a sample that is read back from Graph."""

import time
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import typer

from cli.audit_requests import audited_path, audited_window, requested_audits
from cli.deployments import owner_row, reading_clients, writing_clients
from cli.exit_codes import Status
from cli.json_documents import AuditDocument, AuditsDocument
from cli.options import AsJson, Tenant, selected_tenant_ids
from cli.output import ago, bar, busy, console, iso, iso_or_none, print_json, print_line, print_rows
from shared.app.audits import audit_table
from shared.app.clients import Clients
from shared.audit.audit import Audit, AuditState

commands = typer.Typer(help="Look at how complete what was published is, and measure it on demand.")

_COLUMNS = ("path", "state", "ended", "lists", "of", "checked", "missing", "refused", "tenant")
_SECONDS_BETWEEN_LOOKS = 1.0


@commands.callback(invoke_without_command=True)
def list_(context: typer.Context, *, tenant: Tenant = "", as_json: AsJson = False) -> None:
    """Show the last audit of each tenant and path: how many changes were checked, and how many were missing.

    Exit status 1 if more than one in a thousand was missing.
    """
    if context.invoked_subcommand is not None:
        return
    clients = reading_clients()
    with busy("Reading the table"):
        audits = _audits(clients, selected_tenant_ids(tenant, clients.settings))
    if as_json:
        print_json(_document(clients, audits))
    else:
        _show(audits, clients.clock.now())
    if any(audit.is_incomplete for audit in audits):
        raise typer.Exit(Status.FOUND)


@commands.command()
def run(
    path: Annotated[str, typer.Argument(help="A path of messages that are subscribed to with their content.")],
    *,
    since: Annotated[str, typer.Option(help="A time, such as 2026-11-28T08:00:00Z; in UTC if it has no offset.")],
    until: Annotated[str, typer.Option(help="A time.", show_default="five hours ago")] = "",
    tenant: Tenant = "",
) -> None:
    """Let the timer audit PATH now, and wait until it has: what is missing is published as recovered.

    Exit status 1 if anything was missing, or could not be checked.
    """
    clients = writing_clients()
    catalogue_path = audited_path(path)
    window = audited_window(since, until, clients.clock.now())
    asked = requested_audits(clients, catalogue_path, window, selected_tenant_ids(tenant, clients.settings))
    ended = _wait(clients, [audit_table(clients).save(audit) for audit in asked])
    for audit in ended:
        print_line(console(), f"Tenant {audit.tenant_id}: {outcome(audit)}")
    if any(audit.missing or audit.state is AuditState.NOT_CHECKED for audit in ended):
        raise typer.Exit(Status.FOUND)


def _wait(clients: Clients, asked: Sequence[Audit]) -> Sequence[Audit]:
    """Return the audits once the timer has ended them; show how many lists it has read."""
    keys, shown, of = {(audit.tenant_id, audit.key) for audit in asked}, 0, 0
    tenant_ids = [audit.tenant_id for audit in asked]
    with bar("Waiting for the timer, then reading") as progress:
        while True:
            found = [audit for audit in _audits(clients, tenant_ids) if (audit.tenant_id, audit.key) in keys]
            done = sum(audit.read + audit.refused for audit in found)
            to_do = done + sum(len(audit.lists) for audit in found)
            progress(done - shown, to_do - of)
            shown, of = done, to_do
            if all(audit.has_ended for audit in found):
                return found
            time.sleep(_SECONDS_BETWEEN_LOOKS)


def _audits(clients: Clients, tenant_ids: Sequence[str]) -> Sequence[Audit]:
    found = [audit for tenant_id in tenant_ids for audit in audit_table(clients).load(tenant_id)]
    return sorted(found, key=lambda audit: (audit.tenant_id, audit.path, audit.is_requested))


def outcome(audit: Audit) -> str:
    """Return what an audit has found, as a sentence; each change that was missing has been published."""
    if audit.state is AuditState.NOT_CHECKED:
        return f"not checked: {audit.reason}"
    rest = "" if audit.reason is None else f" ({audit.reason})"
    return f"checked {audit.checked:,}, missing {audit.missing:,}, recovered {audit.missing:,}{rest}"


def _show(audits: Sequence[Audit], now: datetime) -> None:
    out = console()
    if not audits:
        print_line(out, "No audits yet.")
        return
    print_rows(out, _COLUMNS, [_cells(audit, now) for audit in audits])
    for audit in audits:
        if audit.reason is not None:
            print_line(out, f"! {audit.path}: {audit.reason}", "yellow")


def _cells(audit: Audit, now: datetime) -> tuple[str, ...]:
    counts = (audit.read, audit.of, audit.checked, audit.missing, audit.refused)
    state = f"{audit.state} (requested)" if audit.is_requested else audit.state.value
    ended = ago(audit.ended_at, now) if audit.ended_at else ""
    return (audit.path, state, ended, *(f"{count:,}" for count in counts), audit.tenant_id)


def _document(clients: Clients, audits: Sequence[Audit]) -> AuditsDocument:
    row = owner_row(clients)
    records = row.records if row else None
    return {
        "recordsSinceDateTime": iso(records.since) if records else None,
        "audits": [_audit_document(audit) for audit in audits],
    }


def _audit_document(audit: Audit) -> AuditDocument:
    return {
        "tenantId": audit.tenant_id,
        "path": audit.path,
        "requested": audit.is_requested,
        "state": audit.state.value,
        "startDateTime": iso(audit.since),
        "endDateTime": iso(audit.until),
        "begunDateTime": iso_or_none(None if audit.state is AuditState.WAITING else audit.begun_at),
        "endedDateTime": iso_or_none(audit.ended_at),
        "lists": audit.read,
        "of": audit.of,
        "checked": audit.checked,
        "missing": audit.missing,
        "refused": audit.refused,
        "reason": audit.reason,
    }
