"""What the commands about events print of one: a line, or JSON, and the content only on request."""

import json
import sys
from collections.abc import Mapping
from typing import Any

from rich.console import Console

from cli.output import print_line
from cli.queue_peek import Message, Queue


def visible(queue: Queue, message: Message, *, content: bool) -> Mapping[str, Any]:
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


def show(out: Console, event: Mapping[str, Any], *, as_json: bool) -> None:
    """Print what ``visible`` returned."""
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
