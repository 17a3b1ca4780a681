"""What cannot be published is parked or goes to the quarantine, by itself and in time; never lost, never forged.

The ports are in memory and keep the real ones' contract: each ends by the deadline that it is given.
"""

import json
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Event
from typing import Any

import pytest

from shared.errors import Malformed, Misconfigured, Problem, TooLarge, Unavailable, UnknownCertificate
from shared.events.cloud_events import CloudEvent
from shared.limits import ConcurrencyLimiter
from shared.receiving.receive import Receipt
from shared.receiving.storing import MAX_PARKED_BLOBS
from shared.settings import ClientStateKey
from shared.timing import Deadline
from tests.fakes.graph_sender import CERTIFICATE_ID, graph, now
from tests.fakes.receiver_fixture import ReceiverFixture, outcome_of
from tests.fakes.time_limits import within
from tests.hostile.bodies import POSTS, replaced
from tests.sender import CONTENT, OTHER_TENANT, STRANGER, TENANT, basic_item, body, client_state

BUDGET = timedelta(seconds=2.5)
# A port that hangs does so for all the time that there is.
SHORT = timedelta(seconds=1)
# Of the half second that is for the way to Graph and back, a busy machine takes some.
BUSY_MACHINE_SECONDS = 0.4
PARKED_REASONS = frozenset(
    {"unavailable", "misconfigured", "tenant-not-served", "certificate-unknown", "not-found-yet"}
)


def _take(
    fixture: ReceiverFixture, post: bytes, budget: timedelta = BUDGET, *, received_at: datetime | None = None
) -> Receipt:
    """Return the receipt for ``post``, which has to be there in time."""
    deadline = Deadline.after(budget)
    with within(budget.total_seconds() + BUSY_MACHINE_SECONDS):
        return fixture.receiver.receive(post, received_at=received_at or now(), deadline=deadline, fetch="v1.0")


def _fails(problem: Problem) -> Callable[..., Any]:
    def fail(*_arguments: object) -> Any:
        raise problem

    return fail


_LONG_SECONDS = 10


def _hangs(*arguments: Any) -> Any:
    """Take all the time that there is, as a pool's call does."""
    deadline: Deadline = arguments[-1]
    with ThreadPoolExecutor(1) as pool:
        let_go = Event()
        try:
            return deadline.run_on(pool, let_go.wait)
        finally:
            let_go.set()


RICH, BASIC, LIFECYCLE = 0, 1, 2


def _three() -> bytes:
    """Return a rich item, a basic one to fetch, and a lifecycle notification."""
    lifecycle = basic_item(lifecycleEvent="missed", changeType=None)
    return body(graph().rich_item(), basic_item(changeType="updated"), lifecycle, tokens=[graph().token()])


# Which of the three items depend on a port.
DEPENDENT = {
    "record_activity": {LIFECYCLE},
    "signing_key": {RICH},
    "private_key": {RICH},
    "publish_events": {RICH, BASIC, LIFECYCLE},
}


def _fails_for_lifecycle_notifications(problem: Problem) -> Callable[..., Any]:
    """As the table of subscriptions: activity of other notifications is recorded in the background."""
    return lambda items, *arguments: items[0].lifecycle_event and _fails(problem)(*arguments)


@pytest.mark.parametrize(
    ("port", "problem"),
    [
        *((port, Unavailable("does not answer")) for port in DEPENDENT),
        # Entra ID's keys are public.
        *((port, Misconfigured("403: no permission")) for port in DEPENDENT if port != "signing_key"),
    ],
    ids=str,
)
def test_failing_port_parks_the_items_that_depend_on_it_alone(port: str, problem: Problem) -> None:
    failing = _fails_for_lifecycle_notifications if port == "record_activity" else _fails
    fixture, moment = ReceiverFixture(**{port: failing(problem)}), now()
    receipt = _take(fixture, _three(), received_at=moment)
    assert receipt.problems == dict.fromkeys(DEPENDENT[port], problem)
    assert len(fixture.events) == 3 - len(DEPENDENT[port])
    ((stored, text),) = fixture.parked
    reason = "misconfigured" if isinstance(problem, Misconfigured) else "unavailable"
    assert (stored.tenant_id, stored.reason, stored.received_at, stored.fetch) == (TENANT, reason, moment, "v1.0")
    assert json.loads(text)["positions"] == sorted(DEPENDENT[port])


