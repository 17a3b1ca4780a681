"""Consumers get a value of one class for each type of event that the app makes, or one documented error."""

import base64
import json
from dataclasses import replace
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

import teams_events
from shared.events.cloud_events import CloudEvent
from teams_events import DataReference, Event, NotAnEvent, OtherEvent, open_data, parse
from tests.schemas import file_by_type
from tests.unit.teams_events.samples import BLOB, NOW, altered, change, gap, lifecycle, with_data

KINDS = ("channel", "chatMessage", "conversationMember", "team")
EVENTS = [
    *(change(kind, change_type) for kind in KINDS for change_type in ("created", "updated", "deleted")),
    *(change("chat", change_type) for change_type in ("created", "updated")),
    *(lifecycle(event) for event in ("reauthorizationRequired", "subscriptionRemoved", "missed")),
    gap(),
]
NAMES = [event.type.removeprefix("Microsoft.Graph.") for event in EVENTS]


def _unread(_: str) -> bytes:
    raise AssertionError("a blob was asked for")


@pytest.mark.parametrize("event", EVENTS, ids=NAMES)
def test_event_is_of_the_class_that_its_type_names(event: CloudEvent) -> None:
    parsed = parse(event.to_json())
    assert type(parsed).__name__ == event.type.removeprefix("Microsoft.Graph.")
    assert (parsed.id, parsed.type, parsed.source, parsed.subject) == (
        event.id,
        event.type,
        event.source,
        event.subject,
    )
    assert (parsed.time, parsed.recovered) == (NOW, False)
    assert parsed.data == open_data(parsed, _unread) == json.loads(event.data)


@pytest.mark.parametrize("event", EVENTS, ids=NAMES)
def test_event_with_large_data_has_a_reference_that_opens(event: CloudEvent) -> None:
    parsed = parse(event.to_json(dataref=BLOB))
    assert parsed.data == DataReference(url=BLOB)
    assert open_data(parsed, {BLOB: event.data}.__getitem__) == json.loads(event.data)


def test_every_type_with_a_schema_has_a_class_and_is_exported() -> None:
    classes = [each for each in get_args(Event.__value__) if each is not OtherEvent]
    assert {f"Microsoft.Graph.{each.__name__}" for each in classes} == file_by_type().keys() == {e.type for e in EVENTS}
    for each in classes:
        assert f"'Microsoft.Graph.{each.__name__}'" in str(each.__orig_bases__)
        assert getattr(teams_events, each.__name__) is each


@pytest.mark.parametrize("event", [change("callRecording", "created"), lifecycle("addedByGraphLater")])
def test_event_of_another_type_is_an_other_event(event: CloudEvent) -> None:
    parsed = parse(event.to_json())
    assert type(parsed) is OtherEvent
    assert (parsed.type, parsed.data) == (event.type, json.loads(event.data))


def test_recovered_event_says_so() -> None:
    assert parse(replace(change("team", "updated"), recovered=True).to_json()).recovered


@pytest.mark.parametrize("encode", [bytes.decode, base64.b64encode, lambda text: base64.b64encode(text).decode()])
def test_message_is_read_as_text_and_in_base64(encode: Any) -> None:
    message = change("team", "updated").to_json()
    assert parse(encode(message)) == parse(message)


def test_content_is_not_in_the_text_of_an_event() -> None:
    message = change("chatMessage", "created", {"body": {"content": "secret"}}).to_json()
    assert b"secret" in message
    assert "secret" not in repr(parse(message))


NOT_EVENTS: dict[str, bytes | str] = {
    "nothing": b"",
    "a word": "hello",
    "Base64 of nothing": "AAAA",
    "Base64 with something else in it": b"!" + base64.b64encode(change("team", "updated").to_json()),
    "bytes that are no UTF-8": b'{"id": "\xff"}',
    "half of JSON": b'{"id": ',
    "a list": base64.b64encode(b"[]"),
    "nested too deeply": b'{"a":' * 100_000,
    "a number that is too long": b'{"id": ' + b"9" * 5000 + b"}",
    "another version": altered(specversion="0.3"),
    "no id": altered(id=...),
    "an empty id": altered(id=""),
    "a type that is a number": altered(type=7),
    "no source": altered(source=None),
    "no subject": altered(subject=...),
    "no time": altered(time="yesterday"),
    "a time without an offset": altered(time="2026-11-21T09:30:00"),
    "neither data nor dataref": altered(data=...),
    "both data and dataref": altered(dataref=BLOB),
    "a dataref that is no text": altered(data=..., dataref=7),
    "data that are a list": altered(data=[]),
    "no change type": with_data(changeType=...),
    "no resource": with_data(resource=None),
    "resource data that are a text": with_data(resourceData="1"),
    "content that is a text": with_data(content="hello"),
}


@pytest.mark.parametrize("name", NOT_EVENTS)
def test_what_is_no_event_is_one_error(name: str) -> None:
    with pytest.raises(NotAnEvent):
        parse(NOT_EVENTS[name])


@given(st.binary() | st.text() | st.binary().map(base64.b64encode))
def test_whatever_arrives_is_an_event_or_that_error(message: bytes | str) -> None:
    with pytest.raises(NotAnEvent):
        parse(message)


@pytest.mark.parametrize("blob", [b"", b"[]", b"{}", b'{"content": {}}'])
def test_blob_with_other_data_is_that_error(blob: bytes) -> None:
    with pytest.raises(NotAnEvent):
        open_data(parse(change("team", "updated").to_json(dataref=BLOB)), lambda _: blob)


def test_error_does_not_repeat_what_the_message_says() -> None:
    with pytest.raises(NotAnEvent) as caught:
        parse(b'{"body": secret}')
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None
