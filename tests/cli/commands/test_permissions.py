"""``python -m cli permissions`` beside a running app, with tokens from the sandbox's Entra ID."""

import json
from pathlib import Path

import pytest

from cli.json_documents import PermissionsDocument
from sandbox.serving import Fault
from tests.cli.operator import CHATS, TEAMS, Operator, matches
from tests.sandbox.graph_world import ROLES

pytestmark = pytest.mark.slow

STANDUP = {"resource": "/chats/19:a@thread.v2/messages", "changeType": "created"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "wanted.json"
    file.write_text(json.dumps({"subscriptions": [CHATS, TEAMS, STANDUP]}))
    return file


def test_granted_permissions_exit_0(operator: Operator, file: Path) -> None:
    operator.world.grant(operator.world.tenant_id, roles=(*ROLES, "User.Read.All"))
    ran = operator.run("permissions", "--subscriptions", str(file))
    assert (ran.exit_code, ran.stderr) == (0, "")
    heading, columns, *rows = ran.stdout.splitlines()
    assert heading == f"Tenant {operator.world.tenant_id}: application permissions"
    assert columns.split("  ")[0] == "path"
    assert rows[0].split() == ["/chats/getAllMessages", "granted", "Chat.Read.All"]
    assert rows[-1].split() == ["catching", "up", "granted", "User.Read.All"]
    assert len(rows) == 4


def test_lacking_permission_exits_1_unless_a_chat_may_consent(operator: Operator, file: Path) -> None:
    operator.world.grant(operator.world.tenant_id, roles=("User.Read.All",))
    ran = operator.run("permissions", "--subscriptions", str(file))
    assert ran.exit_code == 1
    assert "! grant the application permissions, with admin consent: Chat.Read.All, Team.ReadBasic.All\n" in ran.stdout
    [line] = [line for line in ran.stdout.splitlines() if line.startswith("/chats/{chat-id}/messages")]
    assert line.split() == ["/chats/{chat-id}/messages", "consent?", "Chat.Read.All", "ChatMessage.Read.Chat"]


def test_lack_of_what_catching_up_needs_exits_1_with_the_consent_page(operator: Operator, file: Path) -> None:
    world = operator.world
    world.grant(world.tenant_id, roles=("Chat.Read.All", "Team.ReadBasic.All"))
    ran = operator.run("permissions", "--subscriptions", str(file))
    assert ran.exit_code == 1
    assert "! grant User.Read.All as well: without, changes of an outage cannot be read back\n" in ran.stdout
    page = f"/{world.tenant_id}/adminconsent?client_id={world.app.environ['CLIENT_ID']}\n"
    assert ran.stdout.endswith(page)
    world.grant(world.tenant_id, roles=("Chat.Read.All", "Team.ReadBasic.All", "User.Read.All"))
    assert operator.run("permissions", "--subscriptions", str(file)).exit_code == 0


def test_json_document_includes_added_subscriptions(operator: Operator, file: Path) -> None:
    operator.run("subscriptions", "add", "/teams/getAllMembers", "--change-type", "created")
    ran = operator.run("permissions", "--json", "--subscriptions", str(file))
    [account] = matches(PermissionsDocument, ran.stdout)["accounts"]
    assert [need["state"] for need in account["needs"]] == ["granted"] * 4
    assert account["needs"][-1]["permissions"][0] == "TeamMember.Read.All"
    assert "Chat.Read.All" in account["granted"]


def test_user_who_is_not_signed_in_exits_3_with_the_needs(operator: Operator, file: Path) -> None:
    file.write_text(json.dumps({"subscriptions": [STANDUP | {"delegated": True}]}))
    ran = operator.run("permissions", "--subscriptions", str(file))
    assert ran.exit_code == 3
    assert f"Tenant {operator.world.tenant_id}: delegated permissions of the signed-in user" in ran.stdout
    assert "unknown" in ran.stdout
    assert "Chat.Read, Chat.ReadWrite" in ran.stdout
    assert "no user is signed in" in ran.stderr


def test_outage_of_entra_id_exits_4_with_the_needs(operator: Operator, file: Path) -> None:
    with operator.world.fault(operator.world.login, Fault(path="openid-configuration", status=503)):
        ran = operator.run("permissions", "--subscriptions", str(file))
    assert ran.exit_code == 4
    assert "/teams" in ran.stdout
    assert "! no token: Entra ID does not answer" in ran.stdout
    assert ran.stderr.startswith("Entra ID does not answer")


def test_missing_subscriptions_file_exits_3(operator: Operator, tmp_path: Path) -> None:
    ran = operator.run("permissions", "--subscriptions", str(tmp_path / "none.json"))
    assert (ran.exit_code, ran.stdout) == (3, "")
    assert ran.stderr.startswith("none.json cannot be read")
