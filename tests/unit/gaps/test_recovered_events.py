"""What is made of the messages of a gap, and how a gap is said.

Source: https://learn.microsoft.com/graph/api/resources/chatmessage
"""

import json
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Malformed
from shared.events.cloud_events import CloudEvent, bare_id, change_event
from shared.events.gap_event import gap_event
from shared.events.publication import PublicationRecord
from shared.gaps.gap import Gap
from shared.gaps.recovered_events import Change, changes_from_item, event_from_change, lost_changes, message_and_replies
from shared.notifications.decryption import ResourceContent
from tests.fakes.gap_values import AFTER, BEFORE, DURING, GAP, LATER, SINCE, UNTIL, message, text
from tests.fakes.subscription_values import MINUTE, NOW
from tests.schemas import OF_ALL_OTHERS, file_by_type, problems
from tests.sender import CHAT, CLIENT_ID, TENANT, authentic, basic_item


def _changes(found: dict[str, Any], gap: Gap = GAP) -> list[str]:
    return [json.loads(event.data)["changeType"] for event in _events(found, gap)]


def _events(found: dict[str, Any], gap: Gap = GAP) -> list[CloudEvent]:
    changes = changes_from_item(found, gap)
    return [event_from_change(change, gap, client_id=CLIENT_ID, recovered_at=NOW) for change in changes]


@pytest.mark.parametrize(
    ("found", "changes"),
    [
        (message(), ["created"]),
        (message(modified=LATER), ["created", "updated"]),
        (message(created=BEFORE, modified=LATER), ["updated"]),
        (message(modified=AFTER), ["created"]),
        (message(created=BEFORE, modified=AFTER), []),
        (message(created=AFTER), []),
        (message(created=BEFORE), []),
        (message(modified=LATER, deletedDateTime=text(LATER)), ["created", "deleted"]),
        (message(created=BEFORE, modified=LATER, deletedDateTime=text(LATER)), ["deleted"]),
        (message(created=BEFORE, modified=AFTER, deletedDateTime=text(AFTER)), []),
        (message(modified=AFTER, deletedDateTime=text(AFTER)), ["created"]),
        # Two clocks may differ by five minutes.
        (message(created=SINCE - 4 * MINUTE), ["created"]),
        (message(created=SINCE - 6 * MINUTE), []),
        (message(created=UNTIL + 4 * MINUTE), ["created"]),
        (message(created=UNTIL + 6 * MINUTE), []),
    ],
)
def test_only_changes_within_the_gap_are_recovered(found: dict[str, Any], changes: list[str]) -> None:
    assert _changes(found) == changes


def test_unwatched_change_type_is_not_recovered() -> None:
    gap = replace(GAP, change_types=frozenset({"deleted"}))
    assert _changes(message(modified=LATER, deletedDateTime=text(LATER)), gap) == ["deleted"]


_TIMES = st.datetimes(
    min_value=(SINCE - timedelta(days=2)).replace(tzinfo=None), max_value=NOW.replace(tzinfo=None)
).map(lambda moment: moment.replace(tzinfo=SINCE.tzinfo))


@pytest.mark.slow
@given(_TIMES, _TIMES, st.none() | _TIMES)
def test_any_times_give_no_event_before_the_gap_and_no_false_update(
    created: datetime, modified: datetime, deleted: datetime | None
) -> None:
    found = message(created=created, modified=modified, deletedDateTime=text(deleted) if deleted else None)
    changes = _changes(found)
    assert len(changes) == len(set(changes))
    assert not {"updated", "deleted"} <= set(changes)
    if max(created, modified, deleted or created) < SINCE - 6 * MINUTE:
        assert changes == []


