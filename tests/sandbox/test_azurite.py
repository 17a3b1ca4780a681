"""Azurite as the sandbox starts and ends it; that its services work is what every test on top of them shows."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from urllib.parse import urlsplit

import pytest
from azure.storage.blob import BlobServiceClient

from sandbox.azurite import Azurite, AzuriteMissing
from tests.eventually import eventually
from tests.sandbox.background import running

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).parents[2]


def answers(endpoint: str) -> bool:
    address = urlsplit(endpoint)
    with socket.socket() as probe:
        return probe.connect_ex((str(address.hostname), address.port or 0)) == 0


def test_azurite_can_be_started_again_and_then_is_empty() -> None:
    azurite = Azurite()
    with running() as loop:
        loop.run(azurite.start())
        with BlobServiceClient.from_connection_string(azurite.connection_string) as client:
            client.create_container("container")
        loop.run(azurite.stop())
        assert not answers(azurite.blob_endpoint)
        loop.run(azurite.start())
        with BlobServiceClient.from_connection_string(azurite.connection_string) as client:
            assert list(client.list_containers()) == []
        loop.run(azurite.stop())


def test_azurite_ends_when_the_process_that_started_it_is_killed() -> None:
    script = """
        import asyncio
        from sandbox.azurite import Azurite

        async def main():
            azurite = Azurite()
            await azurite.start()
            print(azurite.queue_endpoint, flush=True)
            await asyncio.sleep(60)

        asyncio.run(main())
    """
    command = [sys.executable, "-c", dedent(script)]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        endpoint = parent.stdout.readline().strip()
        assert answers(endpoint)
        os.kill(parent.pid, signal.SIGKILL)
    assert eventually(lambda: not answers(endpoint))


def test_missing_packages_are_reported_with_the_make_command(tmp_path: Path) -> None:
    with pytest.raises(AzuriteMissing, match=r"Azurite is not installed: `make run` or `make test`"):
        asyncio.run(Azurite(tmp_path).start())


def test_missing_node_is_reported_with_the_make_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(AzuriteMissing, match=r"Node.js is not on the PATH: .* `make run`"):
        asyncio.run(Azurite().start())


def test_stopping_an_azurite_that_was_never_started_is_harmless() -> None:
    asyncio.run(Azurite().stop())


def test_azurite_loads_no_library_that_would_send_telemetry() -> None:
    sandbox = REPOSITORY / "sandbox"
    script = """
        const azurite = require("./node_modules/azurite/dist/src/common/Telemetry");
        console.log(Object.keys(azurite), Object.keys(require.cache).filter(file => file.includes("telemetry/")));
    """
    command = ["node", f"--require={sandbox / 'without_telemetry.cjs'}", "--eval", script]
    loaded = subprocess.run(command, cwd=sandbox, capture_output=True, text=True, check=True, timeout=30)
    assert loaded.stdout == "[ 'AzuriteTelemetryClient' ] []\n"
