"""Stored POSTs are received again: in order, each when it is due, as of its receipt, and never lost on the way.

The container is in memory and keeps the real one's contract: ETags, Conflict and Unavailable.
"""

import dataclasses
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count as counting
from threading import Barrier
from typing import Any

import pytest

from shared.errors import Conflict, Misconfigured, Unavailable
from shared.limits import ConcurrencyLimiter
from shared.receiving.post_store import StoredPost
from shared.receiving.redrive import AT_ONCE, Redriver
from tests.fakes.calls import Killed, raising
from tests.fakes.graph_sender import CERTIFICATE_ID, graph, now
from tests.fakes.receiver_fixture import ReceiverFixture
from tests.sender import basic_item, body, client_state

MINUTE = timedelta(minutes=1)


@dataclass
class Container:
    """Bodies by name; ``steps`` is what was done to them."""

    bodies: dict[str, tuple[StoredPost, bytes]] = field(default_factory=dict)
    steps: list[str] = field(default_factory=list)
    down: frozenset[str] = frozenset()
    etags: Iterator[int] = field(default_factory=counting)

    def add(self, text: bytes, *, reason: str = "unavailable", received_at: datetime, **changes: Any) -> StoredPost:
        name = f"{received_at.isoformat()}-{len(self.bodies)}"
        post = StoredPost(reason=reason, received_at=received_at, fetch=None, name=name, etag=str(next(self.etags)))
        self.bodies[name] = (replace(post, **changes), text)
        return self.bodies[name][0]

    def list(self) -> Iterator[StoredPost]:
        self._call("list")
        yield from [post for _, (post, _) in sorted(self.bodies.items())]

    def read(self, post: StoredPost) -> bytes:
        self._call("read")
        if post.name not in self.bodies:
            raise Conflict("deleted")
        return self.bodies[post.name][1]

    def claim(self, post: StoredPost, until: datetime) -> StoredPost:
        self._call("claim")
        there, text = self.bodies.get(post.name, (None, b""))
        if there is None or there.etag != post.etag:
            raise Conflict("claimed")
        claimed = replace(post, attempts=post.attempts + 1, retry_at=until, etag=str(next(self.etags)))
        self.bodies[post.name] = (claimed, text)
        return claimed

    def delete(self, post: StoredPost) -> None:
        self._call("delete")
        self.bodies.pop(post.name, None)

    def _call(self, step: str) -> None:
        self.steps.append(step)
        if step in self.down:
            raise Unavailable("the container does not answer")


@dataclass
class RedriveFixture:
    """A container, the receiver that takes from it, and a clock that stands."""

    container: Container = field(default_factory=Container)
    outcome: ReceiverFixture = field(default_factory=ReceiverFixture)
    at: datetime = field(default_factory=now)
    quarantine: bool = False

    def redriver(self, **ports: Any) -> Redriver:
        receiver = dataclasses.replace(self.outcome.receiver, **ports)
        if self.quarantine:
            receiver = replace(receiver, quarantine=None)
        return Redriver(store=self.container, is_quarantine=self.quarantine, receiver=receiver, now=lambda: self.at)

    def run(self, **ports: Any) -> dict[str, int]:
        return dict(self.redriver(**ports).run(self.at + MINUTE))

    @property
    def stored(self) -> list[StoredPost]:
        return [post for post, _ in self.container.bodies.values()]


def test_what_was_parked_is_published_and_gone() -> None:
    world = RedriveFixture()
    for minutes in (3, 1, 2):
        world.container.add(body(basic_item()), received_at=world.at - minutes * MINUTE)
    assert world.run() == {"published": 3}
    assert world.stored == []
    assert world.run() == {}


