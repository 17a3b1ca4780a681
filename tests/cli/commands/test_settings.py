"""``python -m cli settings pull`` with an ``az`` of the test's own on the PATH."""

import json
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from cli.settings_file import read_values
from tests.cli.operator import invoke

pytestmark = pytest.mark.slow

GIT = Path(shutil.which("git") or "git")
PULL = ("settings", "pull", "--app", "teams", "--group", "prod")
LISTED = [
    {"name": "CLIENT_ID", "slotSetting": False, "value": "8e460676-ae3f-4b1e-8790-ee0fb5d6148f"},
    {"name": "CLIENT_STATE_KEY", "slotSetting": True, "value": "@Microsoft.KeyVault(VaultName=v;SecretName=s)"},
    {"name": "EMPTY", "slotSetting": False, "value": None},
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which the command runs, with nothing else on the PATH than what a test puts there."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _install_az(folder: Path, *, output: str = "", errors: str = "", status: int = 0, secret: str = "") -> None:
    """Put an ``az`` there, which writes down how it was called; ``secret`` is what it says of secrets."""
    script = (
        f"#!{sys.executable}\nimport sys\nopen({str(folder / 'called')!r}, 'a').write(' '.join(sys.argv[1:]) + '\\n')\n"
        f"if sys.argv[1] == 'keyvault':\n    print({secret!r})\n    sys.exit({secret!r} == '')\n"
        f"sys.stdout.write({output!r})\nsys.stderr.write({errors!r})\nsys.exit({status})\n"
    )
    az = folder / "bin" / "az"
    az.write_text(script)
    az.chmod(0o755)


def test_settings_of_the_app_are_written_without_secrets(folder: Path) -> None:
    other = {"name": "SOMEBODY_ELSES", "value": "x"}
    address = {"name": "NOTIFICATION_URL", "value": "https://a.example/api/ReceiveNotification?code=secret"}
    storage = {"name": "AzureWebJobsStorage__accountName", "value": "account"}
    _install_az(folder, output=json.dumps([*LISTED, other, address, storage]))
    ran = invoke(*PULL)
    assert (ran.exit_code, ran.stderr) == (0, "")
    words = (folder / "called").read_text()
    assert words == "functionapp config appsettings list --name teams --resource-group prod --output json\n"
    file = folder / "local.settings.json"
    assert read_values(file) == {
        "CLIENT_ID": "8e460676-ae3f-4b1e-8790-ee0fb5d6148f",
        "AzureWebJobsStorage__accountName": "account",
    }
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "local.settings.json has 2 settings of teams, and none that is or may be a secret.\n" in ran.stdout
    assert "! left out: CLIENT_STATE_KEY, NOTIFICATION_URL, SOMEBODY_ELSES; --secrets writes" in ran.stdout
    assert "8e460676" not in ran.stdout


@pytest.mark.parametrize(
    "name", ["AzureWebJobsStorage", "CLIENT_SECRET", "CLIENT_STATE_KEY_PREVIOUS", "EventHubConnection"]
)
def test_secret_is_left_out_unless_it_is_asked_for(folder: Path, name: str) -> None:
    _install_az(folder, output=json.dumps([{"name": name, "value": "secret"}]))
    invoke(*PULL)
    assert read_values(folder / "local.settings.json") == {}
    invoke(*PULL, "--force", "--secrets")
    assert read_values(folder / "local.settings.json") == {name: "secret"}


def test_secrets_on_demand_are_those_in_the_vault(folder: Path) -> None:
    by_id = {"name": "CLIENT_SECRET", "value": "@Microsoft.KeyVault(SecretUri=https://v.vault.azure.net/secrets/c/)"}
    _install_az(folder, output=json.dumps([*LISTED, by_id]), secret='{"value": "found"}')
    ran = invoke(*PULL, "--secrets")
    assert (ran.exit_code, ran.stderr) == (0, "")
    values = read_values(folder / "local.settings.json")
    assert (values["CLIENT_STATE_KEY"], values["CLIENT_SECRET"], values["EMPTY"]) == ("found", "found", "")
    assert (folder / "called").read_text().splitlines()[1:] == [
        "keyvault secret show --vault-name v --name s --output json",
        "keyvault secret show --id https://v.vault.azure.net/secrets/c/ --output json",
    ]
    assert "local.settings.json has the 4 settings of teams: secrets among them" in ran.stdout
    assert "found" not in ran.stdout


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("@Microsoft.KeyVault(VaultName=v;SecretName=s)", "az refuses: it does not say why"),
        ("@Microsoft.AppConfiguration(Endpoint=e; Key=k)", "it is not a reference to a secret that this command knows"),
        ("@Microsoft.KeyVault(VaultName=v)", "it is not a reference to a secret that this command knows"),
    ],
)
def test_reference_that_cannot_be_resolved_is_named(folder: Path, value: str, why: str) -> None:
    _install_az(folder, output=json.dumps([{"name": "CLIENT_SECRET", "value": value}]))
    ran = invoke(*PULL, "--secrets")
    assert ran.exit_code == 0
    assert f"! replace CLIENT_SECRET by the secret that it refers to: {why}\n" in ran.stdout
    assert read_values(folder / "local.settings.json") == {"CLIENT_SECRET": value}


