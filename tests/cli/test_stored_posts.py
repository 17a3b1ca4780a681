"""What an operator sees and does of parked POSTs and of those in quarantine, without any of their secrets."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.storage.blob import BlobServiceClient, ContainerClient

from cli.json_documents import AttemptsDocument, StoredPostItemsDocument, StoredPostListDocument
from sandbox.azurite import Azurite
from shared.notifications.client_state import sign_client_state
from shared.receiving.post_store import PARKED, QUARANTINE, PostStore, StoredPost
from shared.settings import ClientStateKey
from tests.cli.operator import Operator, matches
from tests.fakes.time_limits import in_time
from tests.sender import basic_item, body

pytestmark = pytest.mark.slow


@pytest.fixture
def blobs(azurite: Azurite) -> Iterator[BlobServiceClient]:
    with BlobServiceClient.from_connection_string(azurite.connection_string) as blobs:
        containers = [blobs.get_container_client(name) for name in (PARKED, QUARANTINE)]
        # What tests of other files have left in the process's account would be listed too.
        for container in containers:
            _empty(container)
        yield blobs
        for container in containers:
            _empty(container)


def _empty(container: ContainerClient) -> None:
    if container.exists():
        for name in container.list_blob_names():
            container.delete_blob(name)


def _item(operator: Operator, **changes: Any) -> dict[str, Any]:
    """Return an item that this operator's app takes for authentic."""
    tenant_id = operator.world.tenant_id
    key = ClientStateKey.from_text(operator.world.app.environ["CLIENT_STATE_KEY"])
    state = sign_client_state(key, nonce=bytes(16), tenant_id=tenant_id)
    return basic_item(tenantId=tenant_id, clientState=state) | changes


def _store(blobs: BlobServiceClient, container: str, body: bytes, **changes: Any) -> str:
    values: dict[str, Any] = {"reason": "unavailable", "received_at": datetime.now(UTC), "fetch": None} | changes
    store = PostStore(blobs, container)
    before = {post.name for post in store.list()}
    store.store(body, StoredPost(**values), in_time())
    (name,) = {post.name for post in store.list()} - before
    return name


@pytest.mark.parametrize("container", [PARKED, QUARANTINE])
def test_what_is_kept_is_listed_oldest_first(operator: Operator, blobs: BlobServiceClient, container: str) -> None:
    now = datetime.now(UTC)
    names = [
        _store(blobs, container, body(), received_at=now - timedelta(minutes=minutes), reason=f"kind-{minutes}")
        for minutes in (1, 3, 2)
    ]
    listed = operator.run(container, "list")
    assert (listed.exit_code, listed.stderr) == (0, "")
    lines = listed.stdout.splitlines()
    assert [line.split()[:2] for line in lines[1:]] == [
        [names[1], "kind-3"],
        [names[2], "kind-2"],
        [names[0], "kind-1"],
    ]
    found = matches(StoredPostListDocument, operator.run(container, "list", "--json").stdout)
    assert [post["name"] for post in found["posts"]] == [names[1], names[2], names[0]]


@pytest.mark.parametrize("container", [PARKED, QUARANTINE])
def test_where_nothing_is_kept_nothing_is_listed_and_nothing_retried(
    operator: Operator, blobs: BlobServiceClient, container: str
) -> None:
    assert list(PostStore(blobs, container).list()) == []
    assert operator.run(container, "list").output == ""
    ran = operator.run(container, "retry")
    assert (ran.exit_code, ran.output) == (0, "nothing is stored\n")


def test_what_is_parked_is_published_at_once_whenever_its_turn_would_come(
    operator: Operator, blobs: BlobServiceClient
) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    names = [
        _store(blobs, PARKED, body(_item(operator, resource=f"teams('{number}')")), retry_at=later) for number in (1, 2)
    ]
    one = operator.run("parked", "retry", names[1], "--json")
    assert one.exit_code == 0
    assert matches(AttemptsDocument, one.stdout) == {"attempts": {names[1]: "published"}}
    assert [post.name for post in PostStore(blobs, PARKED).list()] == names[:1]
    assert operator.run("parked", "retry").stdout == "1 published\n"
    assert list(PostStore(blobs, PARKED).list()) == []


def test_what_cannot_be_published_stays_and_the_status_tells(operator: Operator, blobs: BlobServiceClient) -> None:
    name = _store(blobs, PARKED, body(basic_item(clientState="of nobody")))
    ran = operator.run("parked", "retry")
    assert (ran.exit_code, ran.stdout) == (1, "1 refused\n")
    assert [post.name for post in PostStore(blobs, PARKED).list()] == [name]


