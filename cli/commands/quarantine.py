"""``python -m cli quarantine``: the authentic POSTs that were refused for good."""

import json
from datetime import UTC, datetime, timedelta
from typing import Annotated

import isodate
import typer

from cli.deployments import reading_clients, writing_clients
from cli.options import AsJson
from cli.output import busy, console, iso, print_json, print_line
from cli.stored_posts import Names, delete_all, post_document, retry_all, selected_posts, show_list
from shared.app.renew_subscriptions import quarantine_redriver
from shared.errors import Misconfigured
from shared.receiving.post_store import QUARANTINE

commands = typer.Typer(no_args_is_help=True, help="Look at authentic POSTs that were refused, retry or delete them.")

_OlderThan = Annotated[str, typer.Option(help="An ISO 8601 duration since receipt, such as P7D; PT0S deletes all.")]


@commands.command("list")
def list_(*, as_json: AsJson = False) -> None:
    """Show what is in quarantine, oldest first, and why it is there."""
    show_list(reading_clients().post_store(QUARANTINE), none="Nothing is in quarantine.", as_json=as_json)


@commands.command()
def show(name: Annotated[str, typer.Argument(help="A name from the list.")], *, as_json: AsJson = False) -> None:
    """Show one POST: why it was refused, and its items, still encrypted, without client states and tokens."""
    store = reading_clients().post_store(QUARANTINE)
    (post,) = selected_posts(store, [name])
    shown = post_document(post, store.read(post))
    if as_json:
        print_json(shown)
        return
    out = console()
    fetched = f", to be fetched from {post.fetch}" if post.fetch else ""
    print_line(out, f"{post.name}: {post.reason}, received {iso(post.received_at)}{fetched}", "bold")
    print_line(out, f"{len(shown['items'])} items, {shown['validationTokens']} validation tokens")
    for item in shown["items"]:
        out.print_json(json.dumps(item), ensure_ascii=True)


@commands.command()
def retry(names: Names = None, *, as_json: AsJson = False) -> None:
    """Retry refused POSTs as of their receipt, for example after a certificate was restored.

    Published POSTs leave the quarantine. Exit status 1 if any POST stays.
    """
    retry_all(quarantine_redriver(writing_clients()), names or [], as_json=as_json)


@commands.command()
def purge(*, older_than: _OlderThan = "P30D") -> None:
    """Delete the POSTs that were received longer ago than --older-than."""
    before = datetime.now(UTC) - _duration(older_than)
    store = writing_clients().post_store(QUARANTINE)
    with busy("Reading the container"):
        old = [post for post in store.list() if post.received_at <= before]
    delete_all(store, old)
    print_line(console(), f"{len(old)} deleted")


def _duration(text: str) -> timedelta:
    try:
        value = isodate.parse_duration(text)
    except (ValueError, OverflowError):
        value = None
    # Subtracting a much longer duration from today overflows datetime.
    if not isinstance(value, timedelta) or not timedelta() <= value <= timedelta(days=36_500):
        raise Misconfigured(f"--older-than is {text!r}: use an ISO 8601 duration such as P30D")
    return value
