"""A second opinion: Microsoft's own .NET package opens what the sandbox seals, and judges its tokens.

The program stands beside the repository, if at all: Microsoft.Graph.Core 4.0.1 in one file.
Source: https://learn.microsoft.com/en-us/graph/change-notifications-with-resource-data
"""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.sandbox.graph_keys import certificate, rich, rsa_key
from tests.sandbox.graph_world import APP, OTHER_APP, GraphWorld

PROGRAM = Path(__file__).parents[4] / "shared/tools/ms-clients"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not PROGRAM.exists(), reason="Microsoft's clients are not here: ../shared/tools/ms-clients"),
]


def _judged(world: GraphWorld, body: dict[str, Any], folder: Path, *, app: str = APP) -> list[dict[str, Any]]:
    """Return what the program says of a POST's body: a line for each item with content, and one for the tokens."""
    key, post = folder / "key.pem", folder / "body.json"
    pem = rsa_key(2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    key.write_bytes(pem + certificate(rsa_key(2048)).public_bytes(Encoding.PEM))
    post.write_text(json.dumps(body), encoding="utf-8")
    well_known = f"{world.login.url}/common/v2.0/.well-known/openid-configuration"
    command: list[str | Path] = [PROGRAM, "graph", post, key, "-", world.ann.tenant_id, app, well_known]
    environment = os.environ | {"SSL_CERT_FILE": str(world.tls.ca_file)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=50, check=False)
    lines: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines()]
    assert lines, done.stderr
    assert done.returncode == (0 if all("error" not in line and line.get("valid", True) for line in lines) else 1)
    return lines


def _posted(world: GraphWorld) -> list[dict[str, Any]]:
    world.subscribe(**rich())
    # Two POSTs, with tokens of either version.
    for text in ("Grüße 🍜", "Goodbye"):
        world.send(text)
    return [body for _, body in world.receiver.posts]


def test_microsofts_package_opens_what_graph_seals_and_accepts_its_tokens(world: GraphWorld, tmp_path: Path) -> None:
    for body, text in zip(_posted(world), ("Grüße 🍜", "Goodbye"), strict=True):
        item, tokens = _judged(world, body, tmp_path)
        assert json.loads(item["content"])["body"]["content"] == text
        assert item["asked"].split()[0] == "c2048"
        assert tokens == {"tokens": 1, "valid": True}


def test_microsofts_package_refuses_the_tokens_of_another_app(world: GraphWorld, tmp_path: Path) -> None:
    body, _ = _posted(world)
    assert _judged(world, body, tmp_path, app=OTHER_APP)[-1] == {"tokens": 1, "valid": False}


def test_microsofts_package_opens_nothing_that_was_altered(world: GraphWorld, tmp_path: Path) -> None:
    body, _ = _posted(world)
    sealed = body["value"][0]["encryptedContent"]
    sealed["data"] = sealed["data"][:-8] + ("AAAA" + sealed["data"][-4:])
    assert "error" in _judged(world, body, tmp_path)[0]
