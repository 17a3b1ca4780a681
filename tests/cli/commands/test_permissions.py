"""``python -m cli permissions`` beside a running app, with tokens of the sandbox's Entra ID."""

import json
from pathlib import Path

import pytest

from cli.json_documents import PermissionsDocument
from sandbox.serving import Fault
from tests.cli.operator import CHATS, TEAMS, Operator, matches

pytestmark = pytest.mark.slow

STANDUP = {"resource": "/chats/19:a@thread.v2/messages", "changeType": "created"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "wanted.json"
    file.write_text(json.dumps({"subscriptions": [CHATS, TEAMS, STANDUP]}))
    return file


def test_what_is_granted_is_told_with_status_0(operator: Operator, file: Path) -> None:
    ran = operator.run("permissions", "--subscriptions", str(file))
    assert (ran.exit_code, ran.stderr) == (0, "")
    heading, columns, *rows = ran.stdout.splitlines()
    assert heading == f"Tenant {operator.world.tenant_id}: application permissions"
    assert columns.split("  ")[0] == "path"
    assert rows[0].split() == ["/chats/getAllMessages", "granted", "Chat.Read.All"]
    assert len(rows) == 3


def test_what_lacks_is_told_with_status_1_and_consent_in_a_chat_is_not_denied(operator: Operator, file: Path) -> None:
    operator.world.grant(operator.world.tenant_id, roles=("User.Read.All",))
    ran = operator.run("permissions", "--subscriptions", str(file))
    assert ran.exit_code == 1
    assert "! grant the application permissions, with admin consent: Chat.Read.All, Team.ReadBasic.All\n" in ran.stdout
    [line] = [line for line in ran.stdout.splitlines() if line.startswith("/chats/{chat-id}/messages")]
    assert line.split() == ["/chats/{chat-id}/messages", "consent?", "Chat.Read.All", "ChatMessage.Read.Chat"]


def test_scripts_get_it_too_with_what_was_added_by_a_command(operator: Operator, file: Path) -> None:
    operator.run("subscriptions", "add", "/teams/getAllMembers", "--change-type", "created")
    ran = operator.run("permissions", "--json", "--subscriptions", str(file))
    document: PermissionsDocument = matches(PermissionsDocument, ran.stdout)
    [account] = document["accounts"]
    assert [need["state"] for need in account["needs"]] == ["granted"] * 4
    assert account["needs"][-1]["permissions"][0] == "TeamMember.Read.All"
    assert "Chat.Read.All" in account["granted"]


def test_a_signed_in_users_needs_are_apart(operator: Operator, file: Path) -> None:
    file.write_text(json.dumps({"subscriptions": [STANDUP | {"delegated": True}]}))
    ran = operator.run("permissions", "--subscriptions", str(file))
    assert ran.exit_code == 3
    assert f"Tenant {operator.world.tenant_id}: delegated permissions of the signed-in user" in ran.stdout
    assert "unknown" in ran.stdout
    assert "Chat.Read, Chat.ReadWrite" in ran.stdout
    assert "no user is signed in" in ran.stderr


def test_without_a_token_the_needs_are_told_all_the_same(operator: Operator, file: Path) -> None:
    with operator.world.fault(operator.world.login, Fault(path="openid-configuration", status=503)):
        ran = operator.run("permissions", "--subscriptions", str(file))
    assert ran.exit_code == 4
    assert "/teams" in ran.stdout
    assert "! no token: Entra ID does not answer" in ran.stdout
    assert ran.stderr.startswith("Entra ID does not answer")


def test_a_file_that_is_none_is_a_sentence_and_status_3(operator: Operator, tmp_path: Path) -> None:
    ran = operator.run("permissions", "--subscriptions", str(tmp_path / "none.json"))
    assert (ran.exit_code, ran.stdout) == (3, "")
    assert ran.stderr.startswith("none.json cannot be read")
