"""Which settings the commands work with: a file's in place of the environment's, never a mixture of the two."""

import json
from pathlib import Path
from typing import Any

import pytest

from cli.environment import read_values, use_settings
from shared.errors import Misconfigured

NAMED, BESIDE = {"CLIENT_ID": "named", "TENANT_IDS": "t"}, {"CLIENT_ID": "beside"}


@pytest.fixture
def named(tmp_path: Path) -> Path:
    return _write(tmp_path / "named.json", {"Values": NAMED | {"SSL_CERT_FILE": "ca.pem"}})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    _write(tmp_path / "local.settings.json", {"IsEncrypted": False, "Values": BESIDE})
    return tmp_path


def _write(file: Path, content: Any) -> Path:
    file.write_text(json.dumps(content), encoding="utf-8-sig")
    return file


def test_a_named_file_takes_the_place_of_the_apps_settings(named: Path, folder: Path) -> None:
    environ = {"CLIENT_ID": "set", "CLIENT_SECRET": "of another app", "GRAPH_URL": "https://elsewhere", "PATH": "/bin"}
    use_settings(environ, named, folder=folder)
    assert environ == NAMED | {"SSL_CERT_FILE": "ca.pem", "PATH": "/bin"}


def test_an_environment_with_the_apps_settings_counts(folder: Path) -> None:
    environ = {"CLIENT_ID": "set"}
    use_settings(environ, None, folder=folder)
    assert environ == {"CLIENT_ID": "set"}


@pytest.mark.parametrize("environ", [{}, {"CLIENT_ID": ""}])
def test_the_file_beside_the_app_stands_in_for_an_environment_without_them(
    environ: dict[str, str], folder: Path
) -> None:
    use_settings(environ, None, folder=folder)
    assert environ == BESIDE


def test_without_any_file_the_environment_is_left_alone(tmp_path: Path) -> None:
    environ = {"TENANT_IDS": "t"}
    use_settings(environ, None, folder=tmp_path)
    assert environ == {"TENANT_IDS": "t"}


def test_a_null_counts_as_left_out(tmp_path: Path) -> None:
    assert read_values(_write(tmp_path / "a.json", {"Values": {"A": None, "B": ""}})) == {"B": ""}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, 'has no "Values"'),
        ([], 'has no "Values"'),
        ({}, 'has no "Values"'),
        ({"Values": []}, 'has no "Values"'),
        ({"Values": {"A": 1}}, 'has no "Values", or one that is not a string'),
        ({"IsEncrypted": True, "Values": {}}, "is encrypted: run `func settings decrypt` first"),
    ],
)
def test_a_file_that_is_no_settings_file_is_told(tmp_path: Path, content: Any, told: str) -> None:
    with pytest.raises(Misconfigured, match=told):
        read_values(_write(tmp_path / "a.json", content))


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe"])
def test_a_file_that_is_no_json_is_told(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "a.json"
    file.write_bytes(content)
    with pytest.raises(Misconfigured, match=r"a\.json cannot be read"):
        read_values(file)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="cannot be read"):
        use_settings({}, tmp_path / "none.json", folder=tmp_path)
