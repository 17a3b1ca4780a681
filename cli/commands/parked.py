"""``python -m cli parked``: the POSTs that wait to be published."""

from typing import Annotated

import typer

from cli.deployments import reading_clients, writing_clients
from cli.options import AsJson, Yes
from cli.output import busy, console, print_line
from cli.stored_posts import Names, delete_all, retry_all, show_list
from shared.app.renew_subscriptions import parked_redriver
from shared.receiving.post_store import PARKED

commands = typer.Typer(no_args_is_help=True, help="Look at POSTs that wait to be published, retry or delete them.")

# TENANT_IDS may have lost the tenant whose POSTs are to go.
_Tenant = Annotated[str, typer.Option("--tenant", help="A tenant's id, also one that is not in TENANT_IDS.")]
_Reason = Annotated[str, typer.Option("--reason", help="A kind of the list, such as certificate-unknown.")]


@commands.command("list")
def list_(*, as_json: AsJson = False) -> None:
    """Show what is parked, oldest first; the timer publishes it automatically."""
    show_list(reading_clients().post_store(PARKED), none="Nothing is parked.", as_json=as_json)


@commands.command()
def retry(names: Names = None, *, as_json: AsJson = False) -> None:
    """Publish what is parked without waiting for its next attempt.

    Exit status 1 if any POST stays parked; the log line says why.
    """
    retry_all(parked_redriver(writing_clients()), names or [], as_json=as_json)


@commands.command()
def purge(*, tenant: _Tenant = "", reason: _Reason = "", yes: Yes = False) -> None:
    """Delete what is parked of a tenant, for a reason, or both; say how much that is, and ask first."""
    if not tenant and not reason:
        raise typer.BadParameter("name a tenant, a reason, or both", param_hint="--tenant / --reason")
    store = writing_clients().post_store(PARKED)
    with busy("Reading the container"):
        posts = [
            post
            for post in store.list()
            if tenant.lower() in {"", post.tenant_id.lower()} and reason in {"", post.reason}
        ]
    if posts and not yes:
        typer.confirm(f"{len(posts)} will be deleted; nothing publishes their changes later. Go on?", abort=True)
    delete_all(store, posts)
    print_line(console(), f"{len(posts)} deleted")
