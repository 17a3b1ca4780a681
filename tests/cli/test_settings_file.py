"""Which settings the commands use: a file's or the environment's, never a mixture of the two."""

import json
from pathlib import Path
from typing import Any

import pytest

from cli.settings_file import check_trust, read_values, use_settings
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


def test_named_file_replaces_all_settings_of_the_app(named: Path, folder: Path) -> None:
    environ = {"CLIENT_ID": "set", "CLIENT_SECRET": "of another app", "GRAPH_URL": "https://elsewhere", "PATH": "/bin"}
    use_settings(environ, named, folder=folder)
    assert environ == NAMED | {"SSL_CERT_FILE": "ca.pem", "PATH": "/bin"}


def test_environment_with_the_settings_wins_over_the_file_beside(folder: Path) -> None:
    environ = {"CLIENT_ID": "set"}
    use_settings(environ, None, folder=folder)
    assert environ == {"CLIENT_ID": "set"}


@pytest.mark.parametrize("environ", [{}, {"CLIENT_ID": ""}])
def test_file_beside_replaces_an_environment_without_settings(environ: dict[str, str], folder: Path) -> None:
    use_settings(environ, None, folder=folder)
    assert environ == BESIDE


def test_environment_is_unchanged_without_any_file(tmp_path: Path) -> None:
    environ = {"TENANT_IDS": "t"}
    use_settings(environ, None, folder=tmp_path)
    assert environ == {"TENANT_IDS": "t"}


def test_null_value_is_omitted(tmp_path: Path) -> None:
    assert read_values(_write(tmp_path / "a.json", {"Values": {"A": None, "B": ""}})) == {"B": ""}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, r"a\.json cannot be read"),
        (b"", r"a\.json cannot be read"),
        (b"{", r"a\.json cannot be read"),
        (b"\xff\xfe", r"a\.json cannot be read"),
        (b"null", 'has no "Values"'),
        (b"[]", 'has no "Values"'),
        (b"{}", 'has no "Values"'),
        (b'{"Values": []}', 'has no "Values"'),
        (b'{"Values": {"A": {"B": "1"}}}', 'has no "Values", or an object or a list among them'),
        (b'{"Values": {"A": ["1"]}}', 'has no "Values", or an object or a list among them'),
        (b'{"IsEncrypted": true, "Values": {}}', "is encrypted: run `func settings decrypt` first"),
    ],
)
def test_file_without_settings_is_misconfigured(tmp_path: Path, content: bytes | None, reason: str) -> None:
    file = tmp_path / "a.json"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(Misconfigured, match=reason):
        use_settings({}, file, folder=tmp_path)


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
def test_missing_trusted_certificates_are_misconfigured(tmp_path: Path, name: str) -> None:
    with pytest.raises(Misconfigured, match=f"{name} is .*, which does not exist"):
        check_trust({name: str(tmp_path / "ca.pem")})


def test_existing_or_unset_trusted_certificates_are_fine(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").touch()
    check_trust({"SSL_CERT_FILE": str(tmp_path / "ca.pem"), "REQUESTS_CA_BUNDLE": ""})
