"""Azurite, Microsoft's storage emulator, as a child process: blobs, queues and tables in memory, on free ports.

Source: https://learn.microsoft.com/azure/storage/common/storage-use-azurite
"""

import re
import shutil
from datetime import timedelta
from pathlib import Path

from sandbox.child import Child

# The one account that every Azurite has; its key is public, and opens nothing but an emulator.
# Source: https://learn.microsoft.com/azure/storage/common/storage-connect-azurite
ACCOUNT_NAME = "devstoreaccount1"
ACCOUNT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="

_FOLDER = Path(__file__).parent
_LISTENING = re.compile(r"^Azurite (Blob|Queue|Table) service is successfully listening at (http://\S+)$")
# In this order Azurite starts them, one after the other: the last line means that all three answer.
_READY = re.compile(r"^Azurite Table service is successfully listening")
_PATIENCE = timedelta(seconds=60)


class AzuriteMissing(RuntimeError):
    """Node or the npm packages are not installed; the message says what to do."""


class Azurite:
    """One empty storage account; what is written into it is gone when it stops.

    The endpoints are known once ``start`` has returned: Azurite takes free ports itself, so no other program can
    take them first.
    """

    def __init__(self, packages: Path = _FOLDER / "node_modules") -> None:
        self._packages = packages
        self._child = Child("Azurite")
        self._endpoints: dict[str, str] = {}

    @property
    def blob_endpoint(self) -> str:
        """Such as ``http://127.0.0.1:10000/devstoreaccount1``."""
        return self._endpoints["Blob"]

    @property
    def queue_endpoint(self) -> str:
        """Such as ``http://127.0.0.1:10001/devstoreaccount1``."""
        return self._endpoints["Queue"]

    @property
    def table_endpoint(self) -> str:
        """Such as ``http://127.0.0.1:10002/devstoreaccount1``."""
        return self._endpoints["Table"]

    @property
    def connection_string(self) -> str:
        """What ``AzureWebJobsStorage`` is set to, and what the storage and tables clients accept."""
        return (
            f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT_NAME};AccountKey={ACCOUNT_KEY};"
            f"BlobEndpoint={self.blob_endpoint};QueueEndpoint={self.queue_endpoint};TableEndpoint={self.table_endpoint};"
        )

    async def start(self) -> None:
        """Return once all three services answer.

        Raises:
            AzuriteMissing: Node or the npm packages are not installed.
            ChildFailed: Azurite ended instead; its last lines are in the message.
        """
        await self._child.start(self._command(), environment={}, folder=_FOLDER)
        try:
            await self._child.wait_for_line(_READY, within=_PATIENCE)
        except BaseException:
            await self._child.kill()
            raise
        found = (_LISTENING.search(line) for line in self._child.lines)
        self._endpoints = {match[1]: f"{match[2]}/{ACCOUNT_NAME}" for match in found if match}

    async def stop(self) -> None:
        """End Azurite and forget what was stored; harmless when it does not run."""
        # It has nothing to save, and on SIGTERM it would wait for the clients to hang up.
        await self._child.kill()

    def _command(self) -> list[str]:
        node = shutil.which("node")
        program = self._packages / "azurite" / "dist" / "src" / "azurite.js"
        if node is None:
            raise AzuriteMissing(
                "Node.js is not on the PATH: install it (20 or later), then run `make run` or `make test`."
            )
        if not program.exists():
            raise AzuriteMissing(
                "Azurite is not installed: `make run` or `make test` installs it into sandbox/node_modules."
            )
        preloaded = [f"--require={_FOLDER / name}" for name in ("end_with_parent.cjs", "without_telemetry.cjs")]
        ports = ["--blobPort", "0", "--queuePort", "0", "--tablePort", "0"]
        options = ["--silent", "--inMemoryPersistence", "--disableTelemetry", "--skipApiVersionCheck"]
        return [node, *preloaded, str(program), *options, *ports]
