"""``python -m cli parked``: what waits for the timer, and an attempt at once."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from cli.environment import app_clients
from cli.kept import retry_all, show_list
from shared.app.renew_subscriptions import parked_redriver
from shared.receiving.post_store import PARKED

commands = typer.Typer(no_args_is_help=True, help="Look at POSTs that wait for something to answer again.")

_Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
_Names = Annotated[list[str] | None, typer.Argument(help="As the list has them; all without a name.")]


@commands.command("list")
def list_(*, as_json: _Json = False) -> None:
    """Show what is parked, the oldest first; the timer publishes it by itself."""
    show_list(app_clients().post_store(PARKED), datetime.now(UTC), as_json=as_json)


@commands.command()
def retry(names: _Names = None, *, as_json: _Json = False) -> None:
    """Publish what is parked, without waiting for its next attempt.

    Exit status 1 if any of it has to wait on; the log line says for what.
    """
    retry_all(parked_redriver(app_clients()), names or [], as_json=as_json)
