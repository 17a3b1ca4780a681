"""Graph's POST body as values: every variant that Graph's documents show, and any bytes at all."""

import json
import string
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import Malformed, TooLarge
from shared.notifications.collection import (
    MAX_BODY_BYTES,
    MAX_ITEMS,
    ChangeNotification,
    ChangeNotificationCollection,
)
from shared.notifications.json_text import parse_json
from tests.fakes.graph_sender import graph
from tests.sender import (
    MESSAGE,
    NOT_SHORT_TEXT,
    SUBSCRIPTION,
    TENANT,
    basic_item,
    body,
    client_state,
    pascal_case,
    received_content,
)

SAMPLES = Path(__file__).parents[4] / "shared" / "samples"
needs_samples = pytest.mark.skipif(not SAMPLES.exists(), reason="Microsoft's samples are not at hand")


def _only_item(data: bytes) -> ChangeNotification:
    (item,) = ChangeNotificationCollection.from_json(data).value
    return ChangeNotification.from_json(item, tenant_id=TENANT)


def _parsed(**changes: Any) -> ChangeNotification:
    return _only_item(body(basic_item(**changes)))


@needs_samples
@pytest.mark.parametrize("name", ["chat-basic-notification.json", "channelmessage-basic-notification.json"])
def test_a_published_basic_notification_is_read_without_its_wrapper(name: str) -> None:
    data = (SAMPLES / name).read_bytes()
    item = _only_item(data)
    assert (item.change_type, item.encrypted_content) == ("created", None)
    assert item.resource == item.resource_data["@odata.id"] == json.loads(data)["resource"]


@needs_samples
def test_published_rich_notification_is_read_without_its_signature() -> None:
    item = _only_item((SAMPLES / "chatmessage-rich-notification.json").read_bytes())
    assert item.encrypted_content is not None
    assert item.encrypted_content.data_signature == b""
    assert item.encrypted_content.encryption_certificate_id.startswith("<<--IdOfTheCertificate")


@needs_samples
def test_the_sample_of_2021_is_read_once_its_missing_comma_is_there() -> None:
    published = (SAMPLES / "chat-rich-notification.as-published.txt").read_text(encoding="utf-8")
    with pytest.raises(Malformed):
        ChangeNotificationCollection.from_json(published.encode())
    before, name, after = published.rpartition('"tenantId"')
    item = _only_item(f"{before.rstrip()}, {name}{after}".encode())
    assert item.encrypted_content is not None
    assert item.change_type == "created"


@pytest.mark.parametrize("spell", [str.upper, str.lower, pascal_case])
def test_property_names_may_be_in_pascal_upper_or_lower_case(spell: Any) -> None:
    item = graph().rich_item()
    respelt = {spell(name): value for name, value in item.items()}
    assert _only_item(json.dumps({spell("value"): [respelt]}).encode()) == _only_item(body(item))


def test_the_parts_of_encrypted_content_may_be_spelt_in_any_case() -> None:
    content = graph().encrypted()
    respelt = {name[0].upper() + name[1:]: value for name, value in content.items()}
    assert received_content(respelt) == received_content(content)


@pytest.mark.parametrize(
    ("received", "kept"), [("created", "created"), ("Created", "created"), ("unknownFutureValue", "unknownFutureValue")]
)
def test_change_types_are_kept_whatever_they_are(received: str, kept: str) -> None:
    assert _parsed(changeType=received).change_type == kept


def test_unknown_properties_do_no_harm_and_resource_data_keeps_its_own() -> None:
    item = _parsed(brandNew={"a": [1]}, resourceData={"@odata.etag": "1", "sequenceNumber": 7})
    assert item.resource_data == {"@odata.etag": "1", "sequenceNumber": 7}


@pytest.mark.parametrize(
    "moment", ["2026-11-24T10:30:34.9097561Z", "2021-02-02T11:26:41.0537895-08:00", "2021-06-03T10:26:09+00:00"]
)
def test_times_are_kept_as_graph_wrote_them(moment: str) -> None:
    assert _parsed(subscriptionExpirationDateTime=moment).subscription_expiration == moment


@pytest.mark.parametrize(
    "event", ["missed", "subscriptionRemoved", "reauthorizationRequired", "somethingThatGraphAddsLater"]
)
def test_a_lifecycle_event_needs_neither_resource_nor_change_type(event: str) -> None:
    item = {"subscriptionId": SUBSCRIPTION, "tenantId": TENANT, "clientState": "x", "lifecycleEvent": event}
    parsed = _only_item(body(item))
    assert (parsed.lifecycle_event, parsed.change_type, parsed.resource) == (event, None, None)


@pytest.mark.parametrize("name", ["subscriptionId", "changeType", "resource"])
@pytest.mark.parametrize("value", [None, "", *NOT_SHORT_TEXT])
def test_required_property_that_is_no_short_printable_text_is_malformed(name: str, value: Any) -> None:
    with pytest.raises(Malformed):
        _parsed(**{name: value})


