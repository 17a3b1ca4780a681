"""``python -m cli parked`` and ``quarantine``: stored POSTs are shown without secrets, retried and deleted."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from azure.storage.blob import BlobServiceClient

from cli.json_documents import AttemptsDocument, StoredPostItemsDocument, StoredPostListDocument
from shared.notifications.client_state import sign_client_state
from shared.receiving.post_store import PARKED, QUARANTINE, PostStore, StoredPost
from shared.settings import ClientStateKey
from tests.cli.operator import Operator, matches
from tests.fakes.time_limits import in_time
from tests.sender import TENANT, basic_item, body

pytestmark = pytest.mark.slow

type Stores = Mapping[str, PostStore]


@pytest.fixture
def stored(blobs: BlobServiceClient) -> Iterator[Stores]:
    """Return the two stores, empty: tests of other files use the same account."""
    _empty(blobs)
    yield {name: PostStore(blobs, name) for name in (PARKED, QUARANTINE)}
    _empty(blobs)


def _empty(blobs: BlobServiceClient) -> None:
    for container in map(blobs.get_container_client, (PARKED, QUARANTINE)):
        if container.exists():
            for name in container.list_blob_names():
                container.delete_blob(name)


def _item(operator: Operator, **changes: Any) -> dict[str, Any]:
    """Return an item with a client state of the operator's app."""
    tenant_id = operator.world.tenant_id
    key = ClientStateKey.from_text(operator.world.app.environ["CLIENT_STATE_KEY"])
    state = sign_client_state(key, nonce=bytes(16), tenant_id=tenant_id)
    return basic_item(tenantId=tenant_id, clientState=state) | changes


def _store(store: PostStore, body: bytes, **changes: Any) -> str:
    moment = datetime.now(UTC)
    values: dict[str, Any] = {"reason": "unavailable", "tenant_id": TENANT, "received_at": moment, "fetch": None}
    post = StoredPost(**({"name": f"{moment:%Y/%m/%d/%H%M%S%f}-{uuid4().hex}.json"} | values | changes))
    store.store([(post, body)], in_time())
    return post.name


def _names(store: PostStore) -> list[str]:
    return [post.name for post in store.list()]


@pytest.mark.parametrize("container", [PARKED, QUARANTINE])
def test_stored_posts_are_listed_oldest_first(operator: Operator, stored: Stores, container: str) -> None:
    now = datetime.now(UTC)
    names = [
        _store(stored[container], body(), received_at=now - timedelta(minutes=minutes), reason=f"kind-{minutes}")
        for minutes in (1, 3, 2)
    ]
    listed = operator.run(container, "list")
    assert (listed.exit_code, listed.stderr) == (0, "")
    expected = [(names[1], "kind-3"), (names[2], "kind-2"), (names[0], "kind-1")]
    assert [tuple(line.split()[:2]) for line in listed.stdout.splitlines()[1:]] == expected
    found = matches(StoredPostListDocument, operator.run(container, "list", "--json").stdout)
    assert [(post["name"], post["kind"]) for post in found["posts"]] == expected


@pytest.mark.parametrize("container", [PARKED, QUARANTINE])
def test_empty_store_has_nothing_to_list_or_retry(operator: Operator, stored: Stores, container: str) -> None:
    assert _names(stored[container]) == []
    assert (
        operator.run(container, "list").output == f"Nothing is {'in ' if container == QUARANTINE else ''}{container}.\n"
    )
    ran = operator.run(container, "retry")
    assert (ran.exit_code, ran.output) == (0, "nothing is stored\n")


def test_parked_posts_are_retried_before_their_next_attempt(operator: Operator, stored: Stores) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    names = [
        _store(stored[PARKED], body(_item(operator, resource=f"teams('{number}')")), retry_at=later)
        for number in (1, 2)
    ]
    one = operator.run("parked", "retry", names[1], "--json")
    assert one.exit_code == 0
    assert matches(AttemptsDocument, one.stdout) == {"attempts": {names[1]: "published"}}
    assert _names(stored[PARKED]) == names[:1]
    assert operator.run("parked", "retry").stdout == "1 published\n"
    assert _names(stored[PARKED]) == []