def test_post_overtakes_only_those_processed_concurrently() -> None:
    world, count = RedriveFixture(), 5 * AT_ONCE
    for number in range(count):
        received_at = world.at - (count - number) * MINUTE
        world.container.add(body(basic_item(resource=f"chats('{number}')")), received_at=received_at)
    assert world.run() == {"published": count}
    order = [int(event.subject.removeprefix("chats/")) for event in world.outcome.events]
    assert sorted(order) == list(range(count))
    assert all(place > number - AT_ONCE for place, number in enumerate(order))


def test_several_are_worked_on_at_once() -> None:
    world, together = RedriveFixture(), Barrier(AT_ONCE, timeout=10)
    for minutes in range(AT_ONCE):
        world.container.add(body(basic_item()), received_at=world.at - minutes * MINUTE)
    assert world.run(publish=lambda *_: together.wait()) == {"published": AT_ONCE}


@pytest.mark.slow
def test_what_graph_waits_for_goes_first() -> None:
    world, turns, count = RedriveFixture(), ConcurrencyLimiter(4), 2
    for minutes in range(count):
        world.container.add(body(basic_item()), received_at=world.at - minutes * MINUTE)
    with turns.slot(), turns.slot():
        began = time.monotonic()
        assert world.run(limiter=turns) == {"published": count}
        # A second for each: it does not wait for ever either.
        assert time.monotonic() - began > count * 0.9


def test_a_body_is_judged_and_published_as_of_its_receipt() -> None:
    """Tokens live for a day at most; what was authentic when it came stays so."""
    world = RedriveFixture()
    received_at = world.at
    world.container.add(graph().rich_body(), received_at=received_at)
    world.at += timedelta(days=2)
    assert world.run() == {"published": 1}
    assert world.outcome.events[0].time == received_at
    live = ReceiverFixture()
    live.of(graph().rich_body(), received_at=received_at)
    assert live.events[0].id == world.outcome.events[0].id


def test_the_version_to_fetch_from_is_the_one_of_its_url() -> None:
    world = RedriveFixture()
    world.container.add(body(basic_item()), received_at=world.at, fetch="beta")
    world.run()
    assert [location.path[:6] for location in world.outcome.fetched] == ["/beta/"]


def test_unpublishable_post_is_postponed_longer_each_time() -> None:
    world = RedriveFixture()
    world.container.add(body(basic_item()), received_at=world.at)
    pauses = []
    for _ in range(9):
        assert world.run(publish=raising(Unavailable("the queue"))) == {"put off": 1}
        (post,) = world.stored
        assert post.retry_at is not None
        pauses.append((post.retry_at - world.at) / MINUTE)
        world.at = post.retry_at - timedelta(seconds=1)
        assert world.run() == {}
        world.at = post.retry_at
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert world.run() == {"published": 1}


def test_one_that_fails_does_not_stand_in_the_way_of_the_others() -> None:
    world = RedriveFixture()
    world.container.add(graph().rich_body(), received_at=world.at - MINUTE)
    world.container.add(body(basic_item()), received_at=world.at)
    assert world.run(private_key=raising(Misconfigured("no role"))) == {"put off": 1, "published": 1}
    assert len(world.stored) == 1


@pytest.mark.parametrize("port", ["record_activity", "publish"])
def test_post_that_crashes_the_run_is_postponed_and_never_lost(port: str) -> None:
    world = RedriveFixture()
    world.container.add(body(basic_item()), received_at=world.at)
    with pytest.raises(Killed):
        world.run(**{port: raising(Killed())})
    world.container.add(body(basic_item()), received_at=world.at)
    assert world.run() == {"published": 1}
    world.at += MINUTE
    assert world.run() == {"published": 1}


def test_crash_before_deletion_publishes_the_same_ids_again() -> None:
    world = RedriveFixture()
    world.container.add(body(basic_item(), graph().rich_item(), tokens=[graph().token()]), received_at=world.at)
    world.container.down = frozenset({"delete"})
    with pytest.raises(Unavailable):
        world.run()
    world.container.down = frozenset()
    world.at += MINUTE
    assert world.run() == {"published": 1}
    ids = [event.id for event in world.outcome.events]
    assert (ids[:2], len(ids)) == (ids[2:], 4)


