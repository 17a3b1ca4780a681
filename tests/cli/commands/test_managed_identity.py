"""Commands where the app signs in with a managed identity, of which a laptop gets no token."""

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from shared.app.answers import dependency_answers
from shared.app.deployments import deployment as this_deployment
from shared.subscriptions.deployment_status import DeploymentStatus
from tests.cli.operator import CHATS, Operator

pytestmark = pytest.mark.slow


@pytest.fixture
def keyless(laptop: Operator) -> Iterator[Operator]:
    """An app that signs in with a managed identity, in the row of its last run."""
    clients = laptop.world.app.clients
    answers = dependency_answers(clients, laptop.world.app.certificate, laptop.world.clock.now())
    this_deployment(clients).change(lambda row: replace(row, answers=answers))
    secret = laptop.world.app.environ.pop("CLIENT_SECRET")
    yield laptop
    laptop.world.app.environ["CLIENT_SECRET"] = secret


def test_renew_of_a_managed_identity_is_left_to_the_timer(keyless: Operator) -> None:
    writes = keyless.world.writes()
    dry = keyless.run("subscriptions", "renew", "--dry-run")
    assert (dry.exit_code, this_deployment(keyless.world.app.clients).begin_run().renews_all) == (0, False)
    ran = keyless.run("subscriptions", "renew")
    assert (ran.exit_code, ran.stderr) == (0, "")
    assert "the next run of RenewSubscriptions renews all" in ran.stdout
    assert keyless.world.writes() == writes
    assert this_deployment(keyless.world.app.clients).begin_run().renews_all


def test_permissions_of_a_managed_identity_are_those_of_its_last_run(keyless: Operator) -> None:
    file = keyless.folder / "subscriptions.json"
    ran = keyless.run("permissions", "--subscriptions", str(file))
    # That run's token lacks what catching up needs besides.
    assert (ran.exit_code, ran.stderr) == (1, "")
    heading, *_ = ran.stdout.splitlines()
    assert "! grant User.Read.All as well" in ran.stdout
    assert heading.startswith(f"Tenant {keyless.world.tenant_id}: application permissions, of the run at 20")


def test_check_of_a_managed_identity_says_of_which_run(keyless: Operator) -> None:
    file, requests = keyless.folder / "subscriptions.json", len(keyless.world.graph_service.requests)
    ran = keyless.run("subscriptions", "check", "--subscriptions", str(file))
    assert ran.exit_code == 0
    assert f"Tenant {keyless.world.tenant_id} (app): 2 subscriptions, settled, as of the run at 20" in ran.stdout
    file.write_text(json.dumps({"subscriptions": [CHATS, {"resource": "/chats", "changeType": "created"}]}))
    shown = json.loads(keyless.run("subscriptions", "check", "--json", "--subscriptions", str(file)).stdout)
    assert {action["action"] for action in shown["accounts"][0]["actions"]} == {"create", "delete"}
    assert shown["run"]["answers"]["Key Vault"] == "ok"
    assert len(keyless.world.graph_service.requests) == requests


def test_check_shows_what_did_not_answer_the_app(keyless: Operator) -> None:
    def refused(row: DeploymentStatus) -> DeploymentStatus:
        assert row.answers is not None
        return replace(row, answers=replace(row.answers, by_system={"tables": "ok", "blobs": "storage refuses it"}))

    this_deployment(keyless.world.app.clients).change(refused)
    ran = keyless.run("subscriptions", "check", "--subscriptions", str(keyless.folder / "subscriptions.json"))
    assert ran.exit_code == 1
    assert "! blobs: storage refuses it" in ran.stdout