def test_secrets_go_into_no_file_that_git_would_commit(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{folder / 'bin'}:{GIT.parent}")
    subprocess.run([GIT, "init", "--quiet", folder], check=True)  # noqa: S603  git, with fixed words
    _install_az(folder, output=json.dumps(LISTED), secret='{"value": "found"}')
    refused = invoke(*PULL, "--secrets")
    assert (refused.exit_code, "git does not ignore local.settings.json" in refused.stderr) == (3, True)
    assert not (folder / "called").exists()
    assert invoke(*PULL).exit_code == 0
    (folder / ".gitignore").write_text("local.settings.json\n")
    assert invoke(*PULL, "--secrets", "--force").exit_code == 0


def test_settings_of_a_slot_are_asked_for(folder: Path) -> None:
    _install_az(folder, output="[]")
    assert invoke(*PULL, "--slot", "staging").exit_code == 0
    assert "--slot staging" in (folder / "called").read_text()


def test_settings_file_is_replaced_only_by_force(folder: Path) -> None:
    _install_az(folder, output=json.dumps(LISTED))
    file = folder / "local.settings.json"
    file.write_text('{"Values": {}}')
    file.chmod(0o644)
    refused = invoke(*PULL)
    assert (refused.exit_code, refused.stderr.count("\n")) == (3, 1)
    assert read_values(file) == {}
    assert invoke(*PULL, "--force").exit_code == 0
    assert len(read_values(file)) == 1
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_pull_without_az_exits_3_with_one_sentence(folder: Path) -> None:
    ran = invoke(*PULL)
    assert (ran.exit_code, ran.stdout) == (3, "")
    assert ran.stderr == "az is not on the PATH: install Azure's CLI, and sign in with az login\n"
    assert not (folder / "local.settings.json").exists()


def test_pull_without_a_login_exits_3_with_one_sentence(folder: Path) -> None:
    _install_az(folder, errors="WARNING: old\nERROR: Please run 'az login' to setup account.\n", status=1)
    ran = invoke(*PULL)
    assert (ran.exit_code, ran.stdout) == (3, "")
    assert ran.stderr == "az refuses: Please run 'az login' to setup account.\n"


@pytest.mark.parametrize("output", ["", "{}[", '["x"]', '{"a": 1}'])
def test_pull_of_something_else_exits_4(folder: Path, output: str) -> None:
    _install_az(folder, output=output)
    ran = invoke(*PULL)
    assert (ran.exit_code, ran.stderr.count("\n")) == (4, 1)
    assert not (folder / "local.settings.json").exists()
