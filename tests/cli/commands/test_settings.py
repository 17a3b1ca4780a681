"""``python -m cli settings pull`` with an ``az`` of the test's own on the PATH."""

import json
import stat
import sys
from pathlib import Path

import pytest

from cli.settings_file import read_values
from tests.cli.operator import invoke

pytestmark = pytest.mark.slow

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


def _install_az(folder: Path, *, output: str = "", errors: str = "", status: int = 0) -> None:
    """Put an ``az`` there, which writes down how it was called."""
    script = (
        f"#!{sys.executable}\nimport sys\nopen({str(folder / 'called')!r}, 'w').write(' '.join(sys.argv[1:]))\n"
        f"sys.stdout.write({output!r})\nsys.stderr.write({errors!r})\nsys.exit({status})\n"
    )
    az = folder / "bin" / "az"
    az.write_text(script)
    az.chmod(0o755)


def test_settings_of_the_app_are_written_for_the_commands(folder: Path) -> None:
    _install_az(folder, output=json.dumps(LISTED))
    ran = invoke(*PULL)
    assert (ran.exit_code, ran.stderr) == (0, "")
    words = (folder / "called").read_text()
    assert words == "functionapp config appsettings list --name teams --resource-group prod --output json"
    file = folder / "local.settings.json"
    assert read_values(file) == {each["name"]: each["value"] or "" for each in LISTED}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "local.settings.json has the 3 settings of teams" in ran.stdout
    assert "! CLIENT_STATE_KEY refers to the vault: replace it" in ran.stdout
    assert "8e460676" not in ran.stdout


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
    assert len(read_values(file)) == 3
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
