"""``local.settings.json`` as Core Tools read it: the same settings reach the host and the commands."""

from pathlib import Path

import pytest

from cli.settings_file import read_values, use_settings

READABLE = {
    "byte order mark": '\ufeff{"Values": {"A": "1"}}',
    "comments": '{ // mine\n "Values": /* all */ {"A": "1"}}',
    "trailing commas": '{"Values": {"A": "1",},}',
    "number": '{"Values": {"A": 1}}',
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "local.settings.json"


@pytest.mark.parametrize("text", READABLE.values(), ids=READABLE)
def test_settings_file_is_read_as_core_tools_read_it(file: Path, text: str) -> None:
    file.write_text(text, encoding="utf-8")
    assert read_values(file) == {"A": "1"}


@pytest.mark.parametrize(
    ("value", "setting"), [("64", "64"), ("1.50", "1.50"), ("-1", "-1"), ("true", "true"), ("false", "false")]
)
def test_number_or_boolean_of_a_settings_file_is_its_text(file: Path, value: str, setting: str) -> None:
    file.write_text(f'{{"Values": {{"A": {value}}}}}')
    assert read_values(file) == {"A": setting}


@pytest.mark.parametrize(("in_file", "left"), [('""', "login"), ('"of the app"', "of the app")])
def test_login_of_the_environment_survives_an_empty_setting(file: Path, in_file: str, left: str) -> None:
    """A service principal's login has the name of the app's identity: AZURE_CLIENT_ID."""
    file.write_text(f'{{"Values": {{"AZURE_CLIENT_ID": {in_file}}}}}')
    environ = {"AZURE_CLIENT_ID": "login", "CLIENT_ID": "of another app"}
    use_settings(environ, file, folder=file.parent)
    assert environ == {"AZURE_CLIENT_ID": left}
