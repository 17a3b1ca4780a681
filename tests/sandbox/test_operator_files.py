"""The files that a running sandbox writes for the operators' commands, and removes at its end."""

import json
import stat
from pathlib import Path

import pytest

from sandbox.run.operator_files import remove_operator_files, setting, write_operator_files

VALUES = {"CLIENT_SECRET": "made up"}
SUBSCRIPTIONS = [{"resource": "/teams", "changeType": "created"}]


def test_settings_are_written_for_this_user_only_and_removed(tmp_path: Path) -> None:
    file = write_operator_files(tmp_path / "state", VALUES, SUBSCRIPTIONS)
    assert json.loads(file.read_text()) == {"IsEncrypted": False, "Values": VALUES}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert json.loads((file.parent / "subscriptions.json").read_text()) == {"subscriptions": SUBSCRIPTIONS}
    for _ in range(2):
        remove_operator_files(file.parent)
        assert list(file.parent.iterdir()) == []


def test_setting_is_read_and_missing_says_that_no_sandbox_serves(tmp_path: Path) -> None:
    write_operator_files(tmp_path, VALUES, SUBSCRIPTIONS)
    assert setting(tmp_path, "CLIENT_SECRET") == "made up"
    remove_operator_files(tmp_path)
    with pytest.raises(RuntimeError, match="No sandbox is serving"):
        setting(tmp_path, "CLIENT_SECRET")
