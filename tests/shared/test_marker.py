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


def test_after_the_content_the_change_alone_is_a_repetition() -> None:
    _, fresh = judged([FULL, BARE], {})
    assert fresh == [FULL]


def test_after_the_change_alone_the_content_is_published_under_an_id_of_its_own() -> None:
    ids, (first, second) = judged([BARE, FULL], {})
    assert first == BARE
    assert (second.data, second.id != FULL.id) == (FULL.data, True)
    assert judged([FULL, BARE], ids) == ({}, [])


@pytest.mark.parametrize("event", [FULL, BARE], ids=["with content", "without"])
def test_a_redelivery_is_a_repetition(event: CloudEvent) -> None:
    ids, _ = judged([event], {})
    assert judged([event], ids) == ({}, [])


def test_a_marker_of_one_change_is_told_however_it_was_published() -> None:
    for events in ([FULL], [BARE], [BARE, FULL]):
        ids, _ = judged(events, {})
        assert Marker(key=FULL.id, ids=ids[FULL.id], at=NOW).is_of_one_change
    assert not Marker(key=FULL.id, ids=("another",), at=NOW).is_of_one_change
