"""From a message to an event: bytes or text in, a value of ``Event`` out, and never another error than ``NotAnEvent``.

Source: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
"""

import base64
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, get_args

from teams_events.events import CloudEvent, DataReference, Event, OtherEvent

_KNOWN: Mapping[str, type[CloudEvent[Any, Any]]] = {
    f"Microsoft.Graph.{each.__name__}": each for each in get_args(Event.__value__) if each is not OtherEvent
}


class NotAnEvent(ValueError):
    """A message, or the data of one, is not of the app; the text says what is wrong, and never contains content."""


def parse(message: bytes | str) -> Event:
    """Return the event in a message of the queue: its JSON, or that in Base64, as a queue client returns it undecoded.

    Whether the ``data`` are there or behind a ``DataReference`` is a matter of their size. Their names are checked;
    the content is as Graph wrote it, and its types are what Graph documents.

    Raises:
        NotAnEvent: the message is none of the app's.
    """
    attributes = _json_object(_decoded(message))
    if attributes.get("specversion") != "1.0":
        raise NotAnEvent("specversion is not 1.0")
    kind = _KNOWN.get(_text(attributes, "type"), OtherEvent)
    event: Event = kind(  # type: ignore[assignment]  # the table has the members of the union, whose types fit theirs
        id=_text(attributes, "id"),
        type=_text(attributes, "type"),
        source=_text(attributes, "source"),
        subject=_text(attributes, "subject"),
        time=_time(_text(attributes, "time")),
        recovered=attributes.get("recovered") is True,
        data=_data_or_reference(kind, attributes),
    )
    return event


def open_data[Data](event: CloudEvent[Any, Data], blobs: Callable[[str], bytes]) -> Data:
    """Return the data of an event, from the blob if they lie there; ``blobs`` returns what an address holds.

    What ``blobs`` raises passes through: ``azure_blobs.blob_reader`` says what that is.

    Raises:
        NotAnEvent: the blob does not hold data of such an event.
    """
    if not isinstance(event.data, DataReference):
        return event.data
    data: Data = _checked(type(event), _json_object(blobs(event.data.url)))
    return data


def _decoded(message: bytes | str) -> bytes | str:
    # JSON begins with a brace, which is no letter of Base64.
    if message.lstrip()[:1] in {b"{", "{"}:
        return message
    try:
        return base64.b64decode(message, validate=True)
    except ValueError as exc:
        raise NotAnEvent("the message is neither JSON nor Base64") from exc


def _json_object(text: bytes | str) -> dict[str, Any]:
    try:
        value = json.loads(text.decode() if isinstance(text, bytes) else text)
    except (ValueError, RecursionError):
        # Without its cause, whose text would have the content.
        raise NotAnEvent("there is no JSON where it should be") from None
    if not isinstance(value, dict):
        raise NotAnEvent("there is JSON, but no object")
    return value


def _text(attributes: Mapping[str, Any], name: str) -> str:
    value = attributes.get(name)
    if not isinstance(value, str) or not value:
        raise NotAnEvent(f"{name} is not a text")
    return value


def _time(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise NotAnEvent("time is not a time") from None
    if time.tzinfo is None:
        raise NotAnEvent("time has no offset")
    return time


def _data_or_reference(kind: type[CloudEvent[Any, Any]], attributes: Mapping[str, Any]) -> Any:
    if ("data" in attributes) is ("dataref" in attributes):
        raise NotAnEvent("there is not one of data and dataref")
    if "dataref" in attributes:
        return DataReference(url=_text(attributes, "dataref"))
    return _checked(kind, attributes["data"])


def _checked(kind: type[CloudEvent[Any, Any]], data: Any) -> Any:
    """Return ``data`` if it has what a consumer may rely on."""
    if not isinstance(data, dict):
        raise NotAnEvent("data is not an object")
    for name in sorted(getattr(kind.data_type, "__required_keys__", ())):
        if not isinstance(data.get(name), dict if name == "resourceData" else str):
            raise NotAnEvent(f"data has no {name}")
    if not isinstance(data.get("content", {}), dict):
        raise NotAnEvent("content is not an object")
    return data
