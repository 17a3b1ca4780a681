"""``python -m cli subscriptions`` beside a running app in the sandbox."""

import json
from pathlib import Path

import pytest

from cli.json_documents import CheckDocument, ListDocument, PreviewDocument, SubscriptionDocument
from sandbox.serving import Fault
from tests.cli.operator import CHATS, EVERYTHING, TEAMS, Operator, matches

pytestmark = pytest.mark.slow

REFUSED = Fault(path="/subscriptions", method="PATCH", status=403)


def _listed(operator: Operator) -> list[SubscriptionDocument]:
    return matches(ListDocument, operator.run("subscriptions", "list", "--json").stdout)["subscriptions"]


def _checked(operator: Operator, file: Path) -> PreviewDocument:
    ran = operator.run("subscriptions", "check", "--json", "--subscriptions", str(file))
    [account] = matches(CheckDocument, ran.stdout)["accounts"]
    return account


def test_list_of_active_subscriptions_exits_0(operator: Operator) -> None:
    operator.watch(CHATS, TEAMS)
    ran = operator.run("subscriptions", "list")
    assert (ran.exit_code, ran.stderr) == (0, "")
    heading, columns, *rows = ran.stdout.splitlines()
    assert heading.startswith(f"Tenant {operator.world.tenant_id}: 2 subscriptions, last checked ")
    assert columns.split()[:2] == ["resource", "changes"]
    assert [row.split()[0] for row in rows] == ["/chats/getAllMessages", "/teams"]
    assert all("active" in row for row in rows)


def test_list_document_agrees_with_graph(operator: Operator) -> None:
    operator.watch(CHATS)
    [row] = _listed(operator)
    [subscription] = operator.world.subscriptions()
    assert row["subscriptionId"] == subscription.id
    assert (row["state"], row["addedBy"], row["includeResourceData"]) == ("active", "file", True)
    assert row["encryptionCertificateId"] == subscription.certificate_id
    assert row["expirationDateTime"] == f"{subscription.expires_at:%Y-%m-%dT%H:%M:%SZ}"


def test_list_is_empty_before_the_first_run(operator: Operator) -> None:
    ran = operator.run("subscriptions", "list")
    assert ran.exit_code == 0
    assert ran.stdout == f"Tenant {operator.world.tenant_id}: 0 subscriptions, never checked\n"


def test_list_with_a_failing_subscription_exits_1(operator: Operator) -> None:
    operator.world.grant(operator.world.tenant_id, roles=("Chat.Read.All",))
    operator.watch(CHATS, TEAMS)
    ran = operator.run("subscriptions", "list")
    assert ran.exit_code == 1
    assert "! /teams (created,deleted,updated): failed once, last " in ran.stdout
    assert "403" in ran.stdout
    assert {row["resource"]: row["state"] for row in _listed(operator)} == {
        "/chats/getAllMessages": "active",
        "/teams": "failing",
    }


def test_added_subscription_is_created_by_the_next_run(operator: Operator) -> None:
    operator.watch(TEAMS)
    ran = operator.run("subscriptions", "add", "/chats", "--change-type", "created, updated", "--include-resource-data")
    assert ran.exit_code == 0
    assert "/chats (created,updated) is added: the next run of RenewSubscriptions creates it." in ran.stdout
    assert [row["state"] for row in _listed(operator) if row["addedBy"] == "cli"] == ["pending"]
    assert operator.world.run()["created"] == 1
    assert operator.world.row("/chats").applied is not None
    assert operator.world.run() == {}


def test_removed_subscription_is_deleted_by_the_next_run(operator: Operator) -> None:
    operator.run("subscriptions", "add", "/chats", "--change-type", "created")
    operator.world.run()
    assert operator.run("subscriptions", "remove", "chats").exit_code == 0
    assert [row["state"] for row in _listed(operator)] == ["not wanted"]
    assert operator.world.run() == {"deleted": 1}
    assert operator.world.subscriptions() == []
    assert operator.run("subscriptions", "remove", "chats").exit_code == 1


def test_subscription_added_again_before_its_deletion_stays(operator: Operator) -> None:
    add = ("subscriptions", "add", "/chats", "--change-type", "created")
    operator.run(*add)
    operator.world.run()
    operator.run("subscriptions", "remove", "/chats")
    assert operator.run(*add).exit_code == 0
    assert operator.world.run() == {}
    assert len(operator.world.subscriptions()) == 1


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("/chat", "--change-type", "created"), "did you mean /chats?"),
        (("/chats", "--change-type", "created", "--fetch", "--include-resource-data"), '"fetch" excludes'),
        (("/chats", "--change-type", "created", "--tenant", "contoso.com"), "is not one of TENANT_IDS"),
    ],
)
def test_entry_that_graph_would_refuse_exits_2(operator: Operator, arguments: tuple[str, ...], reason: str) -> None:
    ran = operator.run("subscriptions", "add", *arguments)
    assert ran.exit_code == 2
    assert reason in " ".join(ran.stderr.replace("│", " ").split())
    assert operator.world.rows() == ()


def test_adding_a_delegated_entry_without_a_vault_exits_3(operator: Operator) -> None:
    del operator.world.app.environ["KEY_VAULT_URL"], operator.world.app.environ["ENCRYPTION_CERTIFICATE_NAME"]
    ran = operator.run("subscriptions", "add", "/chats/19:a@thread.v2", "--change-type", "updated", "--delegated")
    assert (ran.exit_code, ran.stderr.count("KEY_VAULT_URL")) == (3, 1)
    assert _listed(operator) == []


