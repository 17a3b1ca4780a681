"""A change that subscriptions with and without resource data both tell: once, if its content is not lost by that."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.authenticity import Authentic
from shared.decryption import Content
from shared.events import CloudEvent, change_event
from shared.marker import Marker, judged
from shared.notifications import ChangeNotification
from tests.sender import CLIENT_ID, PLAINTEXT, basic_item

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def _event(*, with_content: bool, seconds: int = 0) -> CloudEvent:
    item = Authentic(ChangeNotification.from_json(basic_item()))
    found = Content.from_json(PLAINTEXT) if with_content else None
    return change_event(item, found, client_id=CLIENT_ID, received_at=NOW + timedelta(seconds=seconds))


FULL, BARE = _event(with_content=True), _event(with_content=False)


def test_both_are_told_under_one_id() -> None:
    assert FULL.id == BARE.id
    assert (FULL.has_content, BARE.has_content) == (True, False)


def _published(*events: CloudEvent) -> list[CloudEvent]:
    return [each.event for each in judged(events, {}) if each.event]


def test_after_the_content_the_change_alone_is_a_repetition() -> None:
    assert _published(FULL, BARE) == [FULL]


def test_after_the_change_alone_the_content_is_published_under_an_id_of_its_own() -> None:
    first, second = _published(BARE, FULL, FULL, BARE)
    assert first == BARE
    assert (second.data, second.id != FULL.id) == (FULL.data, True)


@pytest.mark.parametrize("event", [FULL, BARE], ids=["with content", "without"])
def test_a_redelivery_is_a_repetition(event: CloudEvent) -> None:
    assert _published(event, event) == [event]


def test_of_two_who_know_a_part_each_the_later_time_and_all_notes_count() -> None:
    marker = Marker(key="k", notes=("a", "b"), at=NOW, etag="1")
    both = marker.with_notes(["b", "c"], NOW - timedelta(minutes=1))
    assert (both.notes, both.at, both.etag) == (("a", "b", "c"), NOW, "1")
