"""A change that subscriptions with and without resource data both report: its content is never lost by that."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.events.cloud_events import CloudEvent, change_event
from shared.events.publication import PublicationRecord, unpublished
from shared.notifications.decryption import ResourceContent
from tests.sender import CLIENT_ID, PLAINTEXT, basic_item, unsigned

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


STATES = (PLAINTEXT, PLAINTEXT.replace(b"Gr", b"gr"), PLAINTEXT.replace(b"{", b'{"@odata.context": "x", ', 1))


def _event(kind: str, *, state: int = 0, change_type: str = "created") -> CloudEvent:
    """Return the event of a message that came with the notification ("live"), was fetched, or came without content."""
    encrypted = {"encryptedContent": {"dataSignature": "c2VhbA=="}} if kind == "live" else {}
    data = basic_item()["resourceData"] | {"@odata.etag": "1612289992105"}
    item = unsigned(basic_item(changeType=change_type, resourceData=data) | encrypted)
    found = None if kind == "bare" else ResourceContent.from_json(STATES[state])
    return change_event(item, found, client_id=CLIENT_ID, received_at=NOW)


FULL, BARE = _event("live"), _event("bare")
KEY = FULL.provenance.dedup_key


def _updated(kind: str, state: int = 0) -> CloudEvent:
    return _event(kind, state=state, change_type="updated")


def _recovered(kind: str) -> CloudEvent:
    """Return what a gap of a subscription with resource data ("rich") or without ("basic") gives of the message."""
    event = _updated("fetched")
    return replace(event, recovered=True, provenance=replace(event.provenance, owes_content=kind == "rich"))


@pytest.mark.parametrize(
    ("event", "earlier", "is_repetition"),
    [
        pytest.param(_updated("live"), _updated("live"), True, id="live after the same content"),
        pytest.param(_updated("live"), _updated("live", 2), True, id="live after the content in another context"),
        pytest.param(_updated("live"), _updated("live", 1), False, id="live after another state of the version"),
        pytest.param(_updated("live"), _updated("fetched", 1), True, id="live after fetched"),
        pytest.param(_updated("live"), _updated("bare"), False, id="live after one without content"),
        pytest.param(_event("live"), _event("live", state=1), True, id="created after created in another state"),
        pytest.param(_event("live"), _event("bare"), False, id="created after created without content"),
        pytest.param(_updated("fetched"), _updated("live", 1), True, id="fetched after live"),
        pytest.param(_updated("fetched"), _updated("fetched", 1), True, id="fetched after fetched"),
        pytest.param(_updated("fetched"), _updated("bare"), False, id="fetched after one without content"),
        pytest.param(_recovered("rich"), _updated("bare"), False, id="recovered with content after one without"),
        pytest.param(_recovered("rich"), _updated("live"), True, id="recovered with content after live"),
        pytest.param(_recovered("basic"), _updated("bare"), True, id="recovered for who owes none after one without"),
        pytest.param(_updated("bare"), _updated("live"), True, id="without content after live"),
        pytest.param(_updated("bare"), _updated("bare"), True, id="without content after the same"),
    ],
)
def test_repetition_is_decided_by_version_and_content(
    event: CloudEvent, earlier: CloudEvent, *, is_repetition: bool
) -> None:
    key = event.provenance.dedup_key
    assert key == earlier.provenance.dedup_key
    record = PublicationRecord(key=key, entries=(earlier.id,), published_at=NOW)
    assert (unpublished([event], {key: record}) == []) is is_repetition
    # A consumer that drops by id drops no state that it has not seen.
    assert is_repetition or event.id != earlier.id


def test_both_have_one_key_and_ids_of_their_own() -> None:
    assert BARE.provenance.dedup_key == KEY
    assert FULL.id != BARE.id


@pytest.mark.parametrize(
    ("events", "published"),
    [
        ([FULL, BARE], [FULL]),
        ([BARE, FULL, FULL, BARE], [BARE, FULL]),
        ([FULL, FULL], [FULL]),
        ([BARE, BARE], [BARE]),
    ],
    ids=["content first", "content second", "content twice", "bare twice"],
)
def test_repetition_is_dropped_and_content_never(events: list[CloudEvent], published: list[CloudEvent]) -> None:
    assert unpublished(events, {KEY: PublicationRecord(key=KEY, entries=(), published_at=NOW)}) == published


def test_joined_records_have_the_later_time_and_all_entries() -> None:
    record = PublicationRecord(key="k", entries=("a", "b"), published_at=NOW)
    both = record.with_entries(["b", "c"], NOW - timedelta(minutes=1))
    assert (both.entries, both.published_at) == (("a", "b", "c"), NOW)
