"""POSTs stored in the blobs of Azurite come back in order, to one run only, through outages as well."""

import logging
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from azure.storage.blob import BlobServiceClient, ContainerClient

from sandbox.azurite import Azurite
from sandbox.relay import Mood, Relay
from shared.app.clients import Clients
from shared.errors import Conflict, Unavailable
from shared.receiving.post_store import PostStore, StoredPost
from shared.settings import Settings
from tests.fakes.settings_environment import LEAST
from tests.fakes.time_limits import BUSY_MACHINE_SECONDS, in_time, within
from tests.sandbox.background import Background

pytestmark = pytest.mark.slow

NOW = datetime(2026, 11, 21, 12, 30, 15, 123456, tzinfo=UTC)
_HOUR = timedelta(hours=1)
POST = StoredPost(reason="unavailable", received_at=NOW, fetch="v1.0")
BODY = '{"value": ["Grüße 👋"]}'.encode()


@pytest.fixture(scope="module")
def relay(azurite: Azurite) -> Iterator[Relay]:
    background = Background()
    relay = Relay(urlsplit(azurite.blob_endpoint).port or 0)
    background.run(relay.start())
    yield relay
    background.run(relay.stop())
    background.close()


@pytest.fixture
def blobs(azurite: Azurite, relay: Relay) -> Iterator[BlobServiceClient]:
    """The app's own client, with a relay before the blobs."""
    relayed = re.sub(r"(BlobEndpoint=http://127\.0\.0\.1):\d+", rf"\1:{relay.port}", azurite.connection_string)
    settings = Settings.from_environ(LEAST | {"AzureWebJobsStorage": relayed})
    with Clients(settings).blobs() as client:
        yield client
    relay.mood = Mood.FORWARDING


@pytest.fixture
def container(blobs: BlobServiceClient) -> ContainerClient:
    return blobs.get_container_client(f"kept-{uuid4().hex}")


@pytest.fixture
def store(blobs: BlobServiceClient, container: ContainerClient) -> PostStore:
    return PostStore(blobs, str(container.container_name))


def test_what_is_kept_comes_back_byte_for_byte_with_all_that_was_noted(store: PostStore) -> None:
    store.store(BODY, POST, in_time())
    (post,) = store.list()
    assert replace(post, name="", etag="") == POST
    assert post.name.startswith("2026/11/21/123015123456-")
    assert store.read(post) == BODY


def test_connections_that_went_stale_cost_nothing(store: PostStore, relay: Relay) -> None:
    moments = [NOW + timedelta(seconds=number) for number in range(8)]
    for _ in ("to have connections", "to find them closed"):
        with ThreadPoolExecutor(len(moments)) as pool:
            for keep in [
                pool.submit(store.store, BODY, replace(POST, received_at=each), in_time()) for each in moments
            ]:
                keep.result()
        relay.mood = Mood.STALE
    assert len(list(store.list())) == len(moments)


def test_what_is_kept_comes_back_oldest_first(store: PostStore) -> None:
    moments = [NOW + timedelta(seconds=offset) for offset in (5, -86_400 * 40, 0, -0.5)]
    for moment in moments:
        store.store(BODY, replace(POST, received_at=moment), in_time())
    assert [post.received_at for post in store.list()] == sorted(moments)


def test_it_knows_whether_something_is_kept_from_before(store: PostStore) -> None:
    assert not store.has_older_than(NOW + _HOUR)
    store.store(BODY, POST, in_time())
    assert [store.has_older_than(NOW + after) for after in (-_HOUR, 0 * _HOUR, _HOUR)] == [False, False, True]


def test_the_same_body_of_the_same_moment_is_kept_once(store: PostStore) -> None:
    for body in (BODY, BODY, b"{}"):
        store.store(body, POST, in_time())
    assert len(list(store.list())) == 2


def test_a_container_that_nobody_has_made_is_empty(store: PostStore) -> None:
    assert list(store.list()) == []


