"""``python -m cli dashboard``: the live page of an app in Azure, served on this machine to this user's browser."""

import asyncio
import signal
from contextlib import suppress
from typing import Annotated

import typer

from cli.options import Tenant, selected_tenant_ids
from cli.output import console, print_line
from cli.page.read_only import read_only_account
from cli.page.source import DeploymentSource
from cli.settings_file import app_clients
from dashboard.server import Dashboard
from shared.errors import Misconfigured

_MOST_PORT = 65535


def dashboard(
    *,
    tenant: Tenant = "",
    port: Annotated[int, typer.Option(min=0, max=_MOST_PORT, help="Of 127.0.0.1.", show_default="a free one")] = 0,
) -> None:
    """Show in a browser on this machine whether changes arrive, live; Ctrl-C stops it.

    Reads the storage account with your own login, lists and peeks, and cannot change anything. Shows no content.
    """
    settings = app_clients().settings
    source = DeploymentSource(read_only_account(settings), selected_tenant_ids(tenant, settings))
    # A shell makes background commands ignore SIGINT. Accept it, so that a script can stop this command.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with suppress(KeyboardInterrupt):
        asyncio.run(_serve(Dashboard(source), port))


async def _serve(page: Dashboard, port: int) -> None:
    try:
        await page.start(port)
    except OSError as exc:
        raise Misconfigured(f"port {port} of 127.0.0.1 cannot be used: leave --port out for a free one") from exc
    try:
        out = console()
        print_line(out, f"Look: {page.link}")
        print_line(out, "The link lets a browser of yours in until Ctrl-C ends this.")
        await asyncio.Event().wait()
    finally:
        await page.stop()