def test_a_name_that_nothing_has_is_a_sentence_and_status_3(operator: Operator) -> None:
    for command in (["parked", "retry", "x"], ["quarantine", "retry", "x"], ["quarantine", "show", "x"]):
        ran = operator.run(*command)
        assert (ran.exit_code, ran.stdout) == (3, "")
        assert ran.stderr == "no stored POST is named x: the names are in the list\n"


@pytest.mark.parametrize("spelling", ["clientState", "ClientState"])
def test_a_post_is_shown_as_it_was_received_without_what_authenticates_it(
    operator: Operator, blobs: BlobServiceClient, spelling: str
) -> None:
    item = _item(operator, encryptedContent={"data": "c2VhbGVk"}, note="\x1b[31mGrüße")
    item[spelling] = item.pop("clientState")
    post = body(item, tokens=["eyJhbGciOiJub25lIn0.e30."])
    name = _store(blobs, QUARANTINE, post, reason="undecryptable", fetch="beta")
    told = operator.run("quarantine", "show", name)
    assert told.exit_code == 0
    assert "undecryptable" in told.stdout
    assert "1 items, 1 validation tokens" in told.stdout
    assert "c2VhbGVk" in told.stdout
    assert "\x1b" not in told.stdout
    shown = matches(StoredPostItemsDocument, operator.run("quarantine", "show", name, "--json").stdout)
    assert (shown["items"], shown["fetch"]) == ([{k: v for k, v in item.items() if k != spelling}], "beta")


@pytest.mark.parametrize("post", [b"[1, 2]", b'{"value": 7, "clientState": "v1.x"}', b'{"value": [null, 1]}'])
def test_whatever_lies_in_quarantine_is_shown_harmlessly(
    operator: Operator, blobs: BlobServiceClient, post: bytes
) -> None:
    ran = operator.run("quarantine", "show", _store(blobs, QUARANTINE, post), "--json")
    assert ran.exit_code == 0
    assert "v1.x" not in ran.stdout


def test_what_is_no_json_is_a_sentence(operator: Operator, blobs: BlobServiceClient) -> None:
    ran = operator.run("quarantine", "show", _store(blobs, QUARANTINE, b"\xff"))
    assert (ran.exit_code, ran.stderr) == (3, "not JSON in UTF-8\n")


def test_what_opens_leaves_the_quarantine_and_what_does_not_stays(operator: Operator, blobs: BlobServiceClient) -> None:
    _store(blobs, QUARANTINE, body(_item(operator)), reason="malformed")
    sealed = _item(operator, encryptedContent={"data": "c2VhbGVk"})
    stays = _store(blobs, QUARANTINE, body(sealed), reason="validation-token")
    ran = operator.run("quarantine", "retry", "--json")
    assert ran.exit_code == 1
    assert sorted(json.loads(ran.stdout)["attempts"].values()) == ["published", "refused"]
    assert [post.name for post in PostStore(blobs, QUARANTINE).list()] == [stays]


@pytest.mark.parametrize(
    ("arguments", "left"), [((), [29]), (("--older-than", "P29D"), []), (("--older-than", "P60D"), [40, 31, 29])]
)
def test_what_is_old_is_deleted(
    operator: Operator, blobs: BlobServiceClient, arguments: tuple[str, ...], left: list[int]
) -> None:
    now = datetime.now(UTC)
    for days in (40, 31, 29):
        _store(blobs, QUARANTINE, body(), received_at=now - timedelta(days=days))
    ran = operator.run("quarantine", "purge", *arguments)
    assert (ran.exit_code, ran.stdout) == (0, f"{3 - len(left)} deleted\n")
    assert [round((now - post.received_at).days) for post in PostStore(blobs, QUARANTINE).list()] == left


@pytest.mark.parametrize("text", ["30", "P1Y", "-P1D", "P999999999D", ""])
def test_an_age_that_is_none_deletes_nothing(operator: Operator, blobs: BlobServiceClient, text: str) -> None:
    _store(blobs, QUARANTINE, body(), received_at=datetime.now(UTC) - timedelta(days=400))
    ran = operator.run("quarantine", "purge", "--older-than", text)
    assert (ran.exit_code, ran.stdout) == (3, "")
    assert "--older-than is" in ran.stderr
    assert len(list(PostStore(blobs, QUARANTINE).list())) == 1


def test_an_outage_is_a_sentence_and_status_4(operator: Operator) -> None:
    settings = operator.world.app.environ["AzureWebJobsStorage"]
    operator.world.app.environ["AzureWebJobsStorage"] = settings.replace(
        "BlobEndpoint=http://127.0.0.1", "BlobEndpoint=http://127.0.0.1:9/nowhere#"
    )
    for command in (["parked", "list"], ["quarantine", "list"], ["quarantine", "purge"], ["parked", "retry"]):
        ran = operator.run(*command)
        assert (ran.exit_code, ran.stdout) == (4, "")
        assert ran.stderr.startswith("storage does not answer as it should")
