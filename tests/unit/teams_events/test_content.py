"""The types of the events and the schemas made of them: tolerant of what Graph adds, not of what it never sends."""

import copy
import itertools
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from shared.errors import NotFound
from shared.events.cloud_events import CloudEvent, change_event, lifecycle_event
from shared.notifications.decryption import ResourceContent
from teams_events.generate.schemas import schemas, text
from teams_events.generate.typescript import declarations
from tests.fakes.resource_samples import RESOURCES
from tests.schemas import FOLDER, OF_ALL_OTHERS, documents, file_by_type, problems, problems_of_data
from tests.sender import CLIENT_ID, authentic, basic_item

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
SAMPLES = Path(__file__).parents[4] / "shared" / "samples"
needs_samples = pytest.mark.skipif(not SAMPLES.exists(), reason="Microsoft's samples are not at hand")
each_kind = pytest.mark.parametrize("kind", RESOURCES)

# Graph does not report that a chat is deleted.
CHANGES = sorted({*itertools.product(RESOURCES, ("created", "updated", "deleted"))} - {("chat", "deleted")})
WRITTEN_BY_HAND = "subscriptions.json"
LIFECYCLE_EVENTS = ("missed", "reauthorizationRequired", "subscriptionRemoved")


def _event(kind: str, content: Any = None, *, change_type: str = "created") -> dict[str, Any]:
    item = basic_item(changeType=change_type, resourceData={"id": "1", "@odata.type": f"#Microsoft.Graph.{kind}"})
    found = (
        content
        if content is None or isinstance(content, NotFound)
        else ResourceContent.from_json(json.dumps(content).encode())
    )
    return _parsed(change_event(authentic(item), found, client_id=CLIENT_ID, received_at=NOW))


def _lifecycle(event: str) -> dict[str, Any]:
    item = {name: value for name, value in basic_item(lifecycleEvent=event).items() if name[:8] != "resource"}
    return _parsed(lifecycle_event(authentic(item), client_id=CLIENT_ID, received_at=NOW))