@pytest.mark.parametrize("with_content", [True, False])
def test_recovered_content_follows_its_bare_event_only_if_it_is_owed(*, with_content: bool) -> None:
    """A subscription without resource data beside one with them: what the second one missed is not in the first."""
    gap = replace(GAP, with_content=with_content)
    [recovered] = _events(message("1612289992105"), gap)
    key = recovered.provenance.dedup_key
    record = PublicationRecord(key=key, entries=(bare_id(key),), published_at=NOW)
    assert record.repeats(recovered) is not with_content
    assert record.with_entries([key], NOW).repeats(recovered)


def test_recovered_deletion_without_content_repeats_its_bare_event() -> None:
    gap = replace(GAP, with_content=True)
    change = Change(change_type="deleted", path_parts=("chats", CHAT, "messages", "1"), item=None)
    event = event_from_change(change, gap, client_id=CLIENT_ID, recovered_at=NOW)
    record = PublicationRecord(key=event.provenance.dedup_key, entries=(event.id,), published_at=NOW)
    assert record.repeats(event)


@pytest.mark.parametrize("change_type", ["created", "updated", "deleted"])
def test_a_recovered_event_is_the_live_one_but_for_its_mark(change_type: str) -> None:
    gone = text(LATER) if change_type == "deleted" else None
    created = DURING if change_type == "created" else BEFORE
    found = message("1612289992105", created=created, modified=LATER, deletedDateTime=gone)
    recovered = next(event for event in _events(found) if event.type.lower().endswith(change_type))
    resource = f"chats('{CHAT}')/messages('1612289992105')"
    data = {"@odata.type": "#Microsoft.Graph.chatMessage", "@odata.id": resource, "id": "1612289992105"}
    item = basic_item(changeType=change_type, resource=resource, resourceData=data)
    content = ResourceContent(json_bytes=json.dumps(found).encode(), resource=found)
    live = change_event(authentic(item), content, client_id=CLIENT_ID, received_at=NOW)
    assert (recovered.id, recovered.type, recovered.subject) == (live.id, live.type, live.subject)
    # Which subscription, and until when it would have lived, is its own matter.
    theirs = json.loads(live.data)
    del theirs["subscriptionExpirationDateTime"]
    assert json.loads(recovered.data) == theirs
    assert json.loads(recovered.to_json())["recovered"] is True
    assert "recovered" not in json.loads(live.to_json())
    assert problems(json.loads(recovered.to_json())) == []


@pytest.mark.parametrize(
    ("changes", "subject"),
    [
        ({}, f"chats/{CHAT}/messages/1"),
        # In a chat, an answer is a message like any other.
        ({"replyToId": "7"}, f"chats/{CHAT}/messages/1"),
        ({"chatId": None, "channelIdentity": {"teamId": "t", "channelId": "c"}}, "teams/t/channels/c/messages/1"),
        (
            {"chatId": None, "channelIdentity": {"teamId": "t", "channelId": "c"}, "replyToId": "7"},
            "teams/t/channels/c/messages/7/replies/1",
        ),
        ({"id": "it's"}, f"chats/{CHAT}/messages/it%27s"),
    ],
)
def test_a_message_stands_where_notifications_say_it_does(changes: dict[str, Any], subject: str) -> None:
    [event] = _events(message() | changes)
    assert event.subject == subject


NASTY: tuple[Any, ...] = (
    None,
    "",
    0,
    1.5,
    True,
    [],
    {},
    "x" * 5000,
    "\ud800",
    "\x00",
    "2026",
    "9999-12-31T23:59:59",
    "/",
    "..",
)


@pytest.mark.parametrize("id_", ["x" * 1536, "a\x00", "\ud800", "", None])
def test_id_that_cannot_be_part_of_a_path_is_malformed(id_: Any) -> None:
    with pytest.raises(Malformed):
        _events(message() | {"id": id_})


@pytest.mark.parametrize("name", message())
@pytest.mark.parametrize("value", NASTY, ids=repr)
def test_any_message_is_recovered_or_malformed(name: str, value: Any) -> None:
    with suppress(Malformed):
        assert len(_events(message() | {name: value})) <= 2


