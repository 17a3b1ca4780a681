"""The sandbox's host reads settings as Core Tools do."""

from pathlib import Path

import pytest

from sandbox.host.settings import add_local_settings


@pytest.mark.parametrize(
    "text",
    [
        '{"Values": {"A": 64, "B": true, "C": "// no, comment,}"}}',
        '// mine\n{"Values": /* all */ {"A": 64, "B": true, "C": "// no, comment,}",},}',
    ],
    ids=["numbers and booleans", "comments and trailing commas"],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_local_settings_are_read_as_core_tools_read_them(tmp_path: Path, text: str, encoding: str) -> None:
    (tmp_path / "local.settings.json").write_text(text, encoding=encoding)
    environment: dict[str, str] = {}
    add_local_settings(tmp_path, environment)
    assert environment == {"A": "64", "B": "true", "C": "// no, comment,}"}
