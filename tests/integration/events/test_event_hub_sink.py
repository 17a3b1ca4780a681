"""The sink on azure-eventhub's own client, against the sandbox's hub; and in everything that a hub does to a sender."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from azure.core.credentials import AccessToken
from azure.storage.blob import BlobServiceClient

from sandbox.azurite import Azurite
from sandbox.relay import Mood
from shared.errors import Misconfigured, Problem, Unavailable
from shared.event_hub_settings import EventHubSettings
from shared.events.claim_check import DATA_CONTAINER, MAX_MESSAGE_BYTES, ClaimCheck
from shared.events.cloud_events import CloudEvent, Provenance
from shared.events.event_hub import EventHub
from shared.events.event_hub_sink import EventHubSink
from tests.eventually import eventually
from tests.fakes.event_hubs import Namespace
from tests.fakes.time_limits import BUSY_MACHINE_SECONDS, in_time, within

# The client leaves the socket of a connection that it could not open to the garbage collector.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:unclosed <s:ResourceWarning")]

HUB = "teams-events"


class _NoCredential:
    def get_token(self, *_scopes: str, **_options: Any) -> AccessToken:
        raise AssertionError("a connection string needs no token")


@contextmanager
def _sink(
    namespace: Namespace, blobs: BlobServiceClient, *, name: str = HUB, connection: str | None = None
) -> Iterator[EventHubSink]:
    settings = EventHubSettings(
        name=name, connection=connection or namespace.connection_string, namespace="127.0.0.1", identity=None
    )
    hub = EventHub(settings, _NoCredential(), timeout=timedelta(seconds=3))
    namespace.clients.append(hub)
    yield EventHubSink(hub, ClaimCheck(blobs))
    # The app's lives as long as its process.
    if hub._client is not None:
        hub._client.close()


@pytest.fixture(scope="module")
def blobs(azurite: Azurite) -> Iterator[BlobServiceClient]:
    with BlobServiceClient.from_connection_string(azurite.connection_string) as blobs:
        yield blobs


@pytest.fixture(scope="module")
def _sink_of_all(_event_hubs: Namespace, blobs: BlobServiceClient) -> Iterator[EventHubSink]:
    with _sink(_event_hubs, blobs) as sink:
        yield sink


@pytest.fixture
def sink(_sink_of_all: EventHubSink, namespace: Namespace) -> EventHubSink:
    """One for all tests, as in the app: it gets over whatever a test does to it."""
    assert eventually(lambda: _is_taken(_sink_of_all))
    namespace.hubs.batches.clear()
    namespace.hubs.refused.clear()
    return _sink_of_all


def _event(text: str = "hello") -> CloudEvent:
    return CloudEvent(
        id=uuid4().hex,
        type="Microsoft.Graph.ChatMessageCreated",
        source="/tenants/a/applications/b",
        subject="chats/c/messages/1",
        time=datetime(2026, 11, 21, 22, 30, tzinfo=UTC),
        data=json.dumps({"content": text}, ensure_ascii=False).encode(),
        provenance=Provenance(tenant_id="a", dedup_key="1"),
    )


def _event_of(size: int) -> CloudEvent:
    """Return an event whose message has ``size`` bytes."""
    empty = _event("")
    return replace(empty, data=json.dumps({"content": "x" * (size - len(empty.to_json()))}).encode())


def _bodies(namespace: Namespace) -> list[bytes]:
    return [event.body for batch in namespace.hubs.batches for event in batch]


def _ids(namespace: Namespace) -> list[str]:
    return [json.loads(body)["id"] for body in _bodies(namespace)]


def test_event_is_cloud_events_json_and_says_so(sink: EventHubSink, namespace: Namespace) -> None:
    event = _event("Grüße 👋 \u2028")
    sink.publish([event], in_time())
    ((received,),) = namespace.hubs.batches
    assert received.body == event.to_json()
    assert received.content_type == "application/cloudevents+json; charset=utf-8"


def test_events_of_one_post_are_one_message(sink: EventHubSink, namespace: Namespace) -> None:
    events = [_event(str(number)) for number in range(40)]
    sink.publish(events, in_time())
    assert [len(batch) for batch in namespace.hubs.batches] == [40]
    assert _ids(namespace) == [event.id for event in events]


def test_events_of_posts_at_once_share_a_connection_and_messages(sink: EventHubSink, namespace: Namespace) -> None:
    before, events = namespace.hubs.connections, [_event(str(number)) for number in range(200)]
    with ThreadPoolExecutor(max_workers=20) as posts:
        list(posts.map(lambda event: sink.publish([event], in_time()), events))
    assert sorted(_ids(namespace)) == sorted(event.id for event in events)
    assert len(namespace.hubs.batches) < len(events) / 2
    assert namespace.hubs.connections == before


def test_more_than_a_message_takes_is_sent_in_several(sink: EventHubSink, namespace: Namespace) -> None:
    events = [_event_of(MAX_MESSAGE_BYTES) for _ in range(50)]
    sink.publish(events, in_time())
    assert _ids(namespace) == [event.id for event in events]
    assert len(namespace.hubs.batches) == 3
    assert namespace.hubs.refused == []


@pytest.mark.parametrize(("size", "where"), [(MAX_MESSAGE_BYTES, "data"), (MAX_MESSAGE_BYTES + 1, "dataref")])
def test_large_data_go_into_a_blob_as_for_a_queue(
    sink: EventHubSink, namespace: Namespace, blobs: BlobServiceClient, size: int, where: str
) -> None:
    event = _event_of(size)
    sink.publish([event], in_time())
    (published,) = map(json.loads, _bodies(namespace))
    assert {"data", "dataref"} & published.keys() == {where}
    if where == "dataref":
        name = published["dataref"].partition(f"/{DATA_CONTAINER}/")[2]
        assert blobs.get_blob_client(DATA_CONTAINER, name).download_blob().readall() == event.data


def test_each_acknowledged_event_is_reported(sink: EventHubSink) -> None:
    events, sent = [_event(), _event_of(100_000)], list[CloudEvent]()
    sink.publish(events, in_time(), sent.append)
    assert sorted(event.id for event in sent) == sorted(event.id for event in events)


@pytest.mark.parametrize("reason", ["BUSY", "QUOTA", "INTERNAL", "DETACHED", "CLOSED"])
def test_refused_message_is_tried_once_more(sink: EventHubSink, namespace: Namespace, reason: str) -> None:
    from sandbox.eventhubs import Condition, Fault  # noqa: PLC0415  where the library is installed

    namespace.hubs.faults.append(Fault(condition=Condition[reason]))
    sent = list[CloudEvent]()
    sink.publish([_event()], in_time(), sent.append)
    assert _ids(namespace) == [event.id for event in sent]
    assert namespace.hubs.refused == [Condition[reason]]


@pytest.mark.parametrize("reason", ["BUSY", "QUOTA", "INTERNAL", "DETACHED", "CLOSED"])
def test_message_refused_again_is_unavailable(sink: EventHubSink, namespace: Namespace, reason: str) -> None:
    from sandbox.eventhubs import Condition, Fault  # noqa: PLC0415  where the library is installed

    sent = list[CloudEvent]()
    namespace.hubs.faults.append(Fault(condition=Condition[reason], times=9))
    with pytest.raises(Unavailable, match=f"the event hub {HUB} in 127.0.0.1 does not answer as it should: "):
        sink.publish([_event("a secret")], in_time(), sent.append)
    assert (sent, namespace.hubs.batches) == ([], [])
    namespace.hubs.faults.clear()
    sink.publish([_event()], in_time(), sent.append)
    assert _ids(namespace) == [event.id for event in sent]


@pytest.mark.parametrize(
    ("reason", "said"),
    [("UNAUTHORIZED", "refuses the key or signature in EventHubConnection"), ("NOT_FOUND", "does not exist")],
)
def test_hub_that_refuses_what_it_took_before_is_misconfigured(
    sink: EventHubSink, namespace: Namespace, reason: str, said: str
) -> None:
    """A role, a key or the hub may be taken away while the connection stands."""
    from sandbox.eventhubs import Condition, Fault  # noqa: PLC0415  where the library is installed

    namespace.hubs.faults.append(Fault(condition=Condition[reason], times=9))
    with pytest.raises(Misconfigured, match=f"the event hub {HUB} in 127.0.0.1 {said}"):
        sink.publish([_event()], in_time())
    assert namespace.hubs.batches == []


def test_event_whose_acknowledgement_was_lost_comes_twice(sink: EventHubSink, namespace: Namespace) -> None:
    from sandbox.eventhubs import Condition, Fault  # noqa: PLC0415  where the library is installed

    namespace.hubs.faults.append(Fault(condition=Condition.CLOSED, taken=True))
    event = _event()
    sink.publish([event], in_time())
    assert _ids(namespace) == [event.id, event.id]


def test_connection_that_was_dropped_while_idle_is_replaced(sink: EventHubSink, namespace: Namespace) -> None:
    sink.publish([_event("before")], in_time())
    namespace.relay.mood = Mood.STALE
    sink.publish([_event("after")], in_time())
    assert len(_ids(namespace)) == 2


def test_hub_that_is_down_is_unavailable_and_then_used(sink: EventHubSink, namespace: Namespace) -> None:
    sent = list[CloudEvent]()
    namespace.relay.mood = Mood.DOWN
    with within(BUSY_MACHINE_SECONDS), pytest.raises(Unavailable):
        sink.publish([_event()], in_time(), sent.append)
    assert sent == []
    namespace.relay.mood = Mood.FORWARDING
    assert eventually(lambda: _is_taken(sink))


def test_silent_hub_is_given_up_in_time_and_then_used(sink: EventHubSink, namespace: Namespace) -> None:
    sink.publish([_event("before")], in_time())
    namespace.relay.mood = Mood.SILENT
    for _ in range(2):
        with within(BUSY_MACHINE_SECONDS), pytest.raises(Unavailable):
            sink.publish([_event()], in_time())
    namespace.relay.mood = Mood.FORWARDING
    assert eventually(lambda: _is_taken(sink))


def test_client_that_was_given_up_closes_what_it_opens_later(namespace: Namespace, blobs: BlobServiceClient) -> None:
    namespace.relay.mood = Mood.SILENT
    with _sink(namespace, blobs) as sink:
        with within(BUSY_MACHINE_SECONDS), pytest.raises(Unavailable):
            sink.open()
        namespace.relay.mood = Mood.FORWARDING
        namespace.background.run(namespace.relay.hang_up())
        assert eventually(lambda: not namespace.clients[-1]._calls._abandoned)
        assert eventually(lambda: not namespace.relay.open_connections)


def _is_taken(sink: EventHubSink) -> bool:
    try:
        sink.publish([_event()], in_time())
    except Unavailable:
        return False
    return True


def test_event_given_up_before_it_was_sent_is_not_sent(sink: EventHubSink, namespace: Namespace) -> None:
    from sandbox.eventhubs import Fault  # noqa: PLC0415  where the library is installed

    sink.publish([_event("first")], in_time())
    namespace.hubs.faults.append(Fault(condition=None))
    with ThreadPoolExecutor(max_workers=1) as posts:
        slow = posts.submit(sink.publish, [_event("slow")], in_time())
        assert eventually(lambda: not namespace.hubs.faults)
        given_up = _event("given up")
        with pytest.raises(Unavailable, match="no answer before the deadline"):
            sink.publish([given_up], in_time().within(timedelta(seconds=0.1)))
        with pytest.raises(Unavailable):
            slow.result()
    assert eventually(lambda: _is_taken(sink))
    assert given_up.id not in _ids(namespace)


def test_sender_stays_within_its_credit(sink: EventHubSink, namespace: Namespace) -> None:
    namespace.hubs.credit, before = 1, namespace.hubs.credit
    try:
        for number in range(5):
            sink.publish([_event(str(number))], in_time())
    finally:
        namespace.hubs.credit = before
    assert (len(_ids(namespace)), namespace.hubs.refused) == (5, [])


def _problem(sink: EventHubSink) -> Problem:
    with pytest.raises(Problem) as from_check:
        sink.check()
    with pytest.raises(Problem) as caught:
        sink.publish([_event()], in_time())
    assert str(from_check.value) == str(caught.value)
    return caught.value


def test_wrong_key_is_misconfigured_and_not_repeated(namespace: Namespace, blobs: BlobServiceClient) -> None:
    key = namespace.hubs.authority.key
    with _sink(namespace, blobs, connection=namespace.connection_string.replace(key, "d3Jvbmc=")) as sink:
        problem = _problem(sink)
    assert isinstance(problem, Misconfigured)
    assert "refuses the key or signature in EventHubConnection: copy one that may send, or let this" in str(problem)
    assert "d3Jvbmc" not in str(problem)


def test_hub_that_does_not_exist_is_misconfigured(namespace: Namespace, blobs: BlobServiceClient) -> None:
    with _sink(namespace, blobs, name="other") as sink:
        problem = _problem(sink)
    assert isinstance(problem, Misconfigured)
    assert str(problem) == "the event hub other in 127.0.0.1 does not exist: create it, or correct EVENT_SINK"


def test_hub_that_takes_too_little_is_misconfigured(namespace: Namespace, blobs: BlobServiceClient) -> None:
    namespace.hubs.max_message_bytes, before = 1000, namespace.hubs.max_message_bytes
    try:
        with (
            _sink(namespace, blobs) as sink,
            pytest.raises(Misconfigured, match="takes 1000 bytes at most: use a tier that takes events of 2000"),
        ):
            sink.publish([_event_of(2000)], in_time())
    finally:
        namespace.hubs.max_message_bytes = before


def test_hub_that_answers_passes_its_check(sink: EventHubSink, namespace: Namespace) -> None:
    sink.check()
    assert namespace.hubs.batches == []


def test_opened_hub_sends_the_first_event_on_that_connection(namespace: Namespace, blobs: BlobServiceClient) -> None:
    before = namespace.hubs.connections
    with _sink(namespace, blobs) as sink:
        for _ in range(2):
            sink.open()
        assert namespace.hubs.connections == before + 1
        sink.publish([_event()], in_time())
    assert namespace.hubs.connections == before + 1
    assert len(namespace.hubs.batches) == 1
