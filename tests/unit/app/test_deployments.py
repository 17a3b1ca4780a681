"""What a deployment says of itself: its id, its facts, and how its systems are asked."""

import json
import tomllib
from pathlib import Path

import pytest

from shared.app.clients import Clients
from shared.app.deployments import VERSION, asked_once, deployment_facts, deployment_id
from shared.errors import Unavailable
from shared.settings import Settings
from tests.fakes.settings_environment import LEAST
from tests.sender import CLIENT_ID, STATE_KEY, TENANT

SITE = {"WEBSITE_SITE_NAME": "teams", "WEBSITE_SLOT_NAME": "Production"}


def _id(**changes: str) -> str:
    return deployment_id(Clients.from_environ(LEAST | changes))


def test_version_is_that_of_the_project() -> None:
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["version"] == VERSION


def test_deployment_id_tells_url_site_and_slot_apart() -> None:
    ids = {
        _id(),
        _id(NOTIFICATION_URL="https://other.example/api/ReceiveNotification"),
        _id(**SITE),
        _id(**SITE | {"WEBSITE_SITE_NAME": "other"}),
        _id(**SITE | {"WEBSITE_SLOT_NAME": "staging"}),
    }
    assert len(ids) == 5
    assert _id(**SITE) == _id(**SITE, TENANT_IDS=f"{TENANT},84bd8158-6d4d-4958-8b9f-9d6445542f95")


def test_facts_have_the_ids_of_keys_and_no_key(tmp_path: Path) -> None:
    facts = deployment_facts(Settings.from_environ(LEAST), tmp_path / "none.json")
    assert (facts.client_id, facts.tenant_ids, facts.key_ids) == (CLIENT_ID, (TENANT,), (STATE_KEY.key_id,))
    assert facts.file_hash == "unreadable"
    assert STATE_KEY.secret.decode() not in repr(facts)


def test_hash_of_a_file_is_of_what_it_says(tmp_path: Path) -> None:
    document = {"subscriptions": [{"resource": "/teams", "changeType": "created"}]}
    texts = [
        json.dumps(document),
        f"// a comment\r\n{json.dumps(document, indent=2)}",
        json.dumps({"subscriptions": []}),
    ]
    hashes = []
    for number, text in enumerate(texts):
        file = tmp_path / f"{number}.json"
        file.write_text(text)
        hashes.append(deployment_facts(Settings.from_environ(LEAST), file).file_hash)
    assert hashes[0] == hashes[1] != hashes[2]


def test_system_that_does_not_answer_is_asked_once() -> None:
    calls = []

    def ask() -> str:
        calls.append(1)
        raise Unavailable("Key Vault does not answer")

    answer = asked_once(ask)
    for _ in range(2):
        with pytest.raises(Unavailable):
            answer()
    assert len(calls) == 1
