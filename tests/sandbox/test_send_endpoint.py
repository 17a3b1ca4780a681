"""The second terminal's way into a running sandbox."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import requests

from sandbox.run.send_endpoint import Address, NotRunning, Refused, SendEndpoint
from sandbox.verbs.wrong import Wrong
from tests.sandbox.background import running

pytestmark = pytest.mark.slow


def test_message_reaches_the_sandbox_only_with_its_password(tmp_path: Path) -> None:
    asked: list[tuple[str, Mapping[str, Any]]] = []

    async def carry_out(verb: str, arguments: Mapping[str, Any]) -> str:
        asked.append((verb, arguments))
        if verb == "dance":
            raise Wrong("Nobody can.")
        return "done"

    endpoint, file = SendEndpoint(carry_out), tmp_path / "state" / "running.json"
    with running() as background:
        background.run(endpoint.start(file))
        address = Address.read(file)
        address.send("hello 👋")
        stranger = requests.post(f"{address.url}/verbs/do", json={"text": "x"}, timeout=5)
        said = address.ask("look", {})
        with pytest.raises(Refused, match="Nobody can"):
            address.ask("dance", {})
        mode = file.stat().st_mode
        background.run(endpoint.stop())
    written = {"verb": "write", "text": "hello 👋", "as": "Alex", "in": "Stand-up"}
    assert asked == [("do", written), ("look", {}), ("dance", {})]
    assert said == "done"
    assert stranger.status_code == 401
    assert mode & 0o077 == 0
    assert not file.exists()


def test_missing_sandbox_is_reported_with_how_to_start_one(tmp_path: Path) -> None:
    file = tmp_path / "running.json"
    with pytest.raises(NotRunning, match="make run"):
        Address.read(file)
    file.write_text(json.dumps({"url": "http://127.0.0.1:9", "password": "x"}))
    with pytest.raises(NotRunning, match="make run"):
        Address.read(file).send("hello")
