"""``python -m cli init``: the two files of a new app, by questions and by options."""

import json
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

from cli.settings_file import read_values
from shared.json_file import read_json_file
from shared.settings import Settings
from shared.subscriptions.desired import desired_from_json
from tests.cli.operator import invoke
from tests.sender import CLIENT_ID, TENANT

TEAM = "5fd7f1a0-4b0c-4b0e-9ed4-7ad6d7d3a5c1"
URL, VAULT = "https://app.example/api/ReceiveNotification", "https://v.vault.azure.net"
OPTIONS = {
    "--tenant": TENANT,
    "--client-id": CLIENT_ID,
    "--notification-url": URL,
    "--storage": "account",
    "--vault": VAULT,
    "--watch": "/chats/getAllMessages",
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CLIENT_ID", raising=False)
    monkeypatch.delenv("CLIENT_SECRET", raising=False)
    return tmp_path


def _words(*more: str, without: tuple[str, ...] = (), **changes: str) -> list[str]:
    """Return the command line with all options, but for the changes."""
    options = OPTIONS | {f"--{name.replace('_', '-')}": value for name, value in changes.items()}
    return ["init", *more, *[word for pair in options.items() if pair[0] not in without for word in pair]]


def _entries(folder: Path) -> list[dict[str, Any]]:
    return list(json.loads((folder / "subscriptions.json").read_text())["subscriptions"])


def test_options_answer_every_question(folder: Path) -> None:
    ran = invoke(*_words())
    assert (ran.exit_code, ran.stderr) == (0, "")
    assert "?" not in ran.stdout.replace("adminconsent?", "")
    settings = Settings.from_environ(read_values(folder / "local.settings.json"))
    assert (settings.tenant_ids, settings.client_id, settings.notification_url) == ((TENANT,), CLIENT_ID, URL)
    assert (settings.key_vault_url, settings.encryption_certificate_name) == (VAULT, "graph-notifications")
    assert read_values(folder / "local.settings.json")["AzureWebJobsStorage__accountName"] == "account"
    assert desired_from_json(read_json_file(folder / "subscriptions.json"), tenant_ids=[TENANT])
    changes = "created,updated,deleted"
    entry = {"resource": "/chats/getAllMessages", "changeType": changes, "includeResourceData": True}
    assert _entries(folder) == [entry]
    assert "Chat.Read.All" in ran.stdout
    assert f"/{TENANT}/adminconsent?client_id={CLIENT_ID}\n" in ran.stdout
    assert "python -m cli certificate create" in ran.stdout


def test_questions_are_asked_until_the_answers_make_sense(folder: Path) -> None:
    answers = ["99", "7,2", TEAM, "contoso.com", TENANT, CLIENT_ID, "http://a", URL, "", VAULT]
    ran = invoke("init", answers="\n".join(answers) + "\n")
    assert (ran.exit_code, ran.stdout.count("Error: ")) == (0, 3)
    assert [entry["resource"] for entry in _entries(folder)] == ["/chats/getAllMessages", f"/teams/{TEAM}/channels"]
    assert read_values(folder / "local.settings.json")["AzureWebJobsStorage"] == "UseDevelopmentStorage=true"


def test_keys_are_new_each_time_and_for_the_owner_only(folder: Path) -> None:
    invoke(*_words())
    file = folder / "local.settings.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    first = read_values(file)["CLIENT_STATE_KEY"]
    ran = invoke(*_words("--force"))
    second = read_values(file)["CLIENT_STATE_KEY"]
    assert first != second
    assert first not in ran.output + (folder / "subscriptions.json").read_text()
    assert second not in ran.output + (folder / "subscriptions.json").read_text()


def test_client_secret_comes_from_the_environment_alone(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "CLIENT_SECRET, which you add" in invoke(*_words()).stdout
    monkeypatch.setenv("CLIENT_SECRET", "correct-horse")
    (folder / "local.settings.json").unlink()
    ran = invoke(*_words("--force"))
    assert read_values(folder / "local.settings.json")["CLIENT_SECRET"] == "correct-horse"
    assert "correct-horse" not in ran.output + (folder / "subscriptions.json").read_text()
    assert "which you add" not in ran.stdout
    monkeypatch.delenv("CLIENT_SECRET")
    invoke(*_words("--force"))
    assert read_values(folder / "local.settings.json")["CLIENT_SECRET"] == "correct-horse"


def test_settings_that_exist_are_replaced_only_by_force(folder: Path) -> None:
    file = folder / "local.settings.json"
    file.write_text('{"Values": {"CLIENT_ID": "mine"}}')
    ran = invoke(*_words())
    assert (ran.exit_code, ran.stderr.startswith("local.settings.json exists: use --force")) == (3, True)
    assert read_values(file) == {"CLIENT_ID": "mine"}
    assert not (folder / "subscriptions.json").exists()
    assert invoke(*_words("--force")).exit_code == 0


def test_entries_that_exist_stay_unless_force_replaces_them(folder: Path) -> None:
    file = folder / "subscriptions.json"
    file.write_text('{"subscriptions": [{"resource": "/teams", "changeType": "created"}]}')
    refused = invoke(*_words())
    assert (refused.exit_code, refused.stderr.startswith("subscriptions.json exists: use --force")) == (3, True)
    assert not (folder / "local.settings.json").exists()
    ran = invoke(*_words(without=("--watch",)))
    assert (ran.exit_code, [entry["resource"] for entry in _entries(folder)]) == (0, ["/teams"])
    assert "subscriptions.json is as it was; local.settings.json is written." in ran.stdout
    invoke(*_words("--force"))
    assert [entry["resource"] for entry in _entries(folder)] == ["/chats/getAllMessages"]


def test_secrets_go_into_no_file_that_git_would_commit(folder: Path) -> None:
    git = shutil.which("git") or "git"
    subprocess.run([git, "init", "--quiet", folder], check=True)  # noqa: S603  git, with fixed words
    ran = invoke(*_words())
    assert (ran.exit_code, "git does not ignore local.settings.json" in ran.stderr) == (3, True)
    assert {path.name for path in folder.iterdir()} == {".git"}
    (folder / ".gitignore").write_text("local.settings.json\n")
    assert invoke(*_words()).exit_code == 0
    # Added by force it is tracked, whatever is ignored.
    subprocess.run([git, "add", "--force", "local.settings.json"], check=True, cwd=folder)  # noqa: S603  the same
    assert invoke(*_words("--force")).exit_code == 3


def test_basic_notifications_need_no_vault(folder: Path) -> None:
    ran = invoke(*_words("--basic", without=("--vault",)))
    assert ran.exit_code == 0
    assert [entry["includeResourceData"] for entry in _entries(folder)] == [False]
    assert "ENCRYPTION_CERTIFICATE_NAME" not in read_values(folder / "local.settings.json")
    assert "certificate" not in ran.stdout


@pytest.mark.parametrize("option", OPTIONS)
def test_missing_option_where_nobody_answers_exits_2_and_writes_nothing(folder: Path, option: str) -> None:
    ran = invoke(*_words(without=(option,)))
    assert ran.exit_code == 2
    assert option in ran.stderr
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--tenant", "contoso.com"),
        ("--client-id", "x"),
        ("--notification-url", "http://a"),
        ("--vault", "v"),
        ("--watch", "/chat"),
    ],
)
def test_wrong_option_exits_2_and_writes_nothing(folder: Path, option: str, value: str) -> None:
    words = _words()
    words[words.index(option) + 1] = value
    ran = invoke(*words)
    assert (ran.exit_code, list(folder.iterdir())) == (2, [])


def test_settings_that_make_no_sense_together_are_not_written(folder: Path) -> None:
    ran = invoke(*_words(notification_url="https://<host>/api"))
    assert (ran.exit_code, "still contains the placeholder <host>" in ran.stderr) == (3, True)
    assert list(folder.iterdir()) == []
