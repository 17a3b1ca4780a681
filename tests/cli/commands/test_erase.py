"""``python -m cli erase``: what is found of a person in clear text, what is deleted, and what is said of the rest."""

import base64
import json
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from azure.storage.blob import BlobServiceClient

from cli.setup_documents import ErasureDocument
from sandbox.teams.ids import member
from shared.events.claim_check import DATA_CONTAINER
from shared.gaps.snapshot import SnapshotEntry
from shared.receiving.post_store import PARKED, QUARANTINE, PostStore, StoredPost
from tests.cli.operator import Operator, matches
from tests.fakes.time_limits import in_time
from tests.sender import TENANT, basic_item, body

pytestmark = pytest.mark.slow

USER, OTHER = str(uuid4()), str(uuid4())
MEMBERS = f"teams/{uuid4()}/members"


def _member_of(user_id: str) -> str:
    return f"{MEMBERS}/{member('0', '1', TENANT, OTHER, user_id)}"


def _store(store: PostStore, user_id: str) -> None:
    resource = f"chats('19:{OTHER}_{user_id}@unq.gbl.spaces')/messages('1')"
    item = basic_item(resource=resource) | {"encryptedContent": {"data": base64.b64encode(b"x" * 90).decode()}}
    now = datetime.now(UTC)
    post = StoredPost(name=f"{uuid4().hex}.json", reason="unavailable", tenant_id=TENANT, received_at=now, fetch=None)
    store.store([(post, body(item))], in_time())


@pytest.fixture
def person(operator: Operator, blobs: BlobServiceClient) -> Operator:
    """An app that has data of two people in each of the four places."""
    clients = operator.world.app.clients
    container = blobs.get_container_client(DATA_CONTAINER)
    if not container.exists():
        container.create_container()
    for user_id in (USER, OTHER):
        container.upload_blob(
            f"2026/11/28/{user_id}.json", json.dumps({"from": {"user": {"id": user_id}}}), overwrite=True
        )
        clients.snapshot_table().record(SnapshotEntry(tenant_id=TENANT, subject=_member_of(user_id)))
    for name in (PARKED, QUARANTINE):
        _store(clients.post_store(name), USER)
        _store(clients.post_store(name), str(uuid4()))
    return operator


def _counts(operator: Operator, *arguments: str) -> list[int]:
    ran = operator.run("erase", USER, "--json", *arguments)
    assert (ran.exit_code, ran.stderr) == (0, "")
    return [place["found"] for place in matches(ErasureDocument, ran.stdout)["places"].values()]


def test_dry_run_shows_what_is_there_and_deletes_nothing(person: Operator) -> None:
    ran = person.run("erase", USER, "--dry-run")
    assert (ran.exit_code, ran.stderr) == (0, "")
    lines = ran.stdout.splitlines()
    places = (DATA_CONTAINER, "known", PARKED, QUARANTINE)
    assert [line.split(" of ")[0] for line in lines[:4]] == [f"{name}: 1" for name in places]
    assert "stored POSTs have encrypted content, which may be of the person" in ran.stdout
    assert "who is still a member comes back" in ran.stdout
    assert lines[-1] == "! not looked at: events in the queue or hub, and what consumers have made of them"
    assert _counts(person, "--dry-run") == [1, 1, 1, 1]
    _counts(person, "--yes")


def test_yes_deletes_the_person_and_nobody_else(person: Operator, blobs: BlobServiceClient) -> None:
    clients = person.world.app.clients
    before = {name: len(list(clients.post_store(name).list())) for name in (PARKED, QUARANTINE)}
    assert _counts(person, "--yes") == [1, 1, 1, 1]
    assert _counts(person, "--dry-run") == [0, 0, 0, 0]
    after = {name: len(list(clients.post_store(name).list())) for name in (PARKED, QUARANTINE)}
    assert after == {name: count - 1 for name, count in before.items()}
    assert blobs.get_blob_client(DATA_CONTAINER, f"2026/11/28/{OTHER}.json").exists()
    left = clients.snapshot_table().list(TENANT, MEMBERS)
    assert [entry.subject for entry in left.values()] == [_member_of(OTHER)]


@pytest.mark.parametrize(("answer", "deleted"), [("n", False), ("y", True)])
def test_question_decides(person: Operator, answer: str, deleted: bool) -> None:  # noqa: FBT001  a column of the table
    ran = person.run("erase", USER, answers=f"{answer}\n")
    assert (ran.exit_code, "4 deleted" in ran.stdout) == (0 if deleted else 1, deleted)
    assert _counts(person, "--dry-run") == ([0] * 4 if deleted else [1] * 4)
    _counts(person, "--yes")


def test_json_without_yes_asks_nobody_and_exits_2(operator: Operator) -> None:
    ran = operator.run("erase", USER, "--json")
    assert (ran.exit_code, ran.stdout) == (2, "")


def test_name_is_no_id_and_exits_2(operator: Operator) -> None:
    assert operator.run("erase", "adele@contoso.com", "--dry-run").exit_code == 2


def test_person_of_whom_nothing_is_there_needs_no_answer(operator: Operator) -> None:
    ran = operator.run("erase", str(uuid4()))
    assert (ran.exit_code, "deleted" in ran.stdout) == (0, False)