def test_entry_of_subscriptions_json_cannot_be_changed_by_commands(operator: Operator) -> None:
    operator.watch(TEAMS)
    before = operator.world.rows()
    same = operator.run("subscriptions", "add", "/teams", "--change-type", EVERYTHING)
    other = operator.run("subscriptions", "add", "/teams", "--change-type", EVERYTHING, "--include-resource-data")
    removed = operator.run("subscriptions", "remove", "/teams")
    assert [ran.exit_code for ran in (same, other, removed)] == [0, 2, 2]
    assert "is already in subscriptions.json" in same.stdout
    assert "remove it there" in " ".join(removed.stderr.replace("│", " ").split())
    assert operator.world.rows() == before


def test_renew_includes_added_subscriptions_and_deletes_none(operator: Operator) -> None:
    operator.watch(CHATS, TEAMS)
    operator.run("subscriptions", "add", "/chats", "--change-type", "created")
    ran = operator.run("subscriptions", "renew")
    assert (ran.exit_code, ran.stderr) == (0, "")
    assert set(ran.stdout.strip().split(", ")) == {"created 1", "renewed 2"}
    assert len(operator.world.subscriptions()) == 3


def test_failed_renewal_exits_1_and_is_retried_without_a_backoff(operator: Operator) -> None:
    operator.watch(CHATS, TEAMS)
    graph = operator.world.graph_service
    with operator.world.fault(graph, REFUSED):
        ran = operator.run("subscriptions", "renew")
        assert (ran.exit_code, ran.stdout) == (1, "failed 2\n")
        # A laptop's failure says nothing of the app.
        assert operator.run("subscriptions", "list").exit_code == 0
    assert operator.run("subscriptions", "renew").stdout == "renewed 2\n"
    assert operator.run("subscriptions", "list").exit_code == 0


def test_check_of_a_settled_app_exits_0_and_changes_nothing(operator: Operator) -> None:
    file = operator.watch(CHATS, TEAMS)
    writes, before = operator.world.writes(), operator.world.rows()
    ran = operator.run("subscriptions", "check", "--subscriptions", str(file))
    assert ran.exit_code == 0
    assert f"Tenant {operator.world.tenant_id} (app): 2 subscriptions, settled" in ran.stdout
    assert "(CLIENT_STATE_KEY) by 2" in ran.stdout
    assert "certificate versions in use: " in ran.stdout
    assert (operator.world.writes(), operator.world.rows()) == (writes, before)


def test_check_shows_actions_of_the_next_run_without_changing_any(operator: Operator) -> None:
    file = operator.watch(CHATS, TEAMS)
    [gone] = [each for each in operator.world.subscriptions() if each.resource == "/teams"]
    operator.world.do(lambda: operator.world.graph.remove_subscription(gone.id))
    file.write_text(json.dumps({"subscriptions": [TEAMS, {"resource": "/chats", "changeType": "created"}]}))
    writes, before = operator.world.writes(), operator.world.rows()
    shown = operator.run("subscriptions", "check", "--subscriptions", str(file))
    assert "not in Graph's list, which may be out of date" in shown.stdout + shown.stderr
    account = _checked(operator, file)
    assert {(step["action"], step["resource"]) for step in account["actions"]} == {
        ("create", "/chats"),
        ("delete", "/chats/getAllMessages"),
    }
    assert operator.ran[-1].exit_code == 1
    assert (operator.world.writes(), operator.world.rows()) == (writes, before)


def test_check_shows_untracked_subscriptions(operator: Operator) -> None:
    file = operator.watch(CHATS, TEAMS)
    notification_url = operator.world.app.environ["NOTIFICATION_URL"]
    rows = operator.world.rows()
    operator.world.app.lose_table()
    operator.world.app.environ["NOTIFICATION_URL"] = notification_url + "2"
    account = _checked(operator, file)
    lost = {row.applied.subscription_id for row in rows if row.applied}
    assert {each["subscriptionId"] for each in account["untracked"]} == lost
    assert {each["notificationUrl"] for each in account["untracked"]} == {notification_url}


@pytest.mark.parametrize(
    ("path", "problem"),
    [("/subscriptions", "Graph answered 503"), ("/secrets", "Key Vault")],
    ids=["Graph", "Key Vault"],
)
def test_check_during_an_outage_exits_1_with_the_problem(operator: Operator, path: str, problem: str) -> None:
    file = operator.watch(CHATS)
    for service in (operator.world.graph_service, operator.world.vault_service):
        service.faults.add(Fault(path=path, status=503))
    account = _checked(operator, file)
    assert problem in (account["error"] or "")
    assert operator.ran[-1].exit_code == 1


def test_previous_key_is_in_use_until_all_are_recreated(operator: Operator) -> None:
    file = operator.watch(CHATS)
    environ = operator.world.app.environ
    environ |= {"CLIENT_STATE_KEY": "k" * 40, "CLIENT_STATE_KEY_PREVIOUS": environ["CLIENT_STATE_KEY"]}
    check = ("subscriptions", "check", "--subscriptions", str(file))
    before = operator.run(*check)
    operator.world.run()
    after = operator.run(*check)
    assert "(CLIENT_STATE_KEY_PREVIOUS) by 1" in before.stdout
    assert "recreate" in before.stdout
    assert "CLIENT_STATE_KEY_PREVIOUS can go" not in before.stdout
    assert "CLIENT_STATE_KEY_PREVIOUS can go" in after.stdout
    assert (before.exit_code, after.exit_code) == (1, 0)
