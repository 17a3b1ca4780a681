"""A change that subscriptions with and without resource data both report: its content is never lost by that."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.events.cloud_events import CloudEvent, change_event
from shared.events.publication import PublicationRecord, unpublished
from shared.notifications.client_state import AuthenticNotification
from shared.notifications.collection import ChangeNotification
from shared.notifications.decryption import ResourceContent
from tests.sender import CLIENT_ID, PLAINTEXT, basic_item

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def _event(*, with_content: bool) -> CloudEvent:
    item = AuthenticNotification(ChangeNotification.from_json(basic_item()))
    found = ResourceContent.from_json(PLAINTEXT) if with_content else None
    return change_event(item, found, client_id=CLIENT_ID, received_at=NOW)


FULL, BARE = _event(with_content=True), _event(with_content=False)
KEY = FULL.provenance.dedup_key


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
    record = PublicationRecord(key="k", entries=("a", "b"), published_at=NOW, etag="1")
    both = record.with_entries(["b", "c"], NOW - timedelta(minutes=1))
    assert (both.entries, both.published_at, both.etag) == (("a", "b", "c"), NOW, "1")
