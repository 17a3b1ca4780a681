"""The second terminal's way into a running sandbox."""

import json
from pathlib import Path

import pytest
import requests

from sandbox.run.send_endpoint import Address, NotRunning, SendEndpoint
from tests.sandbox.background import running

pytestmark = pytest.mark.slow


def test_message_reaches_the_sandbox_only_with_its_password(tmp_path: Path) -> None:
    written: list[str] = []
    endpoint, file = SendEndpoint(written.append), tmp_path / "state" / "running.json"
    with running() as background:
        background.run(endpoint.start(file))
        address = Address.read(file)
        address.send("hello 👋")
        stranger = requests.post(f"{address.url}/messages", json={"text": "x"}, timeout=5)
        background.run(endpoint.stop())
    assert written == ["hello 👋"]
    assert stranger.status_code == 401
    assert file.stat().st_mode & 0o077 == 0


def test_missing_sandbox_is_reported_with_how_to_start_one(tmp_path: Path) -> None:
    file = tmp_path / "running.json"
    with pytest.raises(NotRunning, match="make run"):
        Address.read(file)
    file.write_text(json.dumps({"url": "http://127.0.0.1:9", "password": "x"}))
    with pytest.raises(NotRunning, match="make run"):
        Address.read(file).send("hello")