@pytest.mark.slow
@pytest.mark.parametrize("port", ["record_activity", "signing_key", "private_key", "publish_events"])
def test_hanging_port_leaves_time_for_parking(port: str) -> None:
    fixture = ReceiverFixture(**{port: _hangs}, park=_takes_half_a_second)
    assert sum(_take(fixture, _three(), SHORT).parked.values()) > 0


def _takes_half_a_second(posts: Sequence[object], deadline: Deadline) -> None:
    with ThreadPoolExecutor(1) as pool:
        deadline.run_on(pool, time.sleep, 0.5 if posts else 0)


@pytest.mark.slow
def test_post_of_ten_thousand_items_is_parked_in_time() -> None:
    key = ReceiverFixture().receiver.publisher.private_key

    def slow_key(certificate_id: str, deadline: Deadline) -> Any:
        time.sleep(0.005)
        return key(certificate_id, deadline)

    item = {name: value for name, value in graph().rich_item().items() if name != "subscriptionExpirationDateTime"}
    small = item | {"resource": "teams", "resourceData": {}, "encryptedContent": {"encryptionCertificateId": "f" * 32}}
    fixture = ReceiverFixture(private_key=slow_key)
    receipt = _take(fixture, graph().rich_body(*[small] * 10_000))
    assert sum(receipt.parked.values()) == 10_000
    assert (fixture.quarantined, fixture.events) == ([], [])


@pytest.mark.parametrize("broken", [Unavailable("storage does not answer"), Misconfigured("no role")])
def test_post_is_refused_if_an_item_can_be_neither_published_nor_parked(broken: Problem) -> None:
    fixture = ReceiverFixture(publish_events=_fails(Unavailable("the queue")), park=_fails(broken))
    with pytest.raises(type(broken), match=str(broken)):
        _take(fixture, body(basic_item()))


def test_post_is_refused_if_a_rejected_item_cannot_be_quarantined() -> None:
    fixture = ReceiverFixture(quarantine=_fails(Unavailable("storage")))
    with pytest.raises(Unavailable, match="storage"):
        _take(fixture, body(graph().rich_item(), tokens=["garbage"]))


@pytest.mark.slow
def test_parking_that_hangs_ends_in_time() -> None:
    with pytest.raises(Unavailable):
        _take(ReceiverFixture(publish_events=_hangs, park=_hangs), body(basic_item(changeType="updated")), SHORT)


@pytest.mark.parametrize("name", POSTS)
def test_every_hostile_post_is_published_stored_or_refused(name: str) -> None:
    post, fixture = POSTS[name](graph()), ReceiverFixture()
    if post.status != 202:
        with pytest.raises(TooLarge if post.status == 413 else Malformed):
            fixture.of(post.body)
        return
    fixture.of(post.body)
    assert {each.reason for each, _ in fixture.parked + fixture.quarantined} == post.others.keys() - {"dropped"}
    assert {each.reason for each, _ in fixture.parked} <= PARKED_REASONS


@pytest.mark.slow
@pytest.mark.parametrize("down", [(), ("publish_events",), ("publish_events", "park"), ("quarantine",)])
def test_good_body_with_any_node_replaced_has_a_documented_outcome(down: tuple[str, ...]) -> None:
    outcomes = 0
    for name, nasty in replaced(graph()):
        fixture = ReceiverFixture(**dict.fromkeys(down, _fails(Unavailable("down"))))
        try:
            receipt = fixture.of(nasty)
        except (Malformed, Unavailable):
            continue
        assert receipt.received == sum(outcome_of(receipt).values()), name
        assert len(fixture.parked) == int(bool(receipt.parked)), name
        outcomes += 1
    assert outcomes > 50


def _with_certificate(certificate_id: str) -> dict[str, Any]:
    return graph().rich_item(encryptedContent=graph().encrypted(encryptionCertificateId=certificate_id))


def test_items_are_stored_as_they_came_each_where_it_belongs() -> None:
    fixture, moment, token = ReceiverFixture(), now(), graph().token()
    unknown = _with_certificate("f" * 32)
    tampered = graph().rich_item(encryptedContent=graph().encrypted(dataSignature="AAAA"))
    post = body(unknown, graph().rich_item(), tampered, tampered | {"id": "2"}, tokens=[token])
    receipt = _take(fixture, post, received_at=moment)
    assert outcome_of(receipt) == {"published": 1, "certificate-unknown": 1, "undecryptable": 2}
    ((parked, text),) = fixture.parked
    assert json.loads(text) == {"value": [unknown], "validationTokens": [token], "positions": [0]}
    assert (parked.received_at, parked.fetch) == (moment, "v1.0")
    assert [json.loads(text)["positions"] for _, text in fixture.quarantined] == [[2], [3]]


