"""What cannot be published at once is parked in time, quarantined or refused; never lost, never forged.

The ports are in memory and keep the real ones' contract: each ends by the deadline that it is given.
"""

import dataclasses
import json
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timedelta
from threading import Event
from typing import Any

import pytest

from shared.errors import Conflict, Malformed, Misconfigured, NotFound, Problem, TooLarge, Unavailable
from shared.events.cloud_events import CloudEvent
from shared.limits import ConcurrencyLimiter
from shared.receiving.post_store import StoredPost
from shared.receiving.receive import Receipt
from shared.timing import Deadline
from tests.fakes.calls import raising
from tests.fakes.graph_sender import CERTIFICATE_ID, graph, now
from tests.fakes.receiver_fixture import ReceiverFixture
from tests.fakes.time_limits import within
from tests.hostile.bodies import CLIENT_STATES, POSTS, replaced
from tests.sender import CONTENT, basic_item, body, client_state

BUDGET = timedelta(seconds=2.5)
# A hanging port uses up all of this time.
SHORT = timedelta(seconds=1)
# Of the half second that is for the way to Graph and back, a busy machine takes some.
BUSY_MACHINE_SECONDS = 0.4
QUARANTINED = frozenset({"validation-token", "unknown-certificate", "undecryptable", "malformed"})


class Keeper(ReceiverFixture):
    """A receiver with a place for what has to wait; ``steps`` is what it did, in order."""

    def __init__(self, **ports: Any) -> None:
        super().__init__()
        self.steps: list[str] = []
        self.parked: list[tuple[bytes, StoredPost]] = []
        self.quarantined_posts: list[tuple[bytes, StoredPost]] = []
        self.receiver = dataclasses.replace(
            self.receiver,
            park=lambda body, post, _deadline: self.parked.append((body, post)),
            quarantine=self._quarantine,
            publish=self._publishing,
        )
        self.receiver = dataclasses.replace(self.receiver, **ports)

    def _publishing(self, events: Sequence[CloudEvent], _deadline: Deadline) -> None:
        self.steps.append("publish")
        self.events.extend(events)

    def _quarantine(self, body: bytes, post: StoredPost, _deadline: Deadline) -> None:
        self.steps.append("quarantine")
        self.quarantined_posts.append((body, post))

    def take(
        self, post: bytes, budget: timedelta = BUDGET, *, received_at: datetime | None = None, fetch: str | None = None
    ) -> Receipt:
        """Return the receipt for ``post``, which has to be there in time."""
        deadline = Deadline.after(budget)
        with within(budget.total_seconds() + BUSY_MACHINE_SECONDS):
            return self.receiver.receive(post, received_at=received_at or now(), deadline=deadline, fetch=fetch)


def _hangs(*arguments: Any) -> Any:
    """Take all the time that there is, as a pool's call does."""
    deadline: Deadline = arguments[-1]
    with ThreadPoolExecutor(1) as pool:
        let_go = Event()
        try:
            return deadline.run_on(pool, let_go.wait)
        finally:
            let_go.set()


def _rich_and_basic() -> bytes:
    return body(basic_item(), graph().rich_item(), tokens=[graph().token()])


PORTS = ("record_activity", "signing_key", "private_key", "publish", "fetch_resources")


@pytest.mark.parametrize("port", PORTS)
@pytest.mark.parametrize(
    "problem",
    [Unavailable("does not answer"), Misconfigured("403: no permission"), NotFound("404"), Conflict("409")],
    ids=str,
)
def test_failing_dependency_has_the_post_parked_as_it_came(port: str, problem: Problem) -> None:
    keeper, post, moment = Keeper(**{port: raising(problem)}), _rich_and_basic(), now()
    receipt = keeper.take(post, received_at=moment, fetch="beta")
    assert (receipt.parked, receipt.published, receipt.parked_because) == (2, 0, problem)
    (stored,) = keeper.parked
    reason = "misconfigured" if isinstance(problem, Misconfigured) else "unavailable"
    assert stored == (post, StoredPost(reason=reason, received_at=moment, fetch="beta"))
    assert keeper.events == []


@pytest.mark.slow
@pytest.mark.parametrize("port", PORTS)
def test_hanging_dependency_leaves_time_for_parking(port: str) -> None:
    keeper = Keeper(**{port: _hangs}, park=_takes_half_a_second)
    assert keeper.take(_rich_and_basic(), SHORT, fetch="v1.0").parked == 2


def _takes_half_a_second(_body: bytes, _post: StoredPost, deadline: Deadline) -> None:
    with ThreadPoolExecutor(1) as pool:
        deadline.run_on(pool, time.sleep, 0.5)


