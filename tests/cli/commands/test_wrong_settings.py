"""The CLI on a laptop with a bad login, a wrong file, another URL: reading warns, writing refuses."""

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from cli.deployments import differences
from sandbox.azurite import Azurite
from sandbox.serving import Fault
from shared.app.deployments import deployment as this_deployment
from shared.app.deployments import deployment_facts
from shared.settings import Settings
from shared.subscriptions.deployment_status import DeploymentStatus, Owner
from tests.cli.operator import CHATS, TEAMS, Operator
from tests.fakes.deployments import forget_deployments
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


@pytest.fixture
def laptop(operator: Operator, azurite: Azurite) -> Iterator[Operator]:
    """An operator whose app has run once."""
    operator.watch(CHATS, TEAMS)
    this_deployment(operator.world.app.clients).begin_run()
    yield operator
    # Other tests of this process share the account.
    forget_deployments(azurite.connection_string)


def _row(laptop: Operator) -> tuple[DeploymentStatus | None, Owner | None]:
    state = laptop.world.app.clients.status_table().load()
    return state.of_owner(), state.owner


@pytest.mark.parametrize("command", READING)
def test_reading_command_with_another_url_warns_and_shows_both(laptop: Operator, command: str) -> None:
    app_url = laptop.world.app.environ["NOTIFICATION_URL"]
    laptop.world.app.environ["NOTIFICATION_URL"] = OTHER_URL
    ran = laptop.run(*command.split())
    assert ran.stderr == f"! NOTIFICATION_URL is {OTHER_URL} here and {app_url} in the app\n"
    assert ran.exit_code == 0


def test_writing_commands_with_another_url_refuse(laptop: Operator) -> None:
    app_url, rows, before = laptop.world.app.environ["NOTIFICATION_URL"], laptop.world.rows(), _row(laptop)
    writes = laptop.world.writes()
    laptop.world.app.environ["NOTIFICATION_URL"] = OTHER_URL
    for command in WRITING:
        ran = laptop.run(*command.split())
        assert (ran.exit_code, ran.stdout) == (3, ""), command
        assert ran.stderr.startswith(f"NOTIFICATION_URL is {OTHER_URL} here and {app_url} in the app: take the app's")
    assert (laptop.world.rows(), _row(laptop), laptop.world.writes()) == (rows, before, writes)


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
    row, _ = _row(laptop)
    assert row is not None
    here = row.facts
    table.save(replace(row, facts=replace(here, version="9.9.9", file_hash="ffffffffffff")))
    ran = laptop.run("subscriptions", "renew")
    assert (ran.exit_code, ran.stdout) == (0, "renewed 2\n")
    assert f"! the version is {here.version} here and 9.9.9 in the app" in ran.stderr
    assert f"! the hash of subscriptions.json is {here.file_hash} here and ffffffffffff in the app" in ran.stderr


def test_bad_login_of_the_laptop_leaves_no_failure_in_the_table(laptop: Operator) -> None:
    rows, before = laptop.world.rows(), _row(laptop)
    with laptop.world.fault(laptop.world.login, Fault(path="openid-configuration", status=503)):
        ran = laptop.run("subscriptions", "renew", "--yes")
    assert ran.exit_code == 1
    assert [replace(row, etag=None) for row in laptop.world.rows()] == [replace(row, etag=None) for row in rows]
    assert [account.failure for account in laptop.world.app.rows(laptop.world.tenant_id).accounts] == [None]
    assert _row(laptop) == before
    assert laptop.world.run() == {}


def test_failure_at_graph_of_the_laptop_is_no_backoff_of_the_app(laptop: Operator) -> None:
    with laptop.world.fault(laptop.world.graph_service, Fault(path="/subscriptions", method="PATCH", status=403)):
        assert laptop.run("subscriptions", "renew").stdout == "failed 2\n"
    assert [row.failure for row in laptop.world.rows()] == [None, None]


def test_command_line_never_becomes_the_owner(laptop: Operator) -> None:
    _, owner = _row(laptop)
    for command in ("subscriptions renew", "subscriptions list", "subscriptions remove --all --yes"):
        laptop.run(*command.split())
    assert _row(laptop)[1] == owner


# --- renew


