"""``python -m cli subscriptions show``: all that the table knows of the subscriptions to one path."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console

from cli.deployments import reading_clients
from cli.exit_codes import Status
from cli.options import AsJson, Tenant, selected_tenant_ids
from cli.output import console, print_json, print_line, print_rows
from cli.subscription_rows import matching_rows
from cli.subscription_status import StatusContext, list_document


def show(
    resource: Annotated[str, typer.Argument(help="A resource path, such as /chats/getAllMessages.")],
    *,
    tenant: Tenant = "",
    as_json: AsJson = False,
) -> None:
    """Show all that the table knows of the subscriptions to RESOURCE: ids, times, key and certificate, failure, gap.

    Exit status 1 if no subscription watches it.
    """
    clients = reading_clients()
    context = StatusContext(now=datetime.now(UTC), overdue_after=2 * clients.settings.renew_after)
    found = []
    for tenant_id in selected_tenant_ids(tenant, clients.settings):
        state = clients.subscription_table().load(tenant_id)
        found.append((tenant_id, replace(state, tracked=tuple(matching_rows(state.tracked, resource, "")))))
    document, out = list_document(found, context), console()
    if as_json:
        print_json(document)
    else:
        for subscription in document["subscriptions"]:
            print_rows(out, ("property", "value"), list(_lines(subscription)))
    if not document["subscriptions"]:
        print_line(Console(stderr=True), f"No subscription watches {resource}.")
        raise typer.Exit(Status.FOUND)


def _lines(document: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield name and value of each property that has one, those of a failure or gap by their path."""
    for name, value in document.items():
        if isinstance(value, Mapping):
            yield from _lines(value, f"{prefix}{name}.")
        elif value is not None:
            yield f"{prefix}{name}", str(value).lower() if isinstance(value, bool) else str(value)