def test_copy_of_a_quarantined_item_has_the_same_name() -> None:
    fixture, item = ReceiverFixture(), graph().rich_item()
    _take(fixture, body(item, tokens=["garbage"]))
    _take(fixture, body(basic_item(), item, tokens=["other garbage"]))
    (first, _), (copy, _) = fixture.quarantined
    assert first.name == copy.name
    assert first.name.startswith(f"{TENANT}/validation-token/")


def test_nothing_decrypted_is_stored() -> None:
    fixture = ReceiverFixture(publish_events=_fails(Unavailable("the queue")))
    fixture.of(body(graph().rich_item(), graph().rich_item(encryptedContent={}), tokens=[graph().token()]))
    stored = fixture.parked + fixture.quarantined
    assert stored
    assert not any(str(CONTENT["body"])[:20].encode() in text or "Grüße".encode() in text for _, text in stored)


def test_stored_item_is_judged_as_of_its_receipt() -> None:
    """Tokens live for hours; an item may wait for days."""
    fixture, moment = ReceiverFixture(), now()
    _take(fixture, body(_with_certificate("f" * 32), tokens=[graph().token()]), received_at=moment)
    ((stored, text),) = fixture.parked
    key = fixture.receiver.publisher.private_key
    found = ReceiverFixture(private_key=lambda _id, deadline: key(CERTIFICATE_ID, deadline))
    assert outcome_of(found.of(text, received_at=stored.received_at)) == {"published": 1}
    late = found.of(text, received_at=stored.received_at + timedelta(days=2))
    assert outcome_of(late) == {"validation-token": 1}


def test_id_of_an_update_does_not_depend_on_what_else_is_published() -> None:
    """A parked item keeps its position in the POST, of which the id of a change without a version is made."""
    moment, update = now(), basic_item(changeType="updated")
    whole = ReceiverFixture()
    whole.of(body(basic_item(), update, update), received_at=moment)
    down = ReceiverFixture(publish_events=_fails(Unavailable("the queue")))
    down.of(body(graph().rich_item(clientState="x"), update, update), received_at=moment)
    ((_, text),) = down.parked
    redriven = ReceiverFixture()
    redriven.of(text, received_at=moment)
    assert [event.id for event in redriven.events] == [event.id for event in whole.events[1:]]


def test_odd_item_is_stored_byte_for_byte() -> None:
    deep, huge = b"[" * 900 + b"]" * 900, b"9" * 5000
    post = body(basic_item(padding="x" * 65_536, resourceData=[1.5, 2.5])).replace(b"1.5", deep).replace(b"2.5", huge)
    fixture = ReceiverFixture()
    assert outcome_of(fixture.of(post)) == {"malformed": 1}
    ((_, stored),) = fixture.quarantined
    assert post[len(b'{"value": [') : -len(b"]}")] in stored


@pytest.mark.parametrize("fetch", ["", "x", "v1.0\r\nx-ms-evil: 1", "\ud800", "Grüße", "x" * 100_000])
def test_text_in_the_url_that_is_no_version_is_not_stored(fetch: str) -> None:
    fixture = ReceiverFixture(publish_events=_fails(Unavailable("the queue")))
    fixture.of(body(basic_item()), fetch=fetch)
    fixture.of(body(graph().rich_item()), fetch=fetch)
    assert [stored.fetch for stored, _ in fixture.parked + fixture.quarantined] == [None, None]


@pytest.mark.slow
def test_items_that_get_no_slot_are_parked_and_cause_no_call() -> None:
    fixture = ReceiverFixture(limiter=ConcurrencyLimiter(0))
    receipt = _take(fixture, _three())
    assert (outcome_of(receipt), fixture.asked_for, fixture.recorded) == ({"unavailable": 3}, [], [])


def test_signed_client_state_of_another_tenant_is_not_ours() -> None:
    fixture = ReceiverFixture()
    stolen = basic_item(tenantId=OTHER_TENANT, clientState=client_state())
    assert outcome_of(fixture.of(body(stolen))) == {"dropped": 1}
    assert fixture.parked == []