def _parsed(event: CloudEvent) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(event.to_json())
    return parsed


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every object in a JSON value, itself included."""
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _objects(inner)


def test_the_files_are_what_the_types_say() -> None:
    """Run ``make schemas`` after a change of the types."""
    files = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.json")}
    del files[WRITTEN_BY_HAND]
    assert files == {name: text(schema) for name, schema in schemas().items()}


def test_typescript_declarations_are_what_the_schemas_say() -> None:
    """Run ``make schemas`` after a change of the types."""
    assert (FOLDER.parent / "events.d.ts").read_text(encoding="utf-8") == declarations(schemas())


def test_schema_of_events_is_identified_by_a_urn() -> None:
    urns = {name: schema.get("$id") for name, schema in documents().items() if name != WRITTEN_BY_HAND}
    assert urns == {name: f"urn:teams-change-notifications:{name.removesuffix('.json')}:1" for name in urns}


TOO_SHORT_OR_LONG: dict[str, dict[str, Any]] = {
    "an id": {"id": "1"},
    "an id in capitals": {"id": "F" * 32},
    "no source": {"source": ""},
    "no subject": {"subject": ""},
    "a subject": {"subject": "x" * 4609},
}


@pytest.mark.parametrize("name", TOO_SHORT_OR_LONG)
def test_attribute_of_the_wrong_length_does_not_fit(name: str) -> None:
    event = _event("chatMessage") | TOO_SHORT_OR_LONG[name]
    assert len(problems(event)) == len(problems(event, file=OF_ALL_OTHERS)) == 1


@pytest.mark.parametrize("length", [0, 1537])
def test_text_of_a_notification_has_a_length(length: int) -> None:
    event = _event("chatMessage")
    assert len(problems(event | {"data": event["data"] | {"resource": "x" * length}})) == 1


@pytest.mark.slow
@pytest.mark.parametrize("name", documents())
def test_a_schema_is_one_of_2020_12(name: str) -> None:
    schema = documents()[name]
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize(("kind", "change_type"), CHANGES, ids="-".join)
def test_a_change_of_each_kind_has_a_schema_and_fits_it(kind: str, change_type: str) -> None:
    for event in (_event(kind, RESOURCES[kind], change_type=change_type), _event(kind, change_type=change_type)):
        assert file_by_type()[event["type"]] == f"{kind}.json"
        assert problems(event) == problems(event, file=OF_ALL_OTHERS) == []


@each_kind
def test_a_change_to_what_is_gone_fits_its_schema(kind: str) -> None:
    event = _event(kind, NotFound("404"), change_type="deleted")
    assert event["data"]["gone"] is True
    assert problems(event) == problems(event, file=OF_ALL_OTHERS) == []
    assert problems(event | {"data": event["data"] | {"gone": False}}) != []


@pytest.mark.parametrize("event", LIFECYCLE_EVENTS)
def test_a_lifecycle_event_has_a_schema_and_fits_it(event: str) -> None:
    parsed = _lifecycle(event)
    assert file_by_type()[parsed["type"]] == "lifecycle.json"
    assert problems(parsed) == problems(parsed, file=OF_ALL_OTHERS) == []


@pytest.mark.parametrize("event", [_event("callRecording", {"meetingId": "m"}), _lifecycle("addedByGraphLater")])
def test_any_other_event_fits_the_schema_of_all(event: dict[str, Any]) -> None:
    assert event["type"] not in file_by_type()
    assert problems(event) == []


@needs_samples
@pytest.mark.parametrize(
    ("kind", "sample"), [("chat", "chat-resource.json"), ("chatMessage", "chatmessage-resource.json")]
)
def test_a_published_resource_fits_and_every_property_of_it_is_typed(kind: str, sample: str) -> None:
    content = json.loads((SAMPLES / sample).read_text(encoding="utf-8"))
    assert problems(_event(kind, content)) == []
    for member in content.get("members", ()):
        assert problems(_event("conversationMember", member)) == []
    assert content.keys() <= RESOURCES[kind].keys()


@each_kind
def test_whatever_graph_adds_fits(kind: str) -> None:
    event = copy.deepcopy(_event(kind, RESOURCES[kind]))
    for each in list(_objects(event)):
        each["addedByGraphLater"] = {"deep": [1, None]}
    assert problems(event) == []


@pytest.mark.slow
@each_kind
def test_any_property_may_be_null_or_left_out(kind: str) -> None:
    for number in range(len(list(_objects(RESOURCES[kind])))):
        content = copy.deepcopy(RESOURCES[kind])
        emptied = list(_objects(content))[number]
        emptied.update(dict.fromkeys(emptied))
        assert problems(_event(kind, content)) == []
    assert problems(_event(kind, {})) == []


@each_kind
def test_a_property_of_the_wrong_type_does_not_fit(kind: str) -> None:
    """This finds a misspelt property of a type as well: nothing would be said about the one that Graph sends."""
    for name in RESOURCES[kind]:
        assert len(problems(_event(kind, RESOURCES[kind] | {name: 7.5}))) == 1, name


NESTED_AND_WRONG: dict[str, tuple[str, Any]] = {
    "a body's text": ("chatMessage", {"body": {"content": 7}}),
    "a sender's name": ("chatMessage", {"from": {"user": {"displayName": ["Adele"]}}}),
    "the number of a mention": ("chatMessage", {"mentions": [{"id": "0"}]}),
    "who reacted": ("chatMessage", {"reactions": [{"user": "Adele"}]}),
    "an attachment's address": ("chatMessage", {"attachments": [{"contentUrl": {}}]}),
    "the channel of a message": ("chatMessage", {"channelIdentity": {"teamId": 7}}),
    "a reply": ("chatMessage", {"replies": [{"body": "text"}]}),
    "a member's role": ("chat", {"members": [{"roles": [7]}]}),
    "a viewpoint": ("chat", {"viewpoint": {"isHidden": "no"}}),
    "no object at all": ("team", ["a team"]),
}


@pytest.mark.parametrize("name", NESTED_AND_WRONG)
def test_what_is_wrong_deep_inside_does_not_fit(name: str) -> None:
    kind, content = NESTED_AND_WRONG[name]
    assert len(problems(_event(kind) | {"data": _event(kind)["data"] | {"content": content}})) == 1


ATTRIBUTES = ("specversion", "id", "type", "source", "subject", "time", "datacontenttype")


@pytest.mark.parametrize("name", ATTRIBUTES)
@pytest.mark.parametrize("file", ["chatMessage.json", OF_ALL_OTHERS])
def test_an_attribute_is_required_and_a_text(name: str, file: str) -> None:
    event = _event("chatMessage")
    assert problems(event | {name: 1}, file=file)
    assert problems({key: value for key, value in event.items() if key != name}, file=file)


@pytest.mark.parametrize("name", ["changeType", "tenantId", "subscriptionId", "resource", "resourceData"])
def test_what_every_change_says_is_required(name: str) -> None:
    event = _event("chatMessage")
    del event["data"][name]
    assert problems(event)


@pytest.mark.parametrize("name", ["lifecycleEvent", "tenantId", "subscriptionId"])
def test_what_every_lifecycle_event_says_is_required(name: str) -> None:
    event = _lifecycle("missed")
    del event["data"][name]
    assert problems(event)


def test_an_event_has_its_data_or_their_address_and_never_both() -> None:
    whole = _event("chatMessage", RESOURCES["chatMessage"])
    short = {name: value for name, value in whole.items() if name != "data"}
    address = {"dataref": "https://a.example/1.json"}
    assert problems(short | address) == []
    assert problems_of_data(whole["data"], event_type=whole["type"]) == []
    assert problems_of_data(whole["data"] | {"content": 7}, event_type=whole["type"])
    assert problems(short)
    assert problems(whole | address)


def test_the_schema_of_one_kind_is_for_no_other() -> None:
    assert problems(_event("team"), file="chat.json")
