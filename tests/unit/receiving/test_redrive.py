"""Stored items are processed again: in turns, each as of its receipt, and never lost on the way.

The container is in memory and keeps the real one's contract: ETags, Conflict and Unavailable.
"""

import json
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count as counting
from threading import Barrier
from typing import Any

import pytest

from shared.errors import Conflict, Misconfigured, Problem, Unavailable
from shared.limits import ConcurrencyLimiter
from shared.receiving.item_publisher import Fetched
from shared.receiving.post_store import StoredPost
from shared.receiving.redrive import AT_ONCE, Redriver
from shared.timing import Deadline
from tests.fakes.graph_sender import CERTIFICATE_ID, graph, now
from tests.fakes.receiver_fixture import ReceiverFixture
from tests.sender import STRANGER, TENANT, basic_item, body, client_state

MINUTE = timedelta(minutes=1)
UNKNOWN = "f" * 32


@dataclass
class Container:
    """Bodies by name; ``steps`` is what was done to them."""

    bodies: dict[str, tuple[StoredPost, bytes]] = field(default_factory=dict)
    steps: list[str] = field(default_factory=list)
    down: frozenset[str] = frozenset()
    etags: Iterator[int] = field(default_factory=counting)

    broken: str = ""
    leased: str = ""
    deletions: list[int] = field(default_factory=list)
    on_claim: Callable[[], None] = field(default=lambda: None)

    def add(self, text: bytes, *, received_at: datetime, **changes: Any) -> StoredPost:
        name = f"{received_at.isoformat()}-{len(self.bodies)}"
        post = StoredPost(name=name, reason="unavailable", tenant_id=TENANT, received_at=received_at, fetch=None)
        self.store([(replace(post, **changes), text)], Deadline.after(MINUTE))
        return self.bodies[name][0]

    def store(self, posts: Sequence[tuple[StoredPost, bytes]], _deadline: Deadline) -> None:
        for post, text in posts:
            self.bodies.setdefault(post.name, (replace(post, etag=str(next(self.etags))), text))

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
        self.on_claim()
        if post.name == self.broken:
            raise Unavailable("the blob is leased")
        there, text = self.bodies.get(post.name, (None, b""))
        if there is None or there.etag != post.etag:
            raise Conflict("claimed")
        claimed = replace(post, attempts=post.attempts + 1, retry_at=until, etag=str(next(self.etags)))
        self.bodies[post.name] = (claimed, text)
        return claimed

    def delete(self, posts: Sequence[StoredPost]) -> Mapping[str, Problem]:
        self._call("delete")
        self.deletions.append(len(posts))
        kept: dict[str, Problem] = {}
        for post in posts:
            there, _ = self.bodies.get(post.name, (None, b""))
            if post.name == self.leased:
                kept[post.name] = Unavailable("the blob is leased")
            elif there is not None and there.etag == post.etag:
                del self.bodies[post.name]
        return kept

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
        receiver = self.outcome.receiver_with(**({"park": self.container.store} | ports))
        return Redriver(store=self.container, is_quarantine=self.quarantine, receiver=receiver, now=lambda: self.at)

    def run(self, **ports: Any) -> dict[str, int]:
        return dict(self.redriver(**ports).run(self.at + MINUTE))

    @property
    def stored(self) -> list[StoredPost]:
        return [post for post, _ in self.container.bodies.values()]


def _fails(problem: Problem) -> Any:
    def fail(*_arguments: object) -> Any:
        raise problem

    return fail


def test_what_was_parked_is_published_and_gone() -> None:
    world = RedriveFixture()
    for minutes in (3, 1, 2):
        world.container.add(body(basic_item()), received_at=world.at - minutes * MINUTE)
    assert world.run() == {"published": 3}
    assert world.stored == []
    assert world.run() == {}


def test_none_overtakes_more_of_the_older_ones_than_are_worked_on_at_once() -> None:
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
    assert world.run(publish_events=lambda *_: together.wait()) == {"published": AT_ONCE}


