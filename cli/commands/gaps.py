"""``python -m cli gaps``: the times in which changes may be missing, and what was recovered of them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer

from cli.deployments import reading_clients, writing_clients
from cli.exit_codes import Status
from cli.gap_requests import replacing_earlier, requested_gap, requested_interval
from cli.json_documents import GapsDocument, RecordedGapDocument
from cli.options import AsJson, Tenant, selected_tenant_ids
from cli.output import ago, busy, console, iso, iso_or_none, print_json, print_line, print_rows, span
from cli.subscription_rows import matching_rows
from cli.subscription_status import failure_document
from shared.app.clients import Clients
from shared.gaps.gap import DONE_STATES, Gap, GapState

commands = typer.Typer(no_args_is_help=True, help="Look at gaps in which changes may be missing, and retry them.")

_COLUMNS = ("resource", "cause", "state", "events", "began", "lasted", "next attempt")
_INCOMPLETE = frozenset({GapState.REFUSED, GapState.PARTIAL, GapState.UNRECOVERABLE})


@commands.command("list")
def list_(*, tenant: Tenant = "", as_json: AsJson = False) -> None:
    """Show every gap of the last month that has ended, oldest first: whether it is filled, and if not, why.

    `subscriptions list` shows a gap that still lasts. A baseline is shown if Graph refuses the lists for it, and a
    recheck until lists have been compared a second time.
    Exit status 1 if changes are lost, or Graph refuses to list them.
    """
    clients = reading_clients()
    gaps = _gaps(clients, selected_tenant_ids(tenant, clients.settings))
    if as_json:
        document: GapsDocument = {"gaps": [_gap_document(gap) for gap in gaps]}
        print_json(document)
    else:
        _show(gaps, datetime.now(UTC))
    if any(gap.state in _INCOMPLETE for gap in gaps):
        raise typer.Exit(Status.FOUND)


@commands.command()
def retry(*, tenant: Tenant = "") -> None:
    """Let the next run of the timer retry every refused, partial or unrecoverable gap, from its beginning.

    Changes that were recovered within the last DEDUPLICATE_FOR are not published again.
    """
    clients, out = writing_clients(), console()
    gaps = [gap for gap in _gaps(clients, selected_tenant_ids(tenant, clients.settings)) if gap.state in _INCOMPLETE]
    for gap in gaps:
        clients.gap_table().save(gap.reset())
        print_line(
            out, f"Tenant {gap.tenant_id}: the next run retries the gap of {gap.resource} since {iso(gap.since)}."
        )
    if not gaps:
        print_line(out, "No gap is refused, partial or unrecoverable.")


@commands.command()
def add(
    resource: Annotated[str, typer.Argument(help="A resource path that is subscribed to, of messages or chats.")],
    *,
    since: Annotated[str, typer.Option(help="A time, such as 2026-11-28T08:00:00Z; in UTC if it has no offset.")],
    until: Annotated[str, typer.Option(help="A time.", show_default="now")] = "",
    tenant: Tenant = "",
) -> None:
    """Let the timer read the changes of RESOURCE from Graph once more and publish them, whatever was published before.

    For a consumer that has lost events. They have the ids of recovered events.
    """
    clients, now = writing_clients(), datetime.now(UTC)
    interval = requested_interval(since, until, now)
    rows = [
        row
        for tenant_id in selected_tenant_ids(tenant, clients.settings)
        for row in matching_rows(clients.subscription_table().load(tenant_id).tracked, resource, "")
    ]
    if not rows:
        raise typer.BadParameter("no subscription watches it", param_hint="RESOURCE")
    for gap in [requested_gap(row, interval) for row in rows]:
        clients.gap_table().save(replacing_earlier(gap, clients.gap_table().load(gap.tenant_id)))
        what = f"changes of {gap.resource} from {iso(gap.since)} until {iso(gap.until)}"
        print_line(console(), f"Tenant {gap.tenant_id}: the next run reads the {what} and publishes them again.")


def _gaps(clients: Clients, tenant_ids: Sequence[str]) -> Sequence[Gap]:
    with busy("Reading the table"):
        found = [gap for tenant_id in tenant_ids for gap in clients.gap_table().load(tenant_id)]
    # A baseline matters to an operator only if Graph refuses it.
    return sorted((gap for gap in found if not gap.is_baseline or gap.state in _INCOMPLETE), key=lambda gap: gap.since)


def _show(gaps: Sequence[Gap], now: datetime) -> None:
    out = console()
    if not gaps:
        print_line(out, "No gaps.")
        return
    print_rows(out, _COLUMNS, [cells(gap, now) for gap in gaps])
    for gap in gaps:
        reason = gap.failure.text if gap.failure else gap.reason
        which = "has no baseline" if gap.is_baseline else f"since {iso(gap.since)}"
        if reason is not None:
            print_line(out, f"! {gap.resource} {which}: {reason}", "yellow")


def cells(gap: Gap, now: datetime) -> tuple[str, ...]:
    """Return the cells of a row."""
    wait = gap.next_attempt_at() - now
    next_attempt = "" if gap.state in DONE_STATES else f"in {span(wait)}" if wait > now - now else "at the next run"
    began, lasted = ago(gap.since, now), span(gap.until - gap.since)
    return (gap.resource, gap.cause.value, gap.state.value, str(gap.recovered), began, lasted, next_attempt)


def _gap_document(gap: Gap) -> RecordedGapDocument:
    return {
        "baseline": gap.is_baseline,
        "cause": gap.cause.value,
        "tenantId": gap.tenant_id,
        "resource": gap.resource,
        "changeType": ",".join(sorted(gap.change_types)),
        "subscriptionId": gap.subscription_id,
        "startDateTime": iso(gap.since),
        "endDateTime": iso(gap.until),
        "state": gap.state.value,
        "reason": gap.reason,
        "recovered": gap.recovered,
        "skipped": gap.skipped,
        "endedDateTime": iso_or_none(gap.ended_at),
        "dueDateTime": iso_or_none(gap.due_at),
        "failure": failure_document(gap.failure) if gap.failure else None,
    }