# --- One item, tenant or certificate delays no other


def test_tenant_whose_key_vault_entry_is_missing_delays_no_other_tenant() -> None:
    def refuse_fetch(locations: Any, _deadline: Deadline) -> Any:
        return {location: Misconfigured("403: consent was withdrawn") for location in locations}

    fixture = ReceiverFixture(fetch_resources=refuse_fetch)
    theirs = basic_item(tenantId=OTHER_TENANT, clientState=client_state(OTHER_TENANT))
    receipt = _take(fixture, body(theirs, graph().rich_item(), tokens=[graph().token()]))
    assert outcome_of(receipt) == {"published": 1, "misconfigured": 1}
    assert [stored.tenant_id for stored, _ in fixture.parked] == [OTHER_TENANT]


def test_disabled_certificate_version_delays_no_other_version() -> None:
    def private_key(certificate_id: str, deadline: Deadline) -> Any:
        if certificate_id != CERTIFICATE_ID:
            raise UnknownCertificate("disabled")
        return key(certificate_id, deadline)

    key = ReceiverFixture().receiver.publisher.private_key
    fixture = ReceiverFixture(private_key=private_key)
    receipt = _take(fixture, body(_with_certificate("e" * 32), graph().rich_item(), tokens=[graph().token()]))
    assert outcome_of(receipt) == {"published": 1, "certificate-unknown": 1}


@pytest.mark.slow
def test_tenant_that_hangs_is_parked_and_the_other_published() -> None:
    let_go = Event()

    def publish(events: Sequence[CloudEvent], _deadline: Deadline) -> None:
        if events[0].provenance.tenant_id == OTHER_TENANT:
            # Longer than the deadline, so that the flow itself has to give up.
            let_go.wait(_LONG_SECONDS)
            return
        fixture.events.extend(events)

    fixture = ReceiverFixture(publish_events=publish)
    theirs = basic_item(changeType="updated", tenantId=OTHER_TENANT, clientState=client_state(OTHER_TENANT))
    try:
        receipt = _take(fixture, body(theirs, graph().rich_item(), tokens=[graph().token()]), SHORT)
    finally:
        let_go.set()
    assert outcome_of(receipt) == {"published": 1, "unavailable": 1}


def test_tenant_that_is_not_served_is_parked_beside_the_others() -> None:
    """A typo in TENANT_IDS: what is ours waits for its correction."""
    fixture = ReceiverFixture()
    theirs = basic_item(tenantId=STRANGER, clientState=client_state(STRANGER))
    assert outcome_of(fixture.of(body(theirs, basic_item()))) == {"published": 1, "tenant-not-served": 1}
    ((stored, text),) = fixture.parked
    corrected = ReceiverFixture(tenant_ids=(STRANGER,))
    assert outcome_of(corrected.of(text, received_at=stored.received_at)) == {"published": 1}


def test_post_of_a_hundred_tenants_is_parked_in_sixteen_blobs() -> None:
    tenants = [f"{number:08x}-0000-4000-8000-000000000000" for number in range(100)]
    items = [basic_item(tenantId=tenant, clientState=client_state(tenant)) for tenant in tenants]
    fixture = ReceiverFixture()
    assert outcome_of(_take(fixture, body(*items))) == {"tenant-not-served": 100}
    assert len(fixture.parked) == MAX_PARKED_BLOBS
    reasons = [stored.reason for stored, _ in fixture.parked]
    assert (reasons.count("tenant-not-served"), reasons.count("mixed")) == (MAX_PARKED_BLOBS - 1, 1)
    assert sum(len(json.loads(text)["value"]) for _, text in fixture.parked) == 100


def test_two_generations_of_settings_with_a_new_key_lose_nothing() -> None:
    """An instance with the old settings drops what the new key has signed; one with both keys takes either."""
    new = ClientStateKey.from_text("a key that was added to the settings a moment ago")
    old, fresh = (
        ReceiverFixture(),
        ReceiverFixture(client_state_keys=(new, *ReceiverFixture().receiver.client_state_keys)),
    )
    item = body(basic_item(clientState=client_state(key=new)))
    assert outcome_of(old.of(item)) == {"dropped": 1}
    assert outcome_of(fresh.of(item)) == {"published": 1}
    assert outcome_of(fresh.of(body(basic_item()))) == {"published": 1}
