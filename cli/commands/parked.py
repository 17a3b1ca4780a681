"""``python -m cli parked``: the POSTs that wait to be published."""

import typer

from cli.deployments import reading_clients, writing_clients
from cli.options import AsJson
from cli.stored_posts import Names, retry_all, show_list
from shared.app.renew_subscriptions import parked_redriver
from shared.receiving.post_store import PARKED

commands = typer.Typer(no_args_is_help=True, help="Look at POSTs that wait to be published, and retry them.")


@commands.command("list")
def list_(*, as_json: AsJson = False) -> None:
    """Show what is parked, oldest first; the timer publishes it automatically."""
    show_list(reading_clients().post_store(PARKED), as_json=as_json)


@commands.command()
def retry(names: Names = None, *, as_json: AsJson = False) -> None:
    """Publish what is parked without waiting for its next attempt.

    Exit status 1 if any POST stays parked; the log line says why.
    """
    retry_all(parked_redriver(writing_clients()), names or [], as_json=as_json)
