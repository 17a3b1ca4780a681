"""``python -m cli login``, and a user who enters the code in a browser."""

from collections.abc import Callable, Iterator
from contextlib import chdir
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from typer.testing import Result

from sandbox.serving import Fault
from tests.cli.child_processes import end, start, write_settings
from tests.cli.operator import invoke
from tests.fakes.identity_services import GRAPH_SCOPE, IdentityServices, fault, identity_services
from tests.fakes.user_logins import Login, login_of
from tests.sender import OTHER_TENANT

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IdentityServices]:
    with identity_services(tmp_path_factory.mktemp("outside")) as services:
        yield services


@pytest.fixture
def login(services: IdentityServices, monkeypatch: pytest.MonkeyPatch) -> Iterator[Login]:
    for name, value in services.environment().items():
        monkeypatch.setenv(name, value)
    with login_of(services) as login:
        yield login


def _configure(login: Login, folder: Path, name: str = "local.settings.json", **changes: str) -> Path:
    """Write the settings of an app in the tenant of a login, including trust and managed identity."""
    settings = login.outside.environment() | {
        "AzureWebJobsStorage": "UseDevelopmentStorage=true",
        "TENANT_IDS": login.tenant_id,
        "CLIENT_ID": login.application.client_id,
        "CLIENT_STATE_KEY": "x" * 32,
        "NOTIFICATION_URL": "https://app.example/api/ReceiveNotification",
        "LOGIN_URL": login.outside.login.url,
        "KEY_VAULT_URL": login.outside.vault_service.url,
    }
    return write_settings(folder / name, settings | changes)


def _sign_in(
    login: Login, folder: Path, *arguments: str, answer: Callable[[str], None] | None = None
) -> CompletedProcess[str]:
    """Run a command and answer the code that it shows, by default as the tenant's user."""
    command = start(*arguments, folder=folder)
    assert command.stdout is not None
    message = command.stdout.readline()
    code = message.partition("enter the code ")[2].partition(" ")[0]
    if code:
        (answer or (lambda code: login.outside.entra.approve(code, login.ann)))(code)
    ended = end(command)
    ended.stdout = message + ended.stdout
    return ended


def _refused(folder: Path, *arguments: str) -> Result:
    """Run a command that shows no code, in this process, which is faster."""
    with chdir(folder):
        return invoke("login", *arguments)


def test_user_signs_in_and_the_stored_login_gets_tokens(login: Login, tmp_path: Path) -> None:
    settings = _configure(login, tmp_path, "mine.json", TENANT_IDS=f"{OTHER_TENANT},{login.tenant_id}")
    ended = _sign_in(login, tmp_path, "--settings", str(settings), "login", "--tenant", login.tenant_id.upper())
    assert (ended.returncode, ended.stderr) == (0, "")
    assert f"{login.outside.login.url}/common/oauth2/deviceauth" in ended.stdout
    assert f"{login.ann.username} is signed in to tenant {login.tenant_id}" in ended.stdout
    assert login.claims(login.credential().get_token(GRAPH_SCOPE).token)["oid"] == login.ann.object_id


def test_user_who_declines_exits_3(login: Login, tmp_path: Path) -> None:
    # In the folder of the command, that file is used without being named.
    _configure(login, tmp_path)
    ended = _sign_in(login, tmp_path, "login", answer=login.outside.entra.decline)
    assert (ended.returncode, ended.stderr) == (3, "the user declined to sign in: run the command again\n")


def test_outage_of_entra_id_exits_4(login: Login, tmp_path: Path) -> None:
    _configure(login, tmp_path)
    with fault(login.outside.login, Fault(path="openid-configuration", status=503)):
        ran = _refused(tmp_path)
    assert (ran.exit_code, ran.stdout) == (4, "")
    assert ran.stderr.startswith("Entra ID does not answer as documented at ")
    assert ran.stderr.count("\n") == 1


@pytest.mark.parametrize("tenant", [[], ["--tenant", OTHER_TENANT]], ids=["none", "not served"])
def test_one_of_several_tenants_must_be_named(login: Login, tmp_path: Path, tenant: list[str]) -> None:
    served = f"{login.tenant_id},{login.application.tenant_ids[1]}"
    _configure(login, tmp_path, TENANT_IDS=served)
    ran = _refused(tmp_path, *tenant)
    assert ran.exit_code == 2
    assert "one of TENANT_IDS" in ran.stderr
    assert login.tenant_id in ran.stderr


def test_login_without_a_vault_exits_3(login: Login, tmp_path: Path) -> None:
    _configure(login, tmp_path, KEY_VAULT_URL="")
    ran = _refused(tmp_path)
    assert ran.exit_code == 3
    assert ran.stderr.startswith("KEY_VAULT_URL is not set")


def test_missing_settings_exit_3_and_are_named(tmp_path: Path) -> None:
    ran = _refused(tmp_path)
    assert ran.exit_code == 3
    assert "CLIENT_ID is not set" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_help_shows_the_exit_statuses() -> None:
    ran = invoke("--help")
    assert ran.exit_code == 0
    assert "4 a service is down" in " ".join(ran.stdout.split())