def test_a_message_that_json_cannot_repeat_is_malformed() -> None:
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    for body in (deep, "\ud800"):
        with pytest.raises(Malformed):
            _events(message(body=body))


# --- Chains


def test_answers_come_apart_from_what_they_answer() -> None:
    root = message("1") | {"replies": [message("2"), "no message"], "replies@odata.nextLink": "https://graph/more"}
    messages, more = message_and_replies(root)
    assert messages == (message("1"), message("2"))
    assert more == "https://graph/more"


@pytest.mark.parametrize("replies", [None, [], "x"])
def test_a_message_without_answers_is_alone(replies: Any) -> None:
    assert message_and_replies(message() | {"replies": replies}) == ((message(),), None)


# --- What is lost


def test_a_gap_is_said_with_one_id_and_fits_its_schema() -> None:
    first = gap_event(lost_changes(GAP, "no such API"), client_id=CLIENT_ID, published_at=NOW)
    again = gap_event(lost_changes(GAP, "other words"), client_id=CLIENT_ID, published_at=NOW + MINUTE)
    longer = gap_event(lost_changes(replace(GAP, until=NOW), "no such API"), client_id=CLIENT_ID, published_at=NOW)
    assert first.id == again.id != longer.id
    event = json.loads(first.to_json())
    assert file_by_type()[event["type"]] == "gap.json"
    assert problems(event) == problems(event, file=OF_ALL_OTHERS) == []
    assert event["subject"] == f"subscriptions/{GAP.subscription_id}"
    assert event["data"] == {
        "tenantId": TENANT,
        "subscriptionId": GAP.subscription_id,
        "resource": "/chats/getAllMessages",
        "changeType": "created,deleted,updated",
        "startDateTime": "2026-11-21T07:30:00.000Z",
        "endDateTime": "2026-11-21T08:30:00.000Z",
        "reason": "no such API",
    }


@pytest.mark.parametrize("absent", [{"lastModifiedDateTime": None}, {"lastModifiedDateTime": ...}])
def test_message_that_was_never_changed_has_the_time_of_its_creation(absent: dict[str, Any]) -> None:
    """Source: https://github.com/microsoftgraph/microsoft-graph-docs/issues/7517."""
    found = {name: value for name, value in (message() | absent).items() if value is not ...}
    assert [change.change_type for change in changes_from_item(found, GAP)] == ["created"]


@pytest.mark.parametrize("updated", [None, "0001-01-01T00:00:00Z"])
def test_meeting_chat_that_was_never_changed_is_created(updated: str | None) -> None:
    chat = {"id": CHAT, "chatType": "meeting", "createdDateTime": text(DURING), "lastUpdatedDateTime": updated}
    assert [change.change_type for change in changes_from_item(chat, GAP)] == ["created"]


@pytest.mark.parametrize(
    ("stated", "type_"),
    [
        ("#microsoft.graph.anonymousGuestConversationMember", "#Microsoft.Graph.anonymousGuestConversationMember"),
        ("#microsoft.graph.skypeUserConversationMember", "#Microsoft.Graph.skypeUserConversationMember"),
        ("#microsoft.graph.unknown", "#Microsoft.Graph.aadUserConversationMember"),
        (7, "#Microsoft.Graph.aadUserConversationMember"),
        (None, "#Microsoft.Graph.aadUserConversationMember"),
    ],
)
def test_member_of_a_derived_type_is_a_conversation_member(stated: Any, type_: str) -> None:
    item = {"id": "a", "@odata.type": stated}
    change = Change(change_type="created", path_parts=("chats", CHAT, "members", "a"), item=item)
    event = event_from_change(change, GAP, client_id=CLIENT_ID, recovered_at=NOW)
    assert event.type == "Microsoft.Graph.ConversationMemberCreated"
    assert json.loads(event.data)["resourceData"]["@odata.type"] == type_
