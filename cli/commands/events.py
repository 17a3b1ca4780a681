"""``python -m cli events tail``: shows the events in the queue and leaves them there."""

import json
import signal
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Annotated, Any

import typer
from rich.console import Console

from cli.deployments import reading_clients
from cli.output import console, print_line
from cli.queue_peek import MAX_PEEKED, Message, Queue
from shared.errors import Misconfigured

commands = typer.Typer(no_args_is_help=True, help="Look at the events.")

_POLL_SECONDS = 1.0

# Without a callback, Typer would leave out the name of a group's only command.
commands.callback()(lambda: None)


@commands.command()
def tail(
    *,
    once: Annotated[bool, typer.Option("--once", help="Show the events in the queue, and exit.")] = False,
    content: Annotated[bool, typer.Option("--content", help="Also show the content: what people wrote.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document per line.")] = False,
) -> None:
    """Show the events in the queue as they arrive, and leave them there; Ctrl-C stops it.

    Only the 32 messages at the head of the queue are visible: the next ones appear as those are consumed. An event
    that is consumed within a second may not be shown at all.
    """
    clients = reading_clients()
    name = clients.settings.queue_name
    if name is None:
        raise Misconfigured("EVENT_SINK is an event hub, which shows its events to consumers only: use one of theirs")
    queue = Queue(clients.queues(), clients.blobs(), name)
    out, seen, warned = console(), set[str](), False
    if not once:
        # A shell makes background commands ignore SIGINT. Accept it, so that a script can stop this command.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    with suppress(KeyboardInterrupt):
        while True:
            messages = queue.peek()
            for message in messages:
                if message.message_id not in seen:
                    _show(out, _visible(queue, message, content=content), as_json=as_json)
            seen = {message.message_id for message in messages}
            warned = warned or _warn_if_more(queue, len(messages))
            if once:
                return
            time.sleep(_POLL_SECONDS)


def _visible(queue: Queue, message: Message, *, content: bool) -> Mapping[str, Any]:
    """Return what to show of a message: its content only on request, from the blob if it is stored there."""
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
    """Return time, type and subject of an event on one line."""
    if "type" not in event:
        return f"message {event.get('messageId')} is not an event of the app"
    type_name = str(event["type"]).removeprefix("Microsoft.Graph.")
    blob = " (data in a blob)" if "dataref" in event else ""
    return f"{event.get('time')}  {type_name:<26}  {event.get('subject')}{blob}"


def _warn_if_more(queue: Queue, peeked: int) -> bool:
    if peeked < MAX_PEEKED or (count := queue.count()) <= MAX_PEEKED:
        return False
    print_line(Console(stderr=True), f"About {count} messages are waiting: only the first {MAX_PEEKED} can be shown.")
    return True
