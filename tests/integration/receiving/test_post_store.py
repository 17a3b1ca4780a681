"""POSTs stored in the blobs of Azurite are read back in order, and by one run only."""

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier
from uuid import uuid4

import pytest
from azure.storage.blob import BlobServiceClient, ContainerClient

from sandbox.relay import Mood
from shared.app.clients import Clients
from shared.errors import Conflict, Problem
from shared.receiving.post_store import PostStore, StoredPost
from shared.settings import Settings
from tests.fakes.settings_environment import LEAST
from tests.fakes.time_limits import in_time
from tests.integration.relayed_account import RelayedAccount
from tests.sender import TENANT

pytestmark = pytest.mark.slow

NOW = datetime(2026, 11, 21, 12, 30, 15, 123456, tzinfo=UTC)
_HOUR = timedelta(hours=1)
POST = StoredPost(name="a.json", reason="unavailable", tenant_id=TENANT, received_at=NOW, fetch="v1.0")
BODY = '{"value": ["Grüße 👋"]}'.encode()


@pytest.fixture
def blobs(relayed: RelayedAccount) -> Iterator[BlobServiceClient]:
    """The app's own client, with a relay before the blobs."""
    settings = Settings.from_environ(LEAST | {"AzureWebJobsStorage": relayed.connection_string})
    with Clients(settings).blobs() as client:
        yield client


@pytest.fixture
def container(blobs: BlobServiceClient) -> ContainerClient:
    return blobs.get_container_client(f"posts-{uuid4().hex}")


@pytest.fixture
def store(blobs: BlobServiceClient, container: ContainerClient) -> PostStore:
    return PostStore(blobs, str(container.container_name))


def _at(moment: datetime) -> StoredPost:
    return replace(POST, name=f"{moment.isoformat()}.json", received_at=moment)


def _stored(store: PostStore) -> StoredPost:
    store.store([(POST, BODY)], in_time())
    (post,) = store.list()
    return post


def test_stored_post_is_read_back_byte_for_byte(store: PostStore) -> None:
    post = _stored(store)
    assert replace(post, etag="") == POST
    assert store.read(post) == BODY


def test_stale_connections_lose_no_post(store: PostStore, relayed: RelayedAccount) -> None:
    moments = [NOW + timedelta(seconds=number) for number in range(8)]
    for _ in ("to have connections", "to find them closed"):
        with ThreadPoolExecutor(len(moments)) as pool:
            list(pool.map(lambda each: store.store([(_at(each), BODY)], in_time()), moments))
        relayed.set_mood(Mood.STALE)
    assert len(list(store.list())) == len(moments)


def test_stored_posts_are_listed_by_name(store: PostStore) -> None:
    moments = [NOW + timedelta(seconds=offset) for offset in (5, -86_400 * 40, 0, -0.5)]
    store.store([(_at(moment), BODY) for moment in moments], in_time())
    assert [post.received_at for post in store.list()] == sorted(moments)


def test_post_is_older_than_later_moments_only(store: PostStore) -> None:
    assert not store.has_older_than(NOW + _HOUR), "a container that does not exist"
    store.store([(POST, BODY)], in_time())
    assert [store.has_older_than(NOW + after) for after in (-_HOUR, 0 * _HOUR, _HOUR)] == [False, False, True]


def test_post_of_a_tenant_that_is_not_served_does_not_count_as_waiting(store: PostStore) -> None:
    store.store([(replace(POST, reason="tenant-not-served"), BODY)], in_time())
    assert not store.has_older_than(NOW + _HOUR)


def test_probe_is_overwritten_and_never_listed(store: PostStore) -> None:
    assert store.last_probe() == b""
    probe = replace(POST, name="probe", reason="probe")
    for body in (b"first", b"second"):
        store.store([(probe, body)], in_time())
    assert store.last_probe() == b"second"
    assert list(store.list()) == []
    assert not store.has_older_than(NOW + _HOUR)


def test_blob_that_exists_stays_and_is_not_new(store: PostStore) -> None:
    assert store.store([(POST, BODY), (replace(POST, name="b.json"), BODY)], in_time()) == 2
    claimed = store.claim(next(store.list()), NOW)
    assert store.store([(POST, b"{}"), (replace(POST, name="c.json"), BODY)], in_time()) == 1
    assert store.read(claimed) == BODY
    assert [post.attempts for post in store.list()] == [1, 0, 0]


def test_blob_with_a_snapshot_is_deleted(store: PostStore, container: ContainerClient) -> None:
    post = _stored(store)
    container.get_blob_client(post.name).create_snapshot()
    store.delete([post])
    assert list(store.list()) == []


def test_leased_blob_is_left_to_a_later_run(store: PostStore, container: ContainerClient) -> None:
    post = _stored(store)
    container.get_blob_client(post.name).acquire_lease(15)
    with pytest.raises(Problem):
        store.claim(post, NOW)


def test_sixteen_threads_discard_no_connection(store: PostStore, caplog: pytest.LogCaptureFixture) -> None:
    post = _stored(store)
    together = Barrier(16)

    def read(_number: int) -> None:
        together.wait(10)
        store.read(post)

    with caplog.at_level(logging.WARNING, logger="urllib3"), ThreadPoolExecutor(16) as pool:
        list(pool.map(read, range(64)))
    assert caplog.text == ""


def test_netrc_credentials_are_not_sent_to_storage(
    store: PostStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They would replace the client's signature, and storage would refuse the call."""
    file = tmp_path / "netrc"
    file.write_text("machine 127.0.0.1 login ann password something\n", encoding="utf-8")
    monkeypatch.setenv("NETRC", str(file))
    assert store.read(_stored(store)) == BODY


def test_claim_counts_an_attempt_and_sets_the_next(store: PostStore) -> None:
    post = _stored(store)
    later = store.claim(post, NOW + timedelta(minutes=1))
    (found,) = store.list()
    assert found == later
    assert (found.attempts, found.retry_at) == (1, NOW + timedelta(minutes=1))
    assert store.claim(later, NOW).attempts == 2


def test_second_claim_of_a_post_is_a_conflict(store: PostStore) -> None:
    post = _stored(store)
    store.claim(post, NOW)
    with pytest.raises(Conflict):
        store.claim(post, NOW)


def test_deleted_post_is_gone_for_every_run(store: PostStore) -> None:
    post = _stored(store)
    store.delete([post])
    store.delete([post])
    assert list(store.list()) == []
    for call in (lambda: store.claim(post, NOW), lambda: store.read(post)):
        with pytest.raises(Conflict):
            call()


def test_post_that_another_run_has_claimed_is_not_deleted(store: PostStore) -> None:
    post = _stored(store)
    claimed = store.claim(post, NOW)
    assert store.delete([post]) == {}
    assert list(store.list()) == [claimed]
    assert store.delete([claimed]) == {}
    assert list(store.list()) == []


def test_leased_blob_stays_and_costs_no_other_one(store: PostStore, container: ContainerClient) -> None:
    store.store([(replace(POST, name=name), BODY) for name in ("a", "b", "c")], in_time())
    container.get_blob_client("b").acquire_lease(15)
    kept = store.delete(list(store.list()))
    assert [post.name for post in store.list()] == list(kept) == ["b"]
    assert "storage" in str(kept["b"])


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
def test_blob_without_the_apps_metadata_is_not_listed(
    store: PostStore, container: ContainerClient, metadata: dict[str, str]
) -> None:
    store.store([(POST, BODY)], in_time())
    container.upload_blob("a/strangers.json", b"{}", metadata=metadata)
    assert [post.reason for post in store.list()] == ["unavailable"]
