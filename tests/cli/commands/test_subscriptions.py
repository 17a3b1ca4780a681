"""``python -m cli subscriptions`` beside a running app: over the real clients, in the sandbox."""

import json

import pytest

from cli.json_documents import CheckDocument, ListDocument
from sandbox.serving import Fault
from tests.cli.operator import CHATS, EVERYTHING, TEAMS, Operator, matches

pytestmark = pytest.mark.slow

REFUSED = Fault(path="/subscriptions", method="PATCH", status=403)


def _listed(operator: Operator, *arguments: str) -> ListDocument:
    document: ListDocument = matches(ListDocument, operator.run("subscriptions", "list", "--json", *arguments).stdout)
    return document


def _checked(operator: Operator, *arguments: str) -> CheckDocument:
    ran = operator.run("subscriptions", "check", "--json", *arguments)
    document: CheckDocument = matches(CheckDocument, ran.stdout)
    return document


def test_what_lives_is_listed_with_status_0(operator: Operator) -> None:
    operator.watch(CHATS, TEAMS)
    ran = operator.run("subscriptions", "list")
    assert (ran.exit_code, ran.stderr) == (0, "")
    heading, columns, *rows = ran.stdout.splitlines()
    assert heading.startswith(f"Tenant {operator.world.tenant_id}: 2 subscriptions, last checked ")
    assert columns.split()[:2] == ["resource", "changes"]
    assert [row.split()[0] for row in rows] == ["/chats/getAllMessages", "/teams"]
    assert all("active" in row for row in rows)


def test_scripts_get_each_subscription_as_graph_knows_it(operator: Operator) -> None:
    operator.watch(CHATS)
    [row] = _listed(operator)["subscriptions"]
    [subscription] = operator.world.subscriptions()
    assert row["subscriptionId"] == subscription.id
    assert (row["state"], row["addedBy"], row["includeResourceData"]) == ("active", "file", True)
    assert row["encryptionCertificateId"] == subscription.certificate_id
    assert row["expirationDateTime"] == f"{subscription.expires_at:%Y-%m-%dT%H:%M:%SZ}"


def test_before_the_first_run_there_is_nothing(operator: Operator) -> None:
    ran = operator.run("subscriptions", "list")
    assert (ran.exit_code, ran.stdout) == (
        0,
        f"Tenant {operator.world.tenant_id}: 0 subscriptions, never checked\n",
    )


def test_a_failure_is_told_in_graphs_words_with_status_1(operator: Operator) -> None:
    operator.world.grant(operator.world.tenant_id, roles=("Chat.Read.All",))
    operator.watch(CHATS, TEAMS)
    ran = operator.run("subscriptions", "list")
    assert ran.exit_code == 1
    assert "! /teams (created,deleted,updated): failed once, last " in ran.stdout
    assert "403" in ran.stdout
    assert {row["resource"]: row["state"] for row in _listed(operator)["subscriptions"]} == {
        "/chats/getAllMessages": "active",
        "/teams": "failing",
    }


def test_what_is_added_is_created_by_the_next_run(operator: Operator) -> None:
    operator.watch(TEAMS)
    ran = operator.run("subscriptions", "add", "/chats", "--change-type", "created, updated", "--include-resource-data")
    assert ran.exit_code == 0
    assert "/chats (created,updated) is added: the next run of RenewSubscriptions creates it." in ran.stdout
    assert [row["state"] for row in _listed(operator)["subscriptions"] if row["addedBy"] == "cli"] == ["pending"]
    assert operator.world.run()["created"] == 1
    assert operator.world.row("/chats").applied is not None
    assert operator.world.run() == {}


def test_what_is_removed_is_deleted_by_the_next_run(operator: Operator) -> None:
    operator.run("subscriptions", "add", "/chats", "--change-type", "created")
    operator.world.run()
    assert operator.run("subscriptions", "remove", "chats").exit_code == 0
    assert [row["state"] for row in _listed(operator)["subscriptions"]] == ["not wanted"]
    assert operator.world.run() == {"deleted": 1}
    assert operator.world.subscriptions() == []
    assert operator.run("subscriptions", "remove", "chats").exit_code == 1


def test_what_was_removed_can_be_added_again_before_it_is_deleted(operator: Operator) -> None:
    add = ("subscriptions", "add", "/chats", "--change-type", "created")
    operator.run(*add)
    operator.world.run()
    operator.run("subscriptions", "remove", "/chats")
    assert operator.run(*add).exit_code == 0
    assert operator.world.run() == {}
    assert len(operator.world.subscriptions()) == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("/chat", "--change-type", "created"), "did you mean /chats?"),
        (("/chats", "--change-type", "deleted"), "reports only created and updated"),
        (("/chats", "--change-type", "createt"), "must list created, updated or deleted"),
        (("/chats", "--change-type", "created", "--fetch", "--include-resource-data"), '"fetch" excludes'),
        (("/chats", "--change-type", "created", "--tenant", "contoso.com"), "is not one of TENANT_IDS"),
    ],
)
def test_what_graph_would_refuse_is_not_added(operator: Operator, arguments: tuple[str, ...], told: str) -> None:
    ran = operator.run("subscriptions", "add", *arguments)
    assert ran.exit_code == 2
    assert told in " ".join(ran.stderr.replace("│", " ").split())
    assert operator.world.rows() == ()


