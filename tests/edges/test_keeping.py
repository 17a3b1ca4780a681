"""Kept POSTs in the blobs of Azurite: what is kept comes back, in order, to one run only, through outages as well."""

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
from shared.keeping import Keeping
from shared.kept import Kept
from shared.settings import Settings
from tests.edges.outside import BUSY_MACHINE_SECONDS, in_time, within
from tests.sandbox.background import Background
from tests.shared.environment import LEAST

pytestmark = pytest.mark.slow

NOW = datetime(2026, 11, 21, 12, 30, 15, 123456, tzinfo=UTC)
_HOUR = timedelta(hours=1)
KEPT = Kept(kind="unavailable", received_at=NOW, fetch="v1.0")
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
def keeping(blobs: BlobServiceClient, container: ContainerClient) -> Keeping:
    return Keeping(blobs, str(container.container_name))


def test_what_is_kept_comes_back_byte_for_byte_with_all_that_was_noted(keeping: Keeping) -> None:
    keeping.keep(BODY, KEPT, in_time())
    (kept,) = keeping.all()
    assert replace(kept, name="", etag="") == KEPT
    assert kept.name.startswith("2026/11/21/123015123456-")
    assert keeping.body(kept) == BODY


def test_connections_that_went_stale_cost_nothing(keeping: Keeping, relay: Relay) -> None:
    moments = [NOW + timedelta(seconds=number) for number in range(8)]
    for _ in ("to have connections", "to find them closed"):
        with ThreadPoolExecutor(len(moments)) as pool:
            for keep in [
                pool.submit(keeping.keep, BODY, replace(KEPT, received_at=each), in_time()) for each in moments
            ]:
                keep.result()
        relay.mood = Mood.STALE
    assert len(list(keeping.all())) == len(moments)


def test_what_is_kept_comes_back_oldest_first(keeping: Keeping) -> None:
    moments = [NOW + timedelta(seconds=offset) for offset in (5, -86_400 * 40, 0, -0.5)]
    for moment in moments:
        keeping.keep(BODY, replace(KEPT, received_at=moment), in_time())
    assert [kept.received_at for kept in keeping.all()] == sorted(moments)


def test_it_knows_whether_something_is_kept_from_before(keeping: Keeping) -> None:
    assert not keeping.has_any(NOW + _HOUR)
    keeping.keep(BODY, KEPT, in_time())
    assert [keeping.has_any(NOW + after) for after in (-_HOUR, 0 * _HOUR, _HOUR)] == [False, False, True]


def test_the_same_body_of_the_same_moment_is_kept_once(keeping: Keeping) -> None:
    for body in (BODY, BODY, b"{}"):
        keeping.keep(body, KEPT, in_time())
    assert len(list(keeping.all())) == 2


def test_a_container_that_nobody_has_made_is_empty(keeping: Keeping) -> None:
    assert list(keeping.all()) == []


def test_sixteen_at_once_make_no_connection_that_they_throw_away(
    keeping: Keeping, caplog: pytest.LogCaptureFixture
) -> None:
    keeping.keep(BODY, KEPT, in_time())
    (kept,) = keeping.all()
    together = Barrier(16)

    def read(_number: int) -> None:
        together.wait(10)
        keeping.body(kept)

    with caplog.at_level(logging.WARNING, logger="urllib3"), ThreadPoolExecutor(16) as pool:
        list(pool.map(read, range(64)))
    assert caplog.text == ""


def test_what_stands_in_a_netrc_file_is_not_sent_to_storage(
    keeping: Keeping, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would take the place of the client's signature, and storage refuse the call."""
    file = tmp_path / "netrc"
    file.write_text("machine 127.0.0.1 login somebody password something\n", encoding="utf-8")
    monkeypatch.setenv("NETRC", str(file))
    keeping.keep(BODY, KEPT, in_time())
    assert len(list(keeping.all())) == 1


def test_what_is_put_off_has_one_more_attempt_and_the_moment_of_the_next(keeping: Keeping) -> None:
    keeping.keep(BODY, KEPT, in_time())
    (kept,) = keeping.all()
    later = keeping.put_off(kept, NOW + timedelta(minutes=1))
    (found,) = keeping.all()
    assert found == later
    assert (found.attempts, found.retry_at) == (1, NOW + timedelta(minutes=1))
    assert keeping.put_off(later, NOW).attempts == 2


def test_of_two_that_take_a_body_in_hand_one_gets_it(keeping: Keeping) -> None:
    keeping.keep(BODY, KEPT, in_time())
    (kept,) = keeping.all()
    keeping.put_off(kept, NOW)
    with pytest.raises(Conflict):
        keeping.put_off(kept, NOW)


def test_what_is_done_with_is_gone_for_everybody(keeping: Keeping) -> None:
    keeping.keep(BODY, KEPT, in_time())
    (kept,) = keeping.all()
    keeping.discard(kept)
    keeping.discard(kept)
    assert list(keeping.all()) == []
    for call in (lambda: keeping.put_off(kept, NOW), lambda: keeping.body(kept)):
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
    keeping: Keeping, container: ContainerClient, metadata: dict[str, str]
) -> None:
    keeping.keep(BODY, KEPT, in_time())
    container.upload_blob("a/strangers.json", b"{}", metadata=metadata)
    assert [kept.kind for kept in keeping.all()] == ["unavailable"]


def _list(keeping: Keeping, _kept: Kept) -> object:
    return list(keeping.all())


_CALLS: dict[str, Callable[[Keeping, Kept], object]] = {
    "list": _list,
    "body": lambda keeping, kept: keeping.body(kept),
    "put off": lambda keeping, kept: keeping.put_off(kept, NOW),
    "discard": lambda keeping, kept: keeping.discard(kept),
    "keep": lambda keeping, kept: keeping.keep(BODY, kept, in_time()),
}


@pytest.mark.parametrize("call", _CALLS)
def test_storage_that_is_down_is_unavailable_within_seconds_and_nothing_is_lost(
    keeping: Keeping, relay: Relay, call: str
) -> None:
    keeping.keep(BODY, KEPT, in_time())
    (kept,) = keeping.all()
    relay.mood = Mood.DOWN
    # The client's own retries would take a minute.
    with pytest.raises(Unavailable), within(2 * BUSY_MACHINE_SECONDS):
        _CALLS[call](keeping, kept)
    relay.mood = Mood.FORWARDING
    assert [replace(each, etag="") for each in keeping.all()] == [replace(kept, etag="")]


def test_storage_that_hangs_is_given_up_by_the_deadline(keeping: Keeping, relay: Relay) -> None:
    relay.mood = Mood.SILENT
    with pytest.raises(Unavailable), within(BUSY_MACHINE_SECONDS):
        keeping.keep(BODY, KEPT, in_time())
