"""``python -m cli parked``: what waits for the timer, and an attempt at once."""

from datetime import UTC, datetime

import typer

from cli.environment import app_clients
from cli.kept import Names, retry_all, show_list
from cli.terminal import AsJson
from shared.app.renew_subscriptions import parked_redriver
from shared.receiving.post_store import PARKED

commands = typer.Typer(no_args_is_help=True, help="Look at POSTs that wait for something to answer again.")


@commands.command("list")
def list_(*, as_json: AsJson = False) -> None:
    """Show what is parked, the oldest first; the timer publishes it by itself."""
    show_list(app_clients().post_store(PARKED), datetime.now(UTC), as_json=as_json)


@commands.command()
def retry(names: Names = None, *, as_json: AsJson = False) -> None:
    """Publish what is parked, without waiting for its next attempt.

    Exit status 1 if any of it has to wait on; the log line says for what.
    """
    retry_all(parked_redriver(app_clients()), names or [], as_json=as_json)
