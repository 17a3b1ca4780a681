"""``python -m cli events tail``: the events as they come, left where they are."""

import json
import signal
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Annotated, Any

import typer
from rich.console import Console

from cli.environment import app_clients
from cli.queue import MAX_PEEKED, Message, Queue, unseen
from cli.terminal import console, print_line

commands = typer.Typer(no_args_is_help=True, help="Look at the events.")

_POLL_SECONDS = 1.0


@commands.callback()
def events() -> None:
    """Look at the events."""


@commands.command()
def tail(
    *,
    once: Annotated[bool, typer.Option("--once", help="Show what is there, and end.")] = False,
    content: Annotated[bool, typer.Option("--content", help="Show data too: what people wrote.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print each event on a summary_line of its own.")] = False,
) -> None:
    """Show the events in the queue as they come, and leave them there; Ctrl-C ends it.

    The queue shows the 32 messages at its head only: where more wait, those behind are shown once some are consumed;
    and an event that is consumed within a second may not be shown at all.
    """
    clients = app_clients()
    queue = Queue(clients.queues(), clients.blobs(), clients.settings.queue_name)
    out, seen, warned = console(), set[str](), False
    if not once:
        # A script that starts it in the background has its shell take the signal from it.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    with suppress(KeyboardInterrupt):
        while True:
            messages = queue.peek()
            for message in unseen(messages, seen):
                _show(out, _visible(queue, message, content=content), as_json=as_json)
            warned = warned or _warn_if_more(queue, len(messages))
            if once:
                return
            time.sleep(_POLL_SECONDS)


def _warn_if_more(queue: Queue, peeked: int) -> bool:
    if peeked < MAX_PEEKED or (count := queue.count()) <= MAX_PEEKED:
        return False
    print_line(Console(stderr=True), f"About {count} messages wait: only the {MAX_PEEKED} at the head can be shown.")
    return True


def _visible(queue: Queue, message: Message, *, content: bool) -> Mapping[str, Any]:
    """Return what is shown of a message: its data only on request, from their blob if they lie there."""
    event = message.event
    if event is None:
        return {"messageId": message.message_id}
    if not content:
        return _without_content(event)
    dataref = event.get("dataref")
    data = queue.data(dataref) if isinstance(dataref, str) else None
    return event if data is None else event | {"data": data}


def _without_content(event: Mapping[str, Any]) -> Mapping[str, Any]:
    data = event.get("data")
    if not isinstance(data, dict):
        return {name: value for name, value in event.items() if name != "data"}
    return {**event, "data": {name: value for name, value in data.items() if name != "content"}}


def _show(out: Console, event: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(event) + "\n")
        sys.stdout.flush()
        return
    print_line(out, summary_line(event))
    if "content" in (data := event.get("data") or {}):
        out.print_json(json.dumps(data["content"]), ensure_ascii=True)


def summary_line(event: Mapping[str, Any]) -> str:
    """Return the line by which a person knows an event."""
    if "type" not in event:
        return f"a message that is no event of the app's: {event.get('messageId')}"
    type_name = str(event["type"]).removeprefix("Microsoft.Graph.")
    blob = " (data in a blob)" if "dataref" in event else ""
    return f"{event.get('time')}  {type_name:<26}  {event.get('subject')}{blob}"