def test_sixteen_at_once_make_no_connection_that_they_throw_away(
    store: PostStore, caplog: pytest.LogCaptureFixture
) -> None:
    store.store(BODY, POST, in_time())
    (post,) = store.list()
    together = Barrier(16)

    def read(_number: int) -> None:
        together.wait(10)
        store.read(post)

    with caplog.at_level(logging.WARNING, logger="urllib3"), ThreadPoolExecutor(16) as pool:
        list(pool.map(read, range(64)))
    assert caplog.text == ""


def test_what_stands_in_a_netrc_file_is_not_sent_to_storage(
    store: PostStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would take the place of the client's signature, and storage refuse the call."""
    file = tmp_path / "netrc"
    file.write_text("machine 127.0.0.1 login somebody password something\n", encoding="utf-8")
    monkeypatch.setenv("NETRC", str(file))
    store.store(BODY, POST, in_time())
    assert len(list(store.list())) == 1


def test_what_is_put_off_has_one_more_attempt_and_the_moment_of_the_next(store: PostStore) -> None:
    store.store(BODY, POST, in_time())
    (post,) = store.list()
    later = store.claim(post, NOW + timedelta(minutes=1))
    (found,) = store.list()
    assert found == later
    assert (found.attempts, found.retry_at) == (1, NOW + timedelta(minutes=1))
    assert store.claim(later, NOW).attempts == 2


def test_of_two_that_take_a_body_in_hand_one_gets_it(store: PostStore) -> None:
    store.store(BODY, POST, in_time())
    (post,) = store.list()
    store.claim(post, NOW)
    with pytest.raises(Conflict):
        store.claim(post, NOW)


def test_what_is_done_with_is_gone_for_everybody(store: PostStore) -> None:
    store.store(BODY, POST, in_time())
    (post,) = store.list()
    store.delete(post)
    store.delete(post)
    assert list(store.list()) == []
    for call in (lambda: store.claim(post, NOW), lambda: store.read(post)):
        with pytest.raises(Conflict):
            call()


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"kind": "x"},
        {"kind": "x", "received": "yesterday", "attempts": "0"},
        {"kind": "x", "received": "0001-01-01T00:00:00+23:59", "attempts": "0"},
        {"kind": "x", "received": NOW.isoformat(), "attempts": "many"},
        {"kind": "x", "received": NOW.isoformat(), "attempts": "0", "retry": "soon"},
    ],
)
def test_what_somebody_else_has_put_there_is_left_alone(
    store: PostStore, container: ContainerClient, metadata: dict[str, str]
) -> None:
    store.store(BODY, POST, in_time())
    container.upload_blob("a/strangers.json", b"{}", metadata=metadata)
    assert [post.reason for post in store.list()] == ["unavailable"]


def _list(store: PostStore, _post: StoredPost) -> object:
    return list(store.list())


_CALLS: dict[str, Callable[[PostStore, StoredPost], object]] = {
    "list": _list,
    "read": lambda store, post: store.read(post),
    "claim": lambda store, post: store.claim(post, NOW),
    "delete": lambda store, post: store.delete(post),
    "store": lambda store, post: store.store(BODY, post, in_time()),
}


@pytest.mark.parametrize("call", _CALLS)
def test_storage_that_is_down_is_unavailable_within_seconds_and_nothing_is_lost(
    store: PostStore, relay: Relay, call: str
) -> None:
    store.store(BODY, POST, in_time())
    (post,) = store.list()
    relay.mood = Mood.DOWN
    # The client's own retries would take a minute.
    with pytest.raises(Unavailable), within(2 * BUSY_MACHINE_SECONDS):
        _CALLS[call](store, post)
    relay.mood = Mood.FORWARDING
    assert [replace(each, etag="") for each in store.list()] == [replace(post, etag="")]


def test_storage_that_hangs_is_given_up_by_the_deadline(store: PostStore, relay: Relay) -> None:
    relay.mood = Mood.SILENT
    with pytest.raises(Unavailable), within(BUSY_MACHINE_SECONDS):
        store.store(BODY, POST, in_time())