def test_renew_shows_and_confirms_what_it_recreates(laptop: Operator) -> None:
    ids = laptop.world.subscription_ids()
    [teams] = [each for each in laptop.world.subscriptions() if each.resource == "/teams"]
    _unkey(laptop, teams.id)
    asked = laptop.run("subscriptions", "renew")
    assert asked.exit_code == 1
    assert "recreate" in asked.stdout
    assert "1 will be deleted and created again, each with a gap. Go on?" in asked.stdout
    assert laptop.world.subscription_ids() == ids
    dry = laptop.run("subscriptions", "renew", "--dry-run")
    assert dry.exit_code == 0
    assert {tuple(line.split()[:2]) for line in dry.stdout.splitlines()[1:]} == {
        ("renew", "/chats/getAllMessages"),
        ("recreate", "/teams"),
    }
    assert laptop.world.subscription_ids() == ids
    done = laptop.run("subscriptions", "renew", "--yes").stdout
    assert sorted(done.strip().split(", ")) == ["recreated 1", "renewed 1"]
    assert len(laptop.world.subscription_ids() - ids) == 1


def _unkey(laptop: Operator, subscription_id: str) -> None:
    """Let the row of a subscription say that another key has signed it."""
    table = laptop.world.app.clients.subscription_table()
    [row] = [row for row in laptop.world.rows() if row.applied and row.applied.subscription_id == subscription_id]
    assert row.applied is not None
    url = f"{row.applied.notification_url.partition('?')[0]}?key=ffffffff"
    table.save(replace(row, applied=replace(row.applied, notification_url=url)))


def test_renew_leaves_deletions_to_the_timer(laptop: Operator) -> None:
    laptop.run("subscriptions", "add", "/chats", "--change-type", "created")
    laptop.world.run()
    laptop.run("subscriptions", "remove", "/chats")
    ran = laptop.run("subscriptions", "renew")
    assert ran.exit_code == 0
    assert "1 to be deleted: left to the next run of RenewSubscriptions." in ran.stdout
    assert ran.stdout.endswith("renewed 2\n")
    assert len(laptop.world.subscriptions()) == 3
    assert laptop.world.run() == {"deleted": 1}


def test_renew_signs_with_the_key_that_the_app_signs_with(laptop: Operator) -> None:
    ids = laptop.world.subscription_ids()
    laptop.world.app.rotate_state_key()
    # The app knows the new key, but not for 15 minutes.
    this_deployment(laptop.world.app.clients).begin_run()
    assert laptop.run("subscriptions", "renew").stdout == "renewed 2\n"
    assert laptop.world.subscription_ids() == ids


# --- Nothing is wanted


def test_remove_all_holds_until_restore(laptop: Operator) -> None:
    laptop.run("subscriptions", "add", "/chats", "--change-type", "created")
    laptop.world.run()
    ran = laptop.run("subscriptions", "remove", "--all", "--yes")
    assert ran.exit_code == 0
    assert "/chats (created) is removed for good: `subscriptions add` had added it." in ran.stdout
    assert "Nothing is wanted: the next run of RenewSubscriptions deletes every subscription." in ran.stdout
    row, _ = _row(laptop)
    assert row is not None
    assert row.wanted_none is not None
    assert (row.wanted_none.version, row.wanted_none.file_hash) == (row.facts.version, row.facts.file_hash)
    assert "! nothing is wanted since" in laptop.run("subscriptions", "list").stderr
    refused = laptop.run("subscriptions", "add", "/chats", "--change-type", "created")
    assert (refused.exit_code, refused.stderr.count("subscriptions restore")) == (3, 2)
    assert laptop.run("subscriptions", "restore").stdout.startswith("What subscriptions.json requests is wanted again")
    assert laptop.run("subscriptions", "restore").stdout.startswith("Nothing to restore")
    row, _ = _row(laptop)
    assert row is not None
    assert row.wanted_none is None


def test_remove_all_asks_first(laptop: Operator) -> None:
    ran = laptop.run("subscriptions", "remove", "--all")
    assert ran.exit_code == 1
    row, _ = _row(laptop)
    assert row is not None
    assert row.wanted_none is None


@pytest.mark.parametrize("arguments", [[], ["/teams", "--all"], ["--all", "--tenant", TENANT]])
def test_remove_takes_a_resource_or_all(laptop: Operator, arguments: list[str]) -> None:
    assert laptop.run("subscriptions", "remove", *arguments).exit_code == 2


def test_remove_all_before_the_first_run_exits_3(operator: Operator) -> None:
    ran = operator.run("subscriptions", "remove", "--all", "--yes")
    assert (ran.exit_code, ran.stdout) == (3, "")
    assert "RenewSubscriptions has not run yet" in ran.stderr


# --- A managed identity


@pytest.fixture
def keyless(laptop: Operator) -> Iterator[Operator]:
    """An app that signs in with a managed identity, in the row of its last run."""
    from shared.app.deployments import dependency_answers  # noqa: PLC0415  only these tests need it

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
    assert (ran.exit_code, ran.stderr) == (0, "")
    heading, *_ = ran.stdout.splitlines()
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
