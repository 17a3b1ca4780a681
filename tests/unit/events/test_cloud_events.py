"""CloudEvents: the envelope, and ids that a consumer can rely on."""

import dataclasses
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import Malformed, NotFound
from shared.events.claim_check import MAX_MESSAGE_BYTES
from shared.events.cloud_events import CloudEvent, change_event, lifecycle_event
from shared.notifications.client_state import AuthenticNotification
from shared.notifications.decryption import ResourceContent
from shared.notifications.json_text import parse_json
from shared.notifications.properties import MAX_TEXT
from tests.sender import (
    CHAT,
    CLIENT_ID,
    MESSAGE,
    OTHER_TENANT,
    PLAINTEXT,
    SUBSCRIPTION,
    TENANT,
    authentic,
    basic_item,
    client_state,
)

NOW = datetime(2026, 11, 21, 9, 30, 0, 123456, tzinfo=UTC)
LATER = NOW + timedelta(minutes=10)
PATH = f"chats/{CHAT}/messages/1612289992105"
OTHER_SUBSCRIPTION = "cccccccc-0000-4000-8000-000000000000"


def _authentic(**changes: Any) -> AuthenticNotification:
    item = {"clientState": client_state(changes.get("tenantId", TENANT))} | changes
    return authentic(basic_item(**item))


def _event(
    content: bytes | None = None, *, received_at: datetime = NOW, ordinal: int = 0, **changes: Any
) -> CloudEvent:
    found = None if content is None else ResourceContent.from_json(content)
    item = _authentic(**changes)
    return change_event(item, found, client_id=CLIENT_ID, received_at=received_at, ordinal=ordinal)


def _gone(*, received_at: datetime = NOW, **changes: Any) -> CloudEvent:
    return change_event(_authentic(**changes), NotFound("404"), client_id=CLIENT_ID, received_at=received_at)


def _lifecycle(event: str, *, received_at: datetime = NOW) -> CloudEvent:
    item = _authentic(lifecycleEvent=event, changeType=None, resource=None, resourceData=None)
    return lifecycle_event(item, client_id=CLIENT_ID, received_at=received_at)


def test_a_change_is_a_cloud_event_of_version_1() -> None:
    """Source: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md."""
    event = json.loads(_event(PLAINTEXT).to_json())
    assert len(event.pop("id")) == 32
    assert event == {
        "specversion": "1.0",
        "type": "Microsoft.Graph.ChatMessageCreated",
        "source": f"/tenants/{TENANT}/applications/{CLIENT_ID}",
        "subject": PATH,
        "time": "2026-11-21T09:30:00.123Z",
        "datacontenttype": "application/json",
        "data": {
            "changeType": "created",
            "tenantId": TENANT,
            "subscriptionId": SUBSCRIPTION,
            "subscriptionExpirationDateTime": basic_item()["subscriptionExpirationDateTime"],
            "resource": MESSAGE,
            "resourceData": basic_item()["resourceData"],
            "content": json.loads(PLAINTEXT),
        },
    }


def test_a_basic_notification_has_no_content() -> None:
    assert not {"content", "gone"} & json.loads(_event().to_json())["data"].keys()


def test_resource_that_was_not_found_is_marked_gone() -> None:
    data = json.loads(_gone().to_json())["data"]
    assert data == json.loads(_event().to_json())["data"] | {"gone": True}


def test_deleted_resource_adds_no_version_to_its_change() -> None:
    assert _gone().id == _event().id
    assert _gone(changeType="deleted").id != _gone(changeType="deleted", received_at=LATER).id


def test_data_stored_in_a_blob_are_replaced_by_their_address() -> None:
    """Source: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/extensions/dataref.md."""
    whole, short = _event(PLAINTEXT), json.loads(_event(PLAINTEXT).to_json(dataref="https://a.example/1.json"))
    assert short.pop("dataref") == "https://a.example/1.json"
    assert short == {name: value for name, value in json.loads(whole.to_json()).items() if name != "data"}