def test_lone_surrogate_is_read_as_the_replacement_character() -> None:
    r"""The decoder refuses it, but a foreign app's item must not cost a POST its other ones."""
    pair, escaped = "\U0001f44b", "\\ud83d"
    odd = f"{pair}\ud83d {pair}\udc4b\udc4b \udc4b\ud83d {escaped}{pair}"
    foreign = basic_item(clientState=odd, resource=f"{odd}\udc4b", resourceData={f"{odd}": odd})
    good = basic_item(resourceData={"status": f"{escaped} {pair}"})
    value = ChangeNotificationCollection.from_json(body(foreign, good)).value
    first, second = (ChangeNotification.from_json(item, tenant_id=TENANT) for item in value)
    read = f"{pair}\ufffd {pair}\ufffd\ufffd \ufffd\ufffd {escaped}{pair}"
    assert (first.resource, first.resource_data) == (f"{read}\ufffd", {read: read})
    assert second.resource_data == {"status": f"{escaped} {pair}"}


def test_body_full_of_surrogates_is_malformed() -> None:
    with pytest.raises(Malformed):
        ChangeNotificationCollection.from_json(body(("\U0001f44b" + "x" * 100) * 2000))


@pytest.mark.parametrize("changes", [{"resourceData": []}, {"encryptedContent": "x"}, {"lifecycleEvent": 1}])
def test_optional_property_of_the_wrong_type_is_malformed(changes: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        _parsed(**changes)


@pytest.mark.parametrize("name", ["subscriptionExpirationDateTime", "lifecycleEvent"])
def test_empty_text_means_absent(name: str) -> None:
    assert _parsed(**{name: ""}) == _parsed(**{name: None})


@pytest.mark.parametrize(
    ("tokens", "kept"),
    [(None, []), ([], []), (["a", "b"], ["a", "b"]), (["a", None, 7, ["b"]], ["a"]), ({}, []), ("a", [])],
)
def test_anything_but_a_text_is_no_validation_token(tokens: Any, kept: list[str]) -> None:
    assert ChangeNotificationCollection.from_json(body(tokens=tokens)).validation_tokens == kept


def test_more_items_than_a_genuine_body_has_are_refused() -> None:
    assert len(ChangeNotificationCollection.from_json(body(*["x" * 40] * MAX_ITEMS)).value) == MAX_ITEMS
    with pytest.raises(TooLarge):
        ChangeNotificationCollection.from_json(body(*["x" * 40] * (MAX_ITEMS + 1)))
    with pytest.raises(TooLarge):
        ChangeNotificationCollection.from_json(body(tokens=["x" * 40] * (MAX_ITEMS + 1)))


def test_a_body_of_exactly_the_limit_is_read_and_one_byte_more_is_not() -> None:
    data = body(basic_item()).ljust(MAX_BODY_BYTES)
    assert _only_item(data).resource == MESSAGE
    with pytest.raises(TooLarge):
        ChangeNotificationCollection.from_json(data + b" ")


@pytest.mark.parametrize("data", [b"NaN", b"Infinity", b"-Infinity", b"1e400", b"-1e400", b"9" * 5000])
def test_numbers_that_json_cannot_hold_are_refused(data: bytes) -> None:
    with pytest.raises(Malformed):
        parse_json(b'{"a": %b}' % data)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "utf-8-sig"])
def test_json_in_another_encoding_is_refused(encoding: str) -> None:
    with pytest.raises(Malformed):
        parse_json('{"a": "é"}'.encode(encoding))


def test_nothing_secret_is_shown_in_a_log() -> None:
    token, item = graph().token(), graph().rich_item()
    shown = repr(ChangeNotificationCollection.from_json(body(item, tokens=[token])))
    encrypted = item["encryptedContent"]
    secrets = (token, client_state(), encrypted["data"], encrypted["dataKey"], encrypted["dataSignature"])
    assert not [secret for secret in secrets if secret in shown]


_NAMES = st.sampled_from([*basic_item(), "encryptedContent", "lifecycleEvent", "validationTokens", "value", "id"])
_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["created", TENANT, MESSAGE]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(_NAMES | st.text(string.ascii_letters), inner, max_size=3)
    ),
    max_leaves=5,
)


def test_collection_may_name_a_subscription_beside_its_items() -> None:
    document = {"value": [basic_item(), basic_item()], "subscriptionId": SUBSCRIPTION}
    assert len(ChangeNotificationCollection.from_json(json.dumps(document).encode()).value) == 2


@given(st.binary() | st.text().map(str.encode) | _VALUES.map(lambda value: json.dumps(value).encode()))
def test_any_body_is_either_read_or_malformed(data: bytes) -> None:
    try:
        collection = ChangeNotificationCollection.from_json(data)
    except Malformed:
        return
    assert len(collection.value) == len(collection.positions)


@settings(max_examples=50)
@given(st.dictionaries(_NAMES, _VALUES, max_size=3))
def test_any_item_is_either_read_or_malformed(changes: dict[str, Any]) -> None:
    with suppress(Malformed):
        _only_item(_json_or_empty({"value": [basic_item() | changes | {"tenantId": TENANT}]}))


def _json_or_empty(document: dict[str, Any]) -> bytes:
    """Return ``document`` as JSON; numbers that JSON does not have become null."""
    return json.dumps(document).replace("-Infinity", "null").replace("Infinity", "null").replace("NaN", "null").encode()