@pytest.mark.slow
def test_a_post_of_ten_thousand_items_is_parked_in_time() -> None:
    key = ReceiverFixture().receiver.private_key

    def slow_key(certificate_id: str, deadline: Deadline) -> Any:
        time.sleep(0.005)
        return key(certificate_id, deadline)

    item = {name: value for name, value in graph().rich_item().items() if name != "subscriptionExpirationDateTime"}
    small = item | {"resource": "teams", "resourceData": {}, "encryptedContent": {"encryptionCertificateId": "x"}}
    post = graph().rich_body(*[small] * 10_000)
    keeper = Keeper(private_key=slow_key)
    assert keeper.take(post).parked == 10_000
    assert (keeper.quarantined_posts, keeper.events) == ([], [])


@pytest.mark.parametrize("broken", [Unavailable("storage does not answer"), Misconfigured("no role")])
def test_only_where_parking_fails_too_graph_is_to_send_it_again(broken: Problem) -> None:
    keeper = Keeper(publish=raising(Unavailable("the queue")), park=raising(broken))
    with pytest.raises(type(broken), match=str(broken)):
        keeper.take(body(basic_item()))


@pytest.mark.slow
def test_parking_that_hangs_is_given_up_in_time() -> None:
    with pytest.raises(Unavailable):
        Keeper(publish=_hangs, park=_hangs).take(body(basic_item()), SHORT)


def test_problem_is_raised_if_nothing_can_be_parked() -> None:
    problem = Misconfigured("a role is missing")
    with pytest.raises(Misconfigured, match="a role is missing"):
        Keeper(publish=raising(problem), park=None).take(body(basic_item()))


@pytest.mark.parametrize("name", [name for name, make in CLIENT_STATES.items() if make(graph()).rejected])
def test_unauthentic_post_is_never_stored(name: str) -> None:
    """A flood of what anybody can make fills no storage."""
    keeper = Keeper(**dict.fromkeys(PORTS, raising(Unavailable("all is down"))))
    post = CLIENT_STATES[name](graph()).body
    for _ in range(20):
        assert keeper.take(post, fetch="v1.0").parked == 0
    assert (keeper.parked, keeper.quarantined_posts, keeper.steps) == ([], [], [])


def test_post_with_one_authentic_item_is_parked() -> None:
    keeper = Keeper(publish=raising(Unavailable("the queue")))
    receipt = keeper.take(body(basic_item(clientState="x"), None, basic_item()))
    assert (receipt.parked, receipt.rejected) == (1, {"client-state": 1, "malformed": 1})


@pytest.mark.parametrize("name", POSTS)
def test_hostile_post_is_published_refused_or_stored(name: str) -> None:
    post, keeper = POSTS[name](graph()), Keeper()
    if post.status != 202:
        with pytest.raises(TooLarge if post.status == 413 else Malformed):
            keeper.take(post.body)
        assert (keeper.parked, keeper.quarantined_posts) == ([], [])
        return
    receipt = keeper.take(post.body)
    refused = {kind: count for kind, count in post.rejected.items() if kind in QUARANTINED - {"malformed"}}
    assert (receipt.published, receipt.quarantined, receipt.parked) == (post.published, sum(refused.values()), 0)
    assert {stored.reason: len(json.loads(text)["value"]) for text, stored in keeper.quarantined_posts} == refused


@pytest.mark.slow
@pytest.mark.parametrize("fetch", [None, "v1.0"])
@pytest.mark.parametrize("down", [(), ("publish",), ("publish", "park"), ("quarantine",)])
def test_any_replaced_node_has_a_documented_outcome(down: tuple[str, ...], fetch: str | None) -> None:
    outcomes = 0
    for name, nasty in replaced(graph()):
        keeper = Keeper(**dict.fromkeys(down, raising(Unavailable("down"))))
        try:
            receipt = keeper.take(nasty, fetch=fetch)
        except (Malformed, Unavailable):
            assert not keeper.parked, name
            continue
        counted = receipt.published + receipt.parked + sum(receipt.rejected.values())
        assert (receipt.received, len(keeper.parked)) == (counted, int(receipt.parked > 0)), name
        outcomes += 1
    assert outcomes > 100