def test_a_user_needs_a_vault_for_the_login(operator: Operator) -> None:
    del operator.world.app.environ["KEY_VAULT_URL"], operator.world.app.environ["ENCRYPTION_CERTIFICATE_NAME"]
    ran = operator.run("subscriptions", "add", "/chats/19:a@thread.v2", "--change-type", "updated", "--delegated")
    assert (ran.exit_code, ran.stderr.count("KEY_VAULT_URL")) == (3, 1)
    assert _listed(operator)["subscriptions"] == []


def test_what_subscriptions_json_asks_for_is_left_to_it(operator: Operator) -> None:
    operator.watch(TEAMS)
    before = operator.world.rows()
    same = operator.run("subscriptions", "add", "/teams", "--change-type", EVERYTHING)
    other = operator.run("subscriptions", "add", "/teams", "--change-type", EVERYTHING, "--include-resource-data")
    removed = operator.run("subscriptions", "remove", "/teams")
    assert [ran.exit_code for ran in (same, other, removed)] == [0, 2, 2]
    assert "is already in subscriptions.json" in same.stdout
    assert "remove it there" in " ".join(removed.stderr.replace("│", " ").split())
    assert operator.world.rows() == before


def test_renewing_renews_all_at_once_and_keeps_what_the_app_watches(operator: Operator) -> None:
    operator.watch(CHATS, TEAMS)
    operator.run("subscriptions", "add", "/chats", "--change-type", "created")
    ran = operator.run("subscriptions", "renew")
    assert (ran.exit_code, ran.stderr) == (0, "")
    assert set(ran.stdout.strip().split(", ")) == {"created 1", "renewed 2"}
    assert len(operator.world.subscriptions()) == 3


def test_renewing_heeds_no_pause_and_tells_what_failed_with_status_1(operator: Operator) -> None:
    operator.watch(CHATS, TEAMS)
    graph = operator.world.graph_service
    with operator.world.fault(graph, REFUSED):
        ran = operator.run("subscriptions", "renew")
        assert (ran.exit_code, ran.stdout) == (1, "failed 2\n")
        assert operator.run("subscriptions", "list").exit_code == 1
    assert operator.run("subscriptions", "renew").stdout == "renewed 2\n"
    assert operator.run("subscriptions", "list").exit_code == 0


def test_an_outage_of_the_table_is_a_sentence_and_status_4(operator: Operator) -> None:
    settings = operator.world.app.environ["AzureWebJobsStorage"]
    nowhere = settings.replace("TableEndpoint=http://127.0.0.1", "TableEndpoint=http://127.0.0.1:9/nowhere#")
    operator.world.app.environ["AzureWebJobsStorage"] = nowhere
    for command in ("list", "renew"):
        ran = operator.run("subscriptions", command)
        assert (ran.exit_code, ran.stdout) == (4, "")
        assert ran.stderr.startswith("the table subscriptions does not answer as it should")


def test_a_settled_app_is_told_so_and_nothing_is_changed(operator: Operator) -> None:
    file = operator.watch(CHATS, TEAMS)
    writes, before = operator.world.writes(), operator.world.rows()
    ran = operator.run("subscriptions", "check", "--subscriptions", str(file))
    assert ran.exit_code == 0
    assert f"Tenant {operator.world.tenant_id} (app): 2 subscriptions, settled" in ran.stdout
    assert "(CLIENT_STATE_KEY) by 2" in ran.stdout
    assert "certificate versions in use: " in ran.stdout
    assert (operator.world.writes(), operator.world.rows()) == (writes, before)


def test_a_check_tells_what_the_next_run_would_do_and_changes_nothing(operator: Operator) -> None:
    file = operator.watch(CHATS, TEAMS)
    [gone] = [each for each in operator.world.subscriptions() if each.resource == "/teams"]
    operator.world.do(lambda: operator.world.graph.remove_subscription(gone.id))
    file.write_text(json.dumps({"subscriptions": [TEAMS, {"resource": "/chats", "changeType": "created"}]}))
    writes, before = operator.world.writes(), operator.world.rows()
    [account] = _checked(operator, "--subscriptions", str(file))["accounts"]
    assert {(step["action"], step["resource"]) for step in account["actions"]} == {
        ("create", "/teams"),
        ("create", "/chats"),
        ("delete", "/chats/getAllMessages"),
    }
    assert operator.ran[-1].exit_code == 1
    assert (operator.world.writes(), operator.world.rows()) == (writes, before)


def test_what_nobody_tracks_is_told_and_left_alone(operator: Operator) -> None:
    file = operator.watch(CHATS, TEAMS)
    notification_url = operator.world.app.environ["NOTIFICATION_URL"]
    rows = operator.world.rows()
    operator.world.app.lose_table()
    operator.world.app.environ["NOTIFICATION_URL"] = notification_url + "2"
    [account] = _checked(operator, "--subscriptions", str(file))["accounts"]
    known = {row.applied.subscription_id for row in rows if row.applied}
    assert {each["subscriptionId"] for each in account["untracked"]} == known
    assert {each["notificationUrl"] for each in account["untracked"]} == {notification_url}


@pytest.mark.parametrize(
    ("path", "told"), [("/subscriptions", "Graph answered 503"), ("/secrets", "Key Vault")], ids=["Graph", "Key Vault"]
)
def test_what_cannot_be_asked_is_told_with_status_1(operator: Operator, path: str, told: str) -> None:
    file = operator.watch(CHATS)
    for service in (operator.world.graph_service, operator.world.vault_service):
        service.faults.add(Fault(path=path, status=503))
    [account] = _checked(operator, "--subscriptions", str(file))["accounts"]
    assert told in (account["error"] or "")
    assert operator.ran[-1].exit_code == 1


def test_a_rotated_key_is_in_use_until_all_were_recreated(operator: Operator) -> None:
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
