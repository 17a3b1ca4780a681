"""What a running sandbox leaves for the operators' commands, and takes back."""

import json
import stat
from pathlib import Path

from sandbox.operating import hand_over, take_back

VALUES = {"CLIENT_SECRET": "made up"}
SUBSCRIPTIONS = [{"resource": "/teams", "changeType": "created"}]


def test_the_settings_are_for_this_user_only(tmp_path: Path) -> None:
    file = hand_over(tmp_path / "state", VALUES, SUBSCRIPTIONS)
    assert json.loads(file.read_text()) == {"IsEncrypted": False, "Values": VALUES}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert json.loads((file.parent / "subscriptions.json").read_text()) == {"subscriptions": SUBSCRIPTIONS}


def test_nothing_is_left_when_the_sandbox_has_ended(tmp_path: Path) -> None:
    hand_over(tmp_path, VALUES, SUBSCRIPTIONS)
    take_back(tmp_path)
    take_back(tmp_path)
    assert list(tmp_path.iterdir()) == []
