"""Options that several commands have."""

from pathlib import Path
from typing import Annotated

import typer

from shared.settings import Settings

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
SubscriptionsFile = Annotated[
    Path,
    typer.Option("--subscriptions", help="The file with the entries.", show_default="the app's subscriptions.json"),
]
Tenant = Annotated[str, typer.Option("--tenant", help="One of TENANT_IDS.", show_default="all of them")]
Watch = Annotated[bool, typer.Option("--watch", "-w", help="Look again every five seconds; Ctrl-C stops it.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def selected_tenant_ids(requested: str, settings: Settings) -> tuple[str, ...]:
    """Return the ids of the selected tenants.

    Raises:
        typer.BadParameter: the app does not serve the requested tenant.
    """
    if not requested:
        return settings.tenant_ids
    if requested.lower() not in settings.tenant_ids:
        served = ", ".join(settings.tenant_ids)
        raise typer.BadParameter(f"is not one of TENANT_IDS: {served}", param_hint="--tenant")
    return (requested.lower(),)