@pytest.mark.parametrize(
    ("change_type", "event_type"),
    [
        ("created", "ChatMessageCreated"),
        ("Updated", "ChatMessageUpdated"),
        ("deleted", "ChatMessageDeleted"),
        ("restored", "ChatMessageRestored"),
    ],
)
def test_the_type_names_resource_and_change(change_type: str, event_type: str) -> None:
    assert _event(changeType=change_type).type == f"Microsoft.Graph.{event_type}"


SAME: dict[str, dict[str, Any]] = {
    "redelivered later": {"received_at": LATER},
    "over another subscription": {"subscriptionId": OTHER_SUBSCRIPTION},
    "with a renewed expiration": {"subscriptionExpirationDateTime": "2026-11-25T00:00:00Z"},
    "in another spelling": {"resource": f"/Chats/{CHAT}/messages/1612289992105", "changeType": "Created"},
    "with another type name": {"resourceData": {"@odata.type": "#microsoft.graph.chatmessage"}},
}
DIFFERENT: dict[str, dict[str, Any]] = {
    "of another change type": {"changeType": "updated"},
    "deleted": {"changeType": "deleted"},
    "of another message": {"resource": f"chats('{CHAT}')/messages('2')"},
    "of another tenant": {"tenantId": OTHER_TENANT},
}


@pytest.mark.parametrize("name", SAME)
@pytest.mark.parametrize("content", [None, PLAINTEXT], ids=["basic", "rich"])
def test_a_change_keeps_its_id(name: str, content: bytes | None) -> None:
    assert _event(**{"content": content} | SAME[name]).id == _event(content).id


@pytest.mark.parametrize("name", DIFFERENT)
def test_another_change_has_another_id(name: str) -> None:
    assert _event(**{"content": PLAINTEXT} | DIFFERENT[name]).id != _event(PLAINTEXT).id


type _Keywords = dict[str, Any]


def test_what_is_created_once_has_one_key_however_it_is_reported() -> None:
    assert _event(PLAINTEXT).id == _event(b'{"etag": "later"}').id
    assert _event().provenance.dedup_key == _event(PLAINTEXT).provenance.dedup_key


def test_change_without_content_has_another_id_than_with_it() -> None:
    """A consumer that drops by id must not drop the content that arrives second."""
    assert _event().id != _event(PLAINTEXT).id


def test_change_id_is_the_same_for_included_and_fetched_content() -> None:
    fetched = b'{"@odata.context": "https://graph.microsoft.com/v1.0/$metadata#chats", ' + PLAINTEXT[1:]
    for change_type in ("created", "updated", "deleted"):
        assert _event(fetched, changeType=change_type).id == _event(PLAINTEXT, changeType=change_type).id


def test_every_edit_has_an_id_of_its_own() -> None:
    first, second = (_event(content, changeType="updated").id for content in (b'{"etag": "1"}', b'{"etag": "2"}'))
    assert first != second


VERSIONS: dict[str, tuple[_Keywords, _Keywords]] = {
    "the content's etag": ({"content": b'{"etag": "1", "a": 1}'}, {"content": b'{"etag": "1", "a": 2}'}),
    "the content's time of change": (
        {"content": b'{"lastModifiedDateTime": "2026", "a": 1}'},
        {"content": b'{"etag": "", "lastModifiedDateTime": "2026", "a": 2}'},
    ),
    "the notification's etag": (
        {"resourceData": {"@odata.etag": 'W/"1"'}},
        {"resourceData": {"@odata.etag": 'W/"1"'}, "received_at": LATER},
    ),
    "the notification's seal": (
        {"content": b'{"etag": 7}', "encryptedContent": {"dataSignature": "s"}},
        {"content": b'{"etag": 7}', "encryptedContent": {"dataSignature": "s"}, "received_at": LATER},
    ),
}


@pytest.mark.parametrize("name", VERSIONS)
def test_an_update_is_known_again_by(name: str) -> None:
    one, other = VERSIONS[name]
    one, other = one | {"changeType": "updated"}, other | {"changeType": "updated"}
    assert _event(**one).id == _event(**other).id
    assert _event(**one).id != _event(changeType="updated", content=b'{"etag": "another"}').id


