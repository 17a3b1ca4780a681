"""The quarantine is bounded, and what it does not hold is reported as lost."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from shared.errors import Problem, Unavailable
from shared.events.cloud_events import CloudEvent
from shared.receiving.post_store import StoredPost
from shared.receiving.quarantine import MAX_NEW_PER_HOUR, Quarantine
from shared.timing import Deadline
from tests.sender import CLIENT_ID, MESSAGE, OTHER_TENANT, SUBSCRIPTION, TENANT, basic_item, body

NOW = datetime(2026, 11, 29, 12, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@dataclass
class QuarantineFixture:
    """A quarantine with its container, its sink and a clock."""

    now: datetime = NOW
    bodies: dict[str, tuple[StoredPost, bytes]] = field(default_factory=dict)
    events: list[CloudEvent] = field(default_factory=list)
    is_down: bool = False
    leased: str = ""

    def __post_init__(self) -> None:
        self.quarantine = Quarantine(store=self, publish=self._publish, client_id=CLIENT_ID, now=lambda: self.now)

    def store(self, posts: Sequence[tuple[StoredPost, bytes]], _deadline: Deadline) -> int:
        new = [post for post, _ in posts if post.name not in self.bodies]
        self.bodies |= {post.name: (post, body) for post, body in posts}
        return len(new)

    def list(self) -> Iterator[StoredPost]:
        yield from [post for post, _ in self.bodies.values()]

    def read(self, post: StoredPost) -> bytes:
        return self.bodies[post.name][1]

    def delete(self, posts: Sequence[StoredPost]) -> Mapping[str, Problem]:
        for post in posts:
            if post.name != self.leased:
                del self.bodies[post.name]
        return {post.name: Unavailable("the blob is leased") for post in posts if post.name == self.leased}

    def _publish(self, events: Sequence[CloudEvent], _deadline: Deadline) -> None:
        if self.is_down:
            raise Unavailable("the queue")
        self.events.extend(events)

    def add(self, *names: str, tenant_id: str = TENANT, text: bytes | None = None) -> None:
        posts = [
            StoredPost(name=name, reason="undecryptable", tenant_id=tenant_id, received_at=self.now, fetch=None)
            for name in names
        ]
        item = body(basic_item()) if text is None else text
        self.quarantine.add([(post, item) for post in posts], Deadline.after(HOUR))


def _numbered(count: int, start: int = 0) -> list[str]:
    return [str(number) for number in range(start, start + count)]


def test_new_items_past_the_hourly_limit_are_reported_once() -> None:
    fixture = QuarantineFixture()
    fixture.add(*_numbered(MAX_NEW_PER_HOUR + 7))
    fixture.add(*_numbered(5, start=5000))
    assert len(fixture.bodies) == MAX_NEW_PER_HOUR
    assert {event.type for event in fixture.events} == {"Microsoft.Graph.SubscriptionGap"}
    assert len({event.id for event in fixture.events}) == 1
    data = json.loads(fixture.events[0].data)
    assert (data["subscriptionId"], data["resource"]) == (SUBSCRIPTION, MESSAGE)
    assert (data["startDateTime"], data["endDateTime"]) == ("2026-11-29T12:00:00.000Z", "2026-11-29T13:00:00.000Z")


def test_limit_counts_each_tenant_by_itself_and_begins_anew_each_hour() -> None:
    fixture = QuarantineFixture()
    fixture.add(*_numbered(MAX_NEW_PER_HOUR))
    fixture.add("other", tenant_id=OTHER_TENANT)
    fixture.now += HOUR
    fixture.add("next")
    assert len(fixture.bodies) == MAX_NEW_PER_HOUR + 2
    assert fixture.events == []


def test_copies_do_not_count_toward_the_limit() -> None:
    fixture = QuarantineFixture()
    for _ in range(3):
        fixture.add(*_numbered(MAX_NEW_PER_HOUR - 1))
    assert fixture.events == []


def test_report_that_fails_refuses_the_post() -> None:
    fixture = QuarantineFixture(is_down=True)
    with pytest.raises(Unavailable):
        fixture.add(*_numbered(MAX_NEW_PER_HOUR + 1))


@pytest.mark.parametrize("text", [b"", b"[]", b"{}", b'{"value": []}', b'{"value": [7]}', b"[" * 200_000])
def test_item_that_says_nothing_is_reported_all_the_same(text: bytes) -> None:
    fixture = QuarantineFixture()
    fixture.add(*_numbered(MAX_NEW_PER_HOUR + 1), text=text)
    assert [event.subject for event in fixture.events] == ["subscriptions/"]


def test_item_is_deleted_after_thirty_days_and_reported() -> None:
    fixture = QuarantineFixture()
    fixture.add("old")
    fixture.now += 29 * DAY
    fixture.add("young")
    assert fixture.quarantine.purge(fixture.now + HOUR) == {}
    fixture.now += DAY + HOUR
    assert fixture.quarantine.purge(fixture.now + HOUR) == {"deleted": 1}
    assert list(fixture.bodies) == ["young"]
    assert [json.loads(event.data)["startDateTime"] for event in fixture.events] == ["2026-11-29T12:30:00.000Z"]


def test_item_stays_until_its_loss_is_reported() -> None:
    fixture = QuarantineFixture()
    fixture.add("old")
    fixture.now += 31 * DAY
    fixture.is_down = True
    assert fixture.quarantine.purge(fixture.now + HOUR) == {"failed": 1}
    assert list(fixture.bodies) == ["old"]


def test_purge_ends_in_time() -> None:
    fixture = QuarantineFixture()
    fixture.add("old")
    fixture.now += 31 * DAY
    assert fixture.quarantine.purge(fixture.now) == {}


def test_item_that_cannot_be_deleted_stays_and_no_other_one_does() -> None:
    fixture = QuarantineFixture(leased="leased")
    fixture.add("leased", "old")
    fixture.now += 31 * DAY
    assert fixture.quarantine.purge(fixture.now + HOUR) == {"deleted": 1, "failed": 1}
    assert list(fixture.bodies) == ["leased"]