@pytest.mark.slow
def test_what_graph_waits_for_goes_first() -> None:
    world, turns, count = RedriveFixture(), ConcurrencyLimiter(4), 2
    for minutes in range(count):
        world.container.add(body(basic_item()), received_at=world.at - minutes * MINUTE)
    with turns.slot(TENANT), turns.slot(TENANT):
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
    world.container.add(body(basic_item(changeType="updated")), received_at=world.at, fetch="beta")
    world.run()
    assert [location.path[:6] for location in world.outcome.fetched] == ["/beta/"]


def test_a_body_that_cannot_be_published_yet_is_put_off_longer_each_time() -> None:
    world = RedriveFixture()
    world.container.add(body(basic_item()), received_at=world.at)
    pauses = []
    for _ in range(9):
        assert world.run(publish_events=_fails(Unavailable("the queue"))) == {"put off": 1}
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
    assert world.run(private_key=_fails(Misconfigured("no role"))) == {"put off": 1, "published": 1}
    assert [post.reason for post in world.stored] == ["misconfigured"]


def test_broken_or_leased_blob_delays_no_other() -> None:
    world = RedriveFixture()
    world.container.broken = world.container.add(body(basic_item()), received_at=world.at - MINUTE).name
    world.container.add(body(basic_item()), received_at=world.at)
    assert world.run() == {"put off": 1, "published": 1}


def test_hopeless_posts_of_one_tenant_do_not_delay_another_tenant() -> None:
    """1,600 of them are older than the one that can be published, and a run ends after 30."""
    world = RedriveFixture()
    hopeless = body(basic_item(tenantId=STRANGER, clientState=client_state(STRANGER)))
    for number in range(1600):
        received_at = world.at - timedelta(hours=1, seconds=number)
        world.container.add(hopeless, received_at=received_at, tenant_id=STRANGER, reason="tenant-not-served")
    world.container.add(body(basic_item()), received_at=world.at)

    def take_two_seconds() -> None:
        world.at += timedelta(seconds=2)

    world.container.on_claim = take_two_seconds
    counts = world.run()
    assert counts["published"] == 1
    assert sum(counts.values()) < 40


def test_fetch_of_seventy_items_of_one_chat_ends() -> None:
    """Graph allows one GET a second of a chat, and an attempt lasts a minute: the next one continues."""
    world = RedriveFixture()
    items = [basic_item(changeType="updated", resource=f"chats('c')/messages('{number}')") for number in range(70)]
    world.container.add(body(*items), received_at=world.at, fetch="v1.0")
    read = world.outcome.receiver.publisher.fetch_resources

    def fetch(locations: Any, deadline: Deadline) -> Fetched:
        found = read(locations, deadline)
        in_time = sorted(found, key=lambda location: location.path)[:55]
        return {at: each if at in in_time else Unavailable("the deadline has passed") for at, each in found.items()}

    assert world.run(fetch_resources=fetch) == {"put off": 1}
    assert len(world.outcome.events) == 55
    ((_, rest),) = world.container.bodies.values()
    assert len(json.loads(rest)["value"]) == 15
    world.at += MINUTE
    assert world.run(fetch_resources=fetch) == {"published": 1}
    assert len({event.id for event in world.outcome.events}) == 70


def test_post_that_failed_for_a_week_goes_to_the_quarantine(caplog: pytest.LogCaptureFixture) -> None:
    world = RedriveFixture()
    received_at = world.at
    world.container.add(body(basic_item()), received_at=received_at)
    outcomes: list[dict[str, int]] = []
    while world.stored:
        outcomes.append(world.run(publish_events=_fails(Unavailable("the queue"))))
        world.at += timedelta(hours=9)
    assert outcomes == [{"put off": 1}] * (len(outcomes) - 1) + [{"expired": 1}]
    assert timedelta(days=7) < world.at - received_at < timedelta(days=8)
    assert [post.reason for post, _ in world.outcome.quarantined] == ["expired"]
    assert [record.levelname for record in caplog.records].count("ERROR") == 1


class Killed(BaseException):
    """The process has ended."""