@pytest.mark.parametrize("version", ["", 7, None])
def test_an_update_without_content_or_version_is_a_new_event_each_time(version: Any) -> None:
    """Two edits look the same then: an event too many is a nuisance, one too few is a loss."""
    update: _Keywords = {"changeType": "updated", "resourceData": {"@odata.etag": version}}
    assert _event(**update).id != _event(**update, received_at=LATER).id


def test_a_member_who_leaves_and_comes_back_without_content_is_a_new_event() -> None:
    joined: _Keywords = {"resource": f"chats('{CHAT}')/members('a')", "resourceData": {}}
    assert _event(**joined).id != _event(**joined, received_at=LATER).id


@pytest.mark.parametrize(
    ("event", "event_type"),
    [
        ("reauthorizationRequired", "SubscriptionReauthorizationRequired"),
        ("subscriptionRemoved", "SubscriptionRemoved"),
        ("missed", "SubscriptionMissed"),
        ("addedByGraphLater", "SubscriptionAddedByGraphLater"),
    ],
)
def test_a_lifecycle_event_is_an_event_of_its_subscription(event: str, event_type: str) -> None:
    parsed = json.loads(_lifecycle(event).to_json())
    assert (parsed["type"], parsed["subject"]) == (f"Microsoft.Graph.{event_type}", f"subscriptions/{SUBSCRIPTION}")
    assert (parsed["data"]["lifecycleEvent"], "changeType" in parsed["data"]) == (event, False)


def test_each_lifecycle_event_is_an_event_of_its_own() -> None:
    assert _lifecycle("missed").id != _lifecycle("missed", received_at=LATER).id
    assert _lifecycle("missed").id == _lifecycle("missed").id


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
_OBJECTS = st.dictionaries(st.text(), _JSON, max_size=4)


@pytest.mark.slow
@settings(max_examples=20)
@given(_OBJECTS, _OBJECTS, st.sampled_from(["", " ", "\r\n"]))
def test_data_are_valid_json_and_content_is_what_graph_wrote(
    resource_data: dict[str, Any], resource: dict[str, Any], space: str
) -> None:
    plaintext = f"{space}{json.dumps(resource)}{space}".encode()
    event = parse_json(_event(plaintext, resourceData=resource_data).to_json())
    assert event["data"]["content"] == resource
    assert event["data"]["resourceData"] == resource_data


def test_resource_data_that_json_cannot_repeat_are_malformed() -> None:
    nested: dict[str, Any] = {}
    for _ in range(100_000):
        nested = {"a": nested}
    with pytest.raises(Malformed):
        change_event(
            AuthenticNotification(dataclasses.replace(_authentic(), resource_data=nested)),
            None,
            client_id=CLIENT_ID,
            received_at=NOW,
        )


def test_no_event_carries_or_shows_the_client_state_or_the_content() -> None:
    for event in (_event(), _event(PLAINTEXT), _lifecycle("missed")):
        assert client_state().encode() not in event.to_json()
        assert "Grüße" not in repr(event)


@pytest.mark.parametrize("character", ["x", "é", "👋"])
def test_longest_event_without_data_fits_into_a_queue_message(character: str) -> None:
    """A message that storage refuses would be answered 503, and sent again by Graph, for four hours."""
    longest = character * MAX_TEXT
    change = _event(changeType=longest, resource=longest, subscriptionId=longest, id=longest)
    lifecycle = lifecycle_event(
        _authentic(lifecycleEvent=longest, subscriptionId=longest), client_id=CLIENT_ID, received_at=NOW
    )
    for event in (change, lifecycle):
        assert (
            len(event.to_json(dataref="https://account.blob.core.windows.net/event-data/1.json")) <= MAX_MESSAGE_BYTES
        )


@pytest.mark.parametrize("content", [None, b"{}"], ids=["basic", "rich"])
@pytest.mark.parametrize(
    "other",
    [{"received_at": LATER}, {"ordinal": 1}, {"encryptedContent": {"dataSignature": "t"}}],
    ids=["another receipt", "another position", "another seal"],
)
def test_change_without_a_version_has_the_id_of_its_notification(content: bytes | None, other: _Keywords) -> None:
    first = _event(content, changeType="updated")
    assert first.id == _event(content, changeType="updated").id
    assert first.id != _event(content, changeType="updated", **other).id