def test_post_that_stays_parked_exits_1(operator: Operator, stored: Stores) -> None:
    name = _store(stored[PARKED], body(basic_item(clientState="unknown")))
    ran = operator.run("parked", "retry")
    assert (ran.exit_code, ran.stdout) == (1, "1 refused\n")
    assert _names(stored[PARKED]) == [name]


def test_unknown_name_exits_1(operator: Operator) -> None:
    for command in (["parked", "retry", "x"], ["quarantine", "retry", "x"], ["quarantine", "show", "x"]):
        ran = operator.run(*command)
        assert (ran.exit_code, ran.stdout) == (1, "")
        assert ran.stderr == "no stored POST is named x: the names are in the list\n"


@pytest.mark.parametrize("spelling", ["clientState", "ClientState"])
def test_post_is_shown_without_client_states_and_tokens(operator: Operator, stored: Stores, spelling: str) -> None:
    item = _item(operator, encryptedContent={"data": "c2VhbGVk"}, note="\x1b[31mGrüße")
    item[spelling] = item.pop("clientState")
    post = body(item, tokens=["eyJhbGciOiJub25lIn0.e30."])
    name = _store(stored[QUARANTINE], post, reason="undecryptable", fetch="beta")
    ran = operator.run("quarantine", "show", name)
    assert ran.exit_code == 0
    assert "undecryptable" in ran.stdout
    assert "1 items, 1 validation tokens" in ran.stdout
    assert "c2VhbGVk" in ran.stdout
    assert "\x1b" not in ran.stdout
    shown = matches(StoredPostItemsDocument, operator.run("quarantine", "show", name, "--json").stdout)
    assert (shown["items"], shown["fetch"]) == ([{k: v for k, v in item.items() if k != spelling}], "beta")


@pytest.mark.parametrize("post", [b"[1, 2]", b'{"value": 7, "clientState": "v1.x"}', b'{"value": [null, 1]}'])
def test_malformed_post_is_shown_without_client_states(operator: Operator, stored: Stores, post: bytes) -> None:
    ran = operator.run("quarantine", "show", _store(stored[QUARANTINE], post), "--json")
    assert ran.exit_code == 0
    assert "v1.x" not in ran.stdout


def test_post_that_is_no_json_exits_3(operator: Operator, stored: Stores) -> None:
    ran = operator.run("quarantine", "show", _store(stored[QUARANTINE], b"\xff"))
    assert (ran.exit_code, ran.stderr) == (3, "not JSON in UTF-8\n")


def test_retried_post_leaves_the_quarantine_only_if_published(operator: Operator, stored: Stores) -> None:
    _store(stored[QUARANTINE], body(_item(operator)), reason="malformed")
    sealed = _item(operator, encryptedContent={"data": "c2VhbGVk"})
    stays = _store(stored[QUARANTINE], body(sealed), reason="validation-token")
    ran = operator.run("quarantine", "retry", "--json")
    assert ran.exit_code == 1
    assert sorted(json.loads(ran.stdout)["attempts"].values()) == ["published", "refused"]
    assert _names(stored[QUARANTINE]) == [stays]


@pytest.mark.parametrize(
    ("arguments", "left"), [((), [29]), (("--older-than", "P29D"), []), (("--older-than", "P60D"), [40, 31, 29])]
)
def test_purge_deletes_posts_of_the_given_age(
    operator: Operator, stored: Stores, arguments: tuple[str, ...], left: list[int]
) -> None:
    now = datetime.now(UTC)
    for days in (40, 31, 29):
        _store(stored[QUARANTINE], body(), received_at=now - timedelta(days=days))
    ran = operator.run("quarantine", "purge", *arguments)
    assert (ran.exit_code, ran.stdout) == (0, f"{3 - len(left)} deleted\n")
    assert [round((now - post.received_at).days) for post in stored[QUARANTINE].list()] == left


@pytest.mark.parametrize("text", ["30", "P1Y", "-P1D", "P999999999D", ""])
def test_purge_with_an_invalid_age_deletes_nothing(operator: Operator, stored: Stores, text: str) -> None:
    _store(stored[QUARANTINE], body(), received_at=datetime.now(UTC) - timedelta(days=400))
    ran = operator.run("quarantine", "purge", "--older-than", text)
    assert (ran.exit_code, ran.stdout) == (3, "")
    assert "--older-than is" in ran.stderr
    assert len(list(stored[QUARANTINE].list())) == 1