@pytest.mark.parametrize("port", ["record_activity", "publish_events"])
def test_one_that_brings_the_run_down_is_put_off_before_and_lost_never(port: str) -> None:
    world = RedriveFixture()

    def kill(*_arguments: object) -> None:
        raise Killed

    world.container.add(body(basic_item()), received_at=world.at)
    with pytest.raises(Killed):
        world.run(**{port: kill})
    world.container.add(body(basic_item()), received_at=world.at)
    assert world.run() == {"published": 1}
    world.at += MINUTE
    assert world.run() == {"published": 1}


def test_crash_before_deletion_publishes_the_same_ids_again() -> None:
    world = RedriveFixture()
    world.container.add(body(basic_item(), graph().rich_item(), tokens=[graph().token()]), received_at=world.at)
    world.container.down = frozenset({"delete"})
    assert world.run() == {"put off": 1}
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

    done = world.run(publish_events=slow)["published"]
    assert 0 < done < count
    assert done + world.run()["published"] == count


def test_stored_post_is_taken_by_one_of_two_runs() -> None:
    world = RedriveFixture()
    post = world.container.add(body(basic_item()), received_at=world.at)
    world.container.claim(post, world.at)
    assert world.redriver().attempt(post) == "left to another run"
    world.container.delete([post])
    assert world.redriver().attempt(post) == "left to another run"
    assert world.outcome.events == []


@pytest.mark.parametrize("step", ["claim", "read", "delete"])
def test_container_that_fails_for_one_post_postpones_it(step: str) -> None:
    world = RedriveFixture(container=Container(down=frozenset({step})))
    world.container.add(body(basic_item()), received_at=world.at)
    assert world.run() == {"put off": 1}


def test_container_that_cannot_be_listed_fails_the_step() -> None:
    world = RedriveFixture(container=Container(down=frozenset({"list"})))
    with pytest.raises(Unavailable):
        world.run()


def test_rejected_item_goes_to_the_quarantine_and_the_rest_is_published() -> None:
    world = RedriveFixture()
    tampered = graph().rich_item(encryptedContent=graph().encrypted(dataSignature="AAAA"))
    world.container.add(graph().rich_body(tampered, graph().rich_item()), received_at=world.at)
    assert world.run() == {"published": 1}
    assert (len(world.outcome.events), [post.reason for post, _ in world.outcome.quarantined]) == (1, ["undecryptable"])
    assert world.stored == []


def test_certificate_that_appears_publishes_what_was_parked_for_it() -> None:
    world = RedriveFixture()
    unknown = graph().rich_item(encryptedContent=graph().encrypted(encryptionCertificateId=UNKNOWN))
    world.container.add(graph().rich_body(unknown, graph().rich_item()), received_at=world.at)
    assert world.run() == {"put off": 1}
    ((post, text),) = world.container.bodies.values()
    assert (post.reason, post.attempts, len(json.loads(text)["value"])) == ("certificate-unknown", 1, 1)
    key = world.outcome.receiver.publisher.private_key
    world.at += MINUTE
    assert world.run(private_key=lambda _id, deadline: key(CERTIFICATE_ID, deadline)) == {"published": 1}
    assert (len(world.outcome.events), world.stored) == (2, [])


def test_post_that_is_no_longer_authentic_stays(caplog: pytest.LogCaptureFixture) -> None:
    """The key that signed it was removed from the settings; an operator who restores it loses nothing."""
    world = RedriveFixture()
    world.container.add(body(basic_item()), received_at=world.at)
    with caplog.at_level(logging.WARNING, logger="shared"):
        assert world.run(client_state_keys=()) == {"refused": 1}
    assert client_state() not in caplog.text
    world.at += MINUTE
    assert world.run() == {"published": 1}


def test_quarantined_item_stays_until_an_attempt_publishes_it() -> None:
    world = RedriveFixture(quarantine=True)
    tampered = graph().rich_item(encryptedContent=graph().encrypted(dataSignature="AAAA"))
    bad = world.container.add(graph().rich_body(tampered), reason="undecryptable", received_at=world.at)
    good = world.container.add(graph().rich_body(), reason="undecryptable", received_at=world.at)
    assert [world.redriver().attempt(post) for post in (bad, good)] == ["refused", "published"]
    assert [post.name for post in world.stored] == [bad.name]
