"""The CLI on a laptop with a bad login, a wrong file, another URL: reading warns, writing refuses."""

from dataclasses import replace

import pytest

from cli.deployments import differences
from sandbox.serving import Fault
from shared.app.deployments import deployment_facts
from shared.settings import Settings
from tests.cli.deployment_rows import owner_rows
from tests.cli.operator import Operator
from tests.fakes.settings_environment import LEAST
from tests.sender import OTHER_TENANT, PREVIOUS_STATE_KEY, PREVIOUS_STATE_KEY_TEXT, STATE_KEY, TENANT

pytestmark = pytest.mark.slow

OTHER_URL = "https://other.example/api/ReceiveNotification"
READING = ["subscriptions list", "gaps list", "parked list", "quarantine list", "events tail --once"]
WRITING = [
    "subscriptions add /chats --change-type created",
    "subscriptions remove /chats",
    "subscriptions remove --all --yes",
    "subscriptions restore",
    "subscriptions renew --yes",
    "gaps retry",
    "gaps add /teams --since 2026-11-01T00:00:00Z",
    "parked retry",
    "quarantine retry",
    "quarantine purge --older-than PT0S",
    "login",
]


@pytest.mark.parametrize("command", READING)
def test_reading_command_with_another_url_warns_and_shows_both(laptop: Operator, command: str) -> None:
    app_url = laptop.world.app.environ["NOTIFICATION_URL"]
    laptop.world.app.environ["NOTIFICATION_URL"] = OTHER_URL
    ran = laptop.run(*command.split())
    assert ran.stderr == f"! NOTIFICATION_URL is {OTHER_URL} here and {app_url} in the app\n"
    assert ran.exit_code == 0


def test_writing_commands_with_another_url_refuse(laptop: Operator) -> None:
    app_url, rows, before = laptop.world.app.environ["NOTIFICATION_URL"], laptop.world.rows(), owner_rows(laptop)
    writes = laptop.world.writes()
    laptop.world.app.environ["NOTIFICATION_URL"] = OTHER_URL
    for command in WRITING:
        ran = laptop.run(*command.split())
        assert (ran.exit_code, ran.stdout) == (3, ""), command
        assert ran.stderr.startswith(f"NOTIFICATION_URL is {OTHER_URL} here and {app_url} in the app: take the app's")
    assert (laptop.world.rows(), owner_rows(laptop), laptop.world.writes()) == (rows, before, writes)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"CLIENT_ID": OTHER_TENANT}, f"CLIENT_ID is {OTHER_TENANT} here and "),
        ({"TENANT_IDS": OTHER_TENANT}, f"TENANT_IDS is {OTHER_TENANT} here and {TENANT} in the app"),
        (
            {"CLIENT_STATE_KEY": PREVIOUS_STATE_KEY_TEXT},
            f"the id of CLIENT_STATE_KEY is {PREVIOUS_STATE_KEY.key_id} here and {STATE_KEY.key_id} in the app",
        ),
        ({"NOTIFICATION_URL": f"{LEAST['NOTIFICATION_URL']}?code=x"}, "ReceiveNotification?... here and https://"),
    ],
    ids=["client id", "tenants", "key", "only the query"],
)
def test_difference_has_both_values_and_no_secret(changes: dict[str, str], sentence: str) -> None:
    app = deployment_facts(Settings.from_environ(LEAST))
    [found] = differences(Settings.from_environ(LEAST | changes), app)
    assert sentence in found
    assert "code=x" not in found


def test_same_settings_and_another_order_of_tenants_differ_in_nothing() -> None:
    app = deployment_facts(Settings.from_environ(LEAST | {"TENANT_IDS": f"{TENANT},{OTHER_TENANT}"}))
    assert list(differences(Settings.from_environ(LEAST | {"TENANT_IDS": f"{OTHER_TENANT},{TENANT}"}), app)) == []


def test_wrong_file_and_version_are_shown_and_not_refused(laptop: Operator) -> None:
    table = laptop.world.app.clients.status_table()
    row, _ = owner_rows(laptop)
    assert row is not None
    here = row.facts
    table.save(replace(row, facts=replace(here, version="9.9.9", file_hash="ffffffffffff")))
    ran = laptop.run("subscriptions", "renew")
    assert (ran.exit_code, ran.stdout) == (0, "renewed 2\n")
    assert f"! the version is {here.version} here and 9.9.9 in the app" in ran.stderr
    assert f"! the hash of subscriptions.json is {here.file_hash} here and ffffffffffff in the app" in ran.stderr


def test_bad_login_of_the_laptop_leaves_no_failure_in_the_table(laptop: Operator) -> None:
    rows, before = laptop.world.rows(), owner_rows(laptop)
    with laptop.world.fault(laptop.world.login, Fault(path="openid-configuration", status=503)):
        ran = laptop.run("subscriptions", "renew", "--yes")
    assert ran.exit_code == 1
    assert [replace(row, etag=None) for row in laptop.world.rows()] == [replace(row, etag=None) for row in rows]
    assert [account.failure for account in laptop.world.app.rows(laptop.world.tenant_id).accounts] == [None]
    assert owner_rows(laptop) == before
    assert laptop.world.run() == {}


def test_failure_at_graph_of_the_laptop_is_no_backoff_of_the_app(laptop: Operator) -> None:
    with laptop.world.fault(laptop.world.graph_service, Fault(path="/subscriptions", method="PATCH", status=403)):
        assert laptop.run("subscriptions", "renew").stdout == "failed 2\n"
    assert [row.failure for row in laptop.world.rows()] == [None, None]


def test_command_line_never_becomes_the_owner(laptop: Operator) -> None:
    _, owner = owner_rows(laptop)
    for command in ("subscriptions renew", "subscriptions list", "subscriptions remove --all --yes"):
        laptop.run(*command.split())
    assert owner_rows(laptop)[1] == owner
