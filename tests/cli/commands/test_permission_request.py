"""``permissions --from FILE``: what to ask an administrator for, without a login, settings or a service."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from cli.setup_documents import PermissionRequestDocument
from tests.cli.operator import CHATS, TEAMS, invoke, matches

STANDUP = {"resource": "/chats/19:a@thread.v2/messages", "changeType": "created"}
CONSENT = "https://login.microsoftonline.com/<tenant id>/adminconsent?client_id=<client id>"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder without settings, which has to do."""
    monkeypatch.chdir(tmp_path)
    for name in ("CLIENT_ID", "TENANT_IDS", "GRAPH_CLOUD", "LOGIN_URL"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def _file(folder: Path, *entries: Mapping[str, object]) -> str:
    file = folder / "wanted.json"
    file.write_text(json.dumps({"subscriptions": entries}))
    return str(file)


def test_request_names_permissions_what_for_and_the_consent_page(folder: Path) -> None:
    ran = invoke("permissions", "--from", _file(folder, CHATS, TEAMS, STANDUP))
    assert (ran.exit_code, ran.stderr) == (0, "")
    _, *rows, sentence, url = [line.split() for line in ran.stdout.splitlines()]
    paths = ["/chats/getAllMessages,", "/chats/{chat-id}/messages"]
    assert rows == [
        ["Chat.Read.All", "application", *paths, "ChatMessage.Read.Chat"],
        ["Team.ReadBasic.All", "application", "/teams"],
        ["User.Read.All", "application", "catching", "up:", "/chats/getAllMessages"],
    ]
    assert sentence[:2] == ["Once", "the"]
    assert url == CONSENT.split()


def test_consent_page_has_what_the_environment_knows(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = {"CLIENT_ID": "app", "TENANT_IDS": "a, b", "GRAPH_CLOUD": "usgov"}
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    ran = invoke("permissions", "--json", "--from", _file(folder, {**CHATS, "tenantId": "c"}))
    document = matches(PermissionRequestDocument, ran.stdout)
    pages = [f"https://login.microsoftonline.us/{tenant}/adminconsent?client_id=app" for tenant in ("a", "b")]
    assert document["adminConsentUrls"] == pages
    assert [each["forCatchUp"] for each in document["permissions"]] == [False, True]


def test_tenant_option_decides_whose_administrator_is_asked(folder: Path) -> None:
    ran = invoke("permissions", "--from", _file(folder, CHATS), "--tenant", "contoso.com")
    assert "/contoso.com/adminconsent?" in ran.stdout


def test_user_who_signs_in_needs_no_administrators_page(folder: Path) -> None:
    ran = invoke("permissions", "--from", _file(folder, STANDUP | {"delegated": True}))
    assert ran.exit_code == 0
    assert [line.split() for line in ran.stdout.splitlines()[1:]] == [
        ["Chat.Read", "delegated", "/chats/{chat-id}/messages"]
    ]


def test_file_without_entries_needs_nothing(folder: Path) -> None:
    ran = invoke("permissions", "--from", _file(folder))
    assert (ran.exit_code, ran.stdout.endswith("has no entries, so nothing is needed.\n")) == (0, True)


def test_wrong_entry_of_the_file_exits_3_with_its_number(folder: Path) -> None:
    ran = invoke("permissions", "--from", _file(folder, CHATS, {"resource": "/chat", "changeType": "created"}))
    assert (ran.exit_code, ran.stdout) == (3, "")
    assert ran.stderr.startswith("subscriptions.json, entry 2: /chat is not a Teams path")