def test_a_run_ends_in_time_and_the_next_one_goes_on() -> None:
    world, count = RedriveFixture(), 3 * AT_ONCE
    for number in range(count):
        world.container.add(body(basic_item()), received_at=world.at - number * MINUTE)

    def slow(*_arguments: object) -> None:
        world.at += MINUTE

    done = world.run(publish=slow)["published"]
    assert 0 < done < count
    assert done + world.run()["published"] == count


def test_of_two_runs_one_takes_a_body() -> None:
    world = RedriveFixture()
    post = world.container.add(body(basic_item()), received_at=world.at)
    world.container.claim(post, world.at)
    assert world.redriver().attempt(post) == "left to another run"
    world.container.delete(post)
    assert world.redriver().attempt(post) == "left to another run"
    assert world.outcome.events == []


def test_a_container_that_does_not_answer_ends_the_run() -> None:
    for step in ("list", "claim", "read"):
        world = RedriveFixture(container=Container(down=frozenset({step})))
        world.container.add(body(basic_item()), received_at=world.at)
        with pytest.raises(Unavailable):
            world.run()


def test_rejected_items_of_a_parked_post_go_to_quarantine() -> None:
    world = RedriveFixture()
    world.container.add(graph().rich_body(graph().unknown_item(), graph().rich_item()), received_at=world.at)
    assert world.run() == {"published": 1}
    assert (len(world.outcome.events), list(world.outcome.quarantined)) == (1, ["unknown-certificate"])
    assert world.stored == []


def test_what_is_not_authentic_any_more_stays_where_it_is(caplog: pytest.LogCaptureFixture) -> None:
    """The key that signed it has been taken out of the settings; once it is put back, nothing is lost."""
    world = RedriveFixture()
    world.container.add(body(basic_item()), received_at=world.at)
    with caplog.at_level(logging.WARNING, logger="shared"):
        assert world.run(client_state_keys=()) == {"refused": 1}
    assert client_state() not in caplog.text
    world.at += MINUTE
    assert world.run() == {"published": 1}


def test_unknown_certificate_is_tried_for_a_limited_time() -> None:
    world = RedriveFixture(quarantine=True)
    received_at = world.at
    world.container.add(
        graph().rich_body(graph().unknown_item()), reason="unknown-certificate", received_at=received_at
    )
    assert world.run() == {"refused": 1}
    world.at = received_at + timedelta(hours=23, minutes=59)
    assert world.run() == {"refused": 1}
    world.at = received_at + timedelta(hours=25)
    assert world.run() == {}
    assert len(world.stored) == 1


def test_a_certificate_that_has_appeared_opens_what_is_in_quarantine() -> None:
    world = RedriveFixture(quarantine=True)
    world.container.add(graph().rich_body(graph().unknown_item()), reason="unknown-certificate", received_at=world.at)
    key = world.outcome.receiver.private_key
    found = world.run(private_key=lambda _id, deadline: key(CERTIFICATE_ID, deadline))
    assert (found, world.stored, len(world.outcome.events)) == ({"published": 1}, [], 1)


@pytest.mark.parametrize("reason", ["validation-token", "undecryptable", "malformed"])
def test_nothing_else_in_quarantine_is_tried_by_the_timer(reason: str) -> None:
    world = RedriveFixture(quarantine=True)
    post = world.container.add(graph().rich_body(), reason=reason, received_at=world.at)
    assert (world.run(), world.container.steps) == ({}, ["list"])
    # A person may.
    assert world.redriver().attempt(post) == "published"


def test_a_body_in_quarantine_stays_until_all_of_it_is_published() -> None:
    world = RedriveFixture(quarantine=True)
    both = graph().rich_body(graph().unknown_item(), graph().rich_item())
    post = world.container.add(both, reason="x", received_at=world.at)
    assert world.redriver().attempt(post) == "refused"
    assert len(world.stored) == 1
