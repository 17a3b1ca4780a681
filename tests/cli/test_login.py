"""``python -m cli login`` as an operator types it, and a user who answers elsewhere."""

from collections.abc import Callable, Iterator
from contextlib import chdir
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.__main__ import app as commands
from sandbox.serving import Fault
from tests.cli.commands import Ended, end, start, values, write_settings
from tests.cli.operator import own_process
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


def _sign_in(login: Login, folder: Path, *arguments: str, answer: Callable[[str], None] | None = None) -> Ended:
    """Run a command, and answer the code that it shows; as the tenant's user, if a test has no other answer."""
    command = start(*arguments, folder=folder)
    assert command.stdout is not None
    message = command.stdout.readline()
    code = message.partition("enter the code ")[2].partition(" ")[0]
    if code:
        (answer or (lambda code: login.outside.entra.approve(code, login.ann)))(code)
    ended = end(command)
    return Ended(status=ended.status, output=message + ended.output, errors=ended.errors)


def _refused(folder: Path, *arguments: str) -> Ended:
    """Run a command that asks nobody anything in this process, which is quicker."""
    with chdir(folder), own_process():
        result = CliRunner().invoke(commands, list(arguments))
    return Ended(status=result.exit_code, output=result.stdout, errors=result.stderr)


def test_a_user_signs_in_and_the_timer_goes_on_in_the_users_name(login: Login, tmp_path: Path) -> None:
    settings = write_settings(tmp_path / "mine.json", values(login))
    ended = _sign_in(login, tmp_path, "--settings", str(settings), "login")
    assert (ended.status, ended.errors) == (0, "")
    assert f"{login.outside.login.url}/common/oauth2/deviceauth" in ended.output
    assert f"{login.ann.username} is signed in to tenant {login.tenant_id}" in ended.output
    assert login.claims(login.credential().get_token(GRAPH_SCOPE).token)["oid"] == login.ann.object_id


def test_the_settings_beside_the_app_count_without_being_named(login: Login, tmp_path: Path) -> None:
    write_settings(tmp_path / "local.settings.json", values(login, TENANT_IDS=f"{OTHER_TENANT},{login.tenant_id}"))
    assert _sign_in(login, tmp_path, "login", "--tenant", login.tenant_id.upper()).status == 0
    assert login.caches.load(login.tenant_id) is not None


def test_a_user_who_declines_is_a_sentence_and_status_3(login: Login, tmp_path: Path) -> None:
    write_settings(tmp_path / "local.settings.json", values(login))
    ended = _sign_in(login, tmp_path, "login", answer=login.outside.entra.decline)
    assert (ended.status, ended.errors) == (3, "the user declined to sign in: run the command again\n")


def test_an_outage_is_a_sentence_and_status_4(login: Login, tmp_path: Path) -> None:
    write_settings(tmp_path / "local.settings.json", values(login))
    with fault(login.outside.login, Fault(path="openid-configuration", status=503)):
        ended = _refused(tmp_path, "login")
    assert (ended.status, ended.output) == (4, "")
    assert ended.errors.startswith("Entra ID does not answer as documented at ")
    assert ended.errors.count("\n") == 1


@pytest.mark.parametrize("tenant", [[], ["--tenant", OTHER_TENANT]], ids=["none", "not served"])
def test_of_several_tenants_one_has_to_be_named(login: Login, tmp_path: Path, tenant: list[str]) -> None:
    served = f"{login.tenant_id},{login.application.tenant_ids[1]}"
    write_settings(tmp_path / "local.settings.json", values(login, TENANT_IDS=served))
    ended = _refused(tmp_path, "login", *tenant)
    assert ended.status == 2
    assert "name one of TENANT_IDS" in ended.errors
    assert login.tenant_id in ended.errors


def test_a_login_needs_a_vault(login: Login, tmp_path: Path) -> None:
    write_settings(tmp_path / "local.settings.json", values(login, KEY_VAULT_URL=""))
    ended = _refused(tmp_path, "login")
    assert (ended.status, ended.errors) == (
        3,
        "KEY_VAULT_URL is not set: a signed-in user's login is stored in the vault\n",
    )


def test_without_settings_every_missing_one_is_told(tmp_path: Path) -> None:
    ended = _refused(tmp_path, "login")
    assert ended.status == 3
    assert "CLIENT_ID is not set" in ended.errors
    assert "Traceback" not in ended.errors


def test_the_help_tells_the_statuses(tmp_path: Path) -> None:
    ended = end(start("--help", folder=tmp_path))
    assert ended.status == 0
    assert "4 a service is down" in ended.output