def test_what_was_authentic_and_is_refused_goes_to_quarantine_as_it_came() -> None:
    keeper, moment = Keeper(), now()
    unknown = graph().unknown_item()
    tampered = graph().rich_item(encryptedContent=graph().encrypted(dataSignature="AAAA"))
    token = graph().token()
    post = body(unknown, basic_item(), tampered, tampered, tokens=[token])
    receipt = keeper.take(post, received_at=moment, fetch="v1.0")
    assert (receipt.published, receipt.quarantined) == (1, 3)
    quarantined = {stored.reason: (json.loads(text), stored) for text, stored in keeper.quarantined_posts}
    assert quarantined["unknown-certificate"][0] == {"value": [unknown], "validationTokens": [token]}
    assert quarantined["undecryptable"][0] == {"value": [tampered, tampered], "validationTokens": [token]}
    assert {(stored.received_at, stored.fetch) for _, stored in quarantined.values()} == {(moment, "v1.0")}


def test_decrypted_content_is_never_stored() -> None:
    keeper = Keeper()
    keeper.take(body(graph().rich_item(), graph().rich_item(encryptedContent={}), tokens=[graph().token()]))
    assert len(keeper.quarantined_posts) == 1
    assert not any(
        str(CONTENT["body"])[:20].encode() in text or "Grüße".encode() in text for text, _ in keeper.quarantined_posts
    )


def test_quarantined_post_can_be_received_again() -> None:
    """Judged as of its receipt, whenever that is done: tokens live for hours, what waits may wait for days."""
    keeper, moment = Keeper(), now()
    unknown = graph().unknown_item()
    keeper.take(body(unknown, tokens=[graph().token()]), received_at=moment)
    ((text, stored),) = keeper.quarantined_posts
    found = Keeper(private_key=lambda _id, deadline: ReceiverFixture().receiver.private_key(CERTIFICATE_ID, deadline))
    assert found.take(text, received_at=stored.received_at).published == 1
    assert found.take(text, received_at=stored.received_at + timedelta(days=2)).rejected == {"validation-token": 1}


def test_quarantine_comes_before_publishing() -> None:
    keeper = Keeper()
    keeper.take(body(basic_item(), graph().rich_item(), tokens=["garbage"]))
    assert keeper.steps == ["quarantine", "publish"]
    down = Keeper(quarantine=raising(Unavailable("storage")))
    assert down.take(body(basic_item(), graph().rich_item(), tokens=["garbage"])).parked == 2
    assert down.steps == []


@pytest.mark.slow
def test_item_that_cannot_be_serialized_is_stored_with_its_post() -> None:
    keeper, post = Keeper(), _deepest_bare_item()
    assert keeper.take(post).quarantined == 1
    assert [text for text, _ in keeper.quarantined_posts] == [post]


def _deepest_bare_item() -> bytes:
    """Return an item that is nested as deeply as JSON can be read; as the item of a collection it would be deeper."""
    template = json.dumps(graph().rich_item(resourceData={"deep": "HERE"}))
    for depth in range(10_100, 9_900, -1):
        post = template.replace('"HERE"', "[" * depth + "]" * depth).encode()
        with suppress(Malformed):
            ReceiverFixture().of(post)
            return post
    raise AssertionError("no depth can be read")


@pytest.mark.slow
def test_the_deepest_item_that_can_be_read_is_refused_or_published() -> None:
    for item in (basic_item, graph().rich_item):
        template = body(item(resourceData={"deep": "HERE"})).decode()
        for depth in range(9_950, 10_010):
            keeper = Keeper()
            try:
                receipt = keeper.take(template.replace('"HERE"', "[" * depth + "]" * depth).encode())
            except Malformed:
                continue
            assert (receipt.published + receipt.quarantined, receipt.quarantined) == (1, len(keeper.quarantined_posts))


@pytest.mark.parametrize("fetch", ["", "x", "v1.0\r\nx-ms-evil: 1", "\ud800", "Grüße", "x" * 100_000])
def test_fetch_parameter_that_is_no_version_is_not_stored(fetch: str) -> None:
    keeper = Keeper(publish=raising(Unavailable("the queue")))
    keeper.take(body(basic_item()), fetch=fetch)
    keeper.take(body(graph().rich_item()), fetch=fetch)
    assert [stored.fetch for _, stored in keeper.parked + keeper.quarantined_posts] == [None, None]


@pytest.mark.slow
def test_post_without_a_slot_is_parked_without_any_call() -> None:
    keeper = Keeper(limiter=ConcurrencyLimiter(0))
    receipt = keeper.take(_rich_and_basic())
    assert (receipt.parked, keeper.asked_for, keeper.recorded) == (2, [], [])


def test_a_signed_client_state_of_another_tenant_opens_no_storage() -> None:
    keeper = Keeper(publish=raising(Unavailable("the queue")))
    stolen = basic_item(tenantId="84bd8158-6d4d-4958-8b9f-9d6445542f95", clientState=client_state())
    assert keeper.take(body(stolen)).parked == 0
    assert keeper.parked == []
