"""``python -m cli parked purge``: what is parked is deleted by tenant and reason, after a question."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from azure.storage.blob import BlobServiceClient

from shared.receiving.post_store import PARKED, PostStore, StoredPost
from tests.cli.operator import Operator, invoke
from tests.fakes.time_limits import in_time
from tests.sender import OTHER_TENANT, TENANT, body

pytestmark = pytest.mark.slow

KINDS = [(TENANT, "unavailable"), (TENANT, "misconfigured"), (OTHER_TENANT, "unavailable"), ("", "mixed")]
EVERY = [f"{tenant_id or 'several'} {reason}" for tenant_id, reason in KINDS]


@pytest.fixture
def parked(blobs: BlobServiceClient) -> Iterator[PostStore]:
    """Return the store with one POST of each of ``KINDS`` only: tests of other files use the same account."""
    store = PostStore(blobs, PARKED)
    _empty(store)
    began = datetime.now(UTC) - timedelta(hours=1)
    for number, (tenant_id, reason) in enumerate(KINDS):
        received_at = began + timedelta(minutes=number)
        name = f"{number}.json"
        post = StoredPost(name=name, reason=reason, tenant_id=tenant_id, received_at=received_at, fetch=None)
        store.store([(post, body())], in_time())
    yield store
    _empty(store)


def _empty(store: PostStore) -> None:
    store.delete(list(store.list()))


def _left(store: PostStore) -> list[str]:
    return [f"{post.tenant_id or 'several'} {post.reason}" for post in store.list()]


@pytest.mark.parametrize(
    ("arguments", "deleted"),
    [
        pytest.param(["--tenant", TENANT], [0, 1], id="of a tenant"),
        pytest.param(["--tenant", TENANT.upper()], [0, 1], id="of a tenant in capitals"),
        pytest.param(["--reason", "unavailable"], [0, 2], id="for a reason"),
        pytest.param(["--tenant", TENANT, "--reason", "unavailable"], [0], id="of a tenant for a reason"),
        pytest.param(["--reason", "mixed"], [3], id="of several tenants"),
        pytest.param(["--reason", "unavailabel"], [], id="of none"),
    ],
)
def test_purge_deletes_what_is_parked_by_tenant_and_reason(
    operator: Operator, parked: PostStore, arguments: list[str], deleted: list[int]
) -> None:
    ran = operator.run("parked", "purge", *arguments, "--yes")
    assert (ran.exit_code, ran.output) == (0, f"{len(deleted)} deleted\n")
    assert _left(parked) == [kind for number, kind in enumerate(EVERY) if number not in deleted]


@pytest.mark.parametrize(
    ("answer", "status", "left"),
    [
        pytest.param("y\n", 0, EVERY[2:], id="yes"),
        pytest.param("n\n", 1, EVERY, id="no"),
        pytest.param("\n", 1, EVERY, id="no answer"),
        pytest.param("", 1, EVERY, id="no terminal"),
    ],
)
def test_purge_shows_the_count_and_asks_first(
    operator: Operator, parked: PostStore, answer: str, status: int, left: list[str]
) -> None:
    ran = operator.run("parked", "purge", "--tenant", TENANT, answers=answer)
    assert ran.stdout.startswith("2 will be deleted; nothing publishes their changes later. Go on? [y/N]: ")
    assert (ran.exit_code, _left(parked)) == (status, left)


def test_purge_of_nothing_does_not_ask(operator: Operator, parked: PostStore) -> None:
    ran = operator.run("parked", "purge", "--reason", "not-found-yet")
    assert (ran.exit_code, ran.output, _left(parked)) == (0, "0 deleted\n", EVERY)


def test_purge_without_tenant_and_reason_exits_2() -> None:
    ran = invoke("parked", "purge", "--yes")
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert "name a tenant, a reason, or both" in ran.stderr
