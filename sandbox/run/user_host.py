"""A host that the user starts with ``func start``: settings are written, the command is shown, its start awaited."""

import asyncio
import shlex
import socket
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp

from sandbox.host.core_tools import certificate_options
from sandbox.host.process import PortInUse
from sandbox.json_files import read
from sandbox.run.deployment import REPOSITORY
from sandbox.run.operator_files import SETTINGS_NAME, write_settings
from sandbox.run.world import World

# The default address of Core Tools; the sandbox's certificate is for this name.
_URL = "https://localhost:7071"

# A setting that marks the file as the sandbox's own, not one that the user has written by hand.
_MARK = "WRITTEN_BY_SANDBOX"

_PATIENCE_SECONDS = 600
_POLL_SECONDS = 0.5


class UserHost:
    """A host that the user starts in the app's folder, to serve at ``url``."""

    def __init__(self, world: World, folder: Path = REPOSITORY, url: str = _URL) -> None:
        self._world = world
        self._settings_file = folder / SETTINGS_NAME
        self._subscriptions_file = folder / "subscriptions.json"
        self._url = url

    @property
    def subscriptions(self) -> int:
        """How many subscriptions the folder's ``subscriptions.json`` asks for."""
        entries = read(self._subscriptions_file)["subscriptions"]
        return len(entries) * len(self._world.registration.tenant_ids)

    def prepare(self) -> str:
        """Return the instructions for the user, after writing ``local.settings.json``.

        Raises:
            PortInUse: another program listens where the app shall serve.
            RuntimeError: there is one already, of the user's own.
        """
        self._check_port()
        file = self._settings_file
        if file.exists() and _MARK not in file.read_text(encoding="utf-8"):
            raise RuntimeError(f"{file.name} exists and is your own: move it away, and start again.")
        values = self._world.settings(f"{self._url}/api/ReceiveNotification") | {_MARK: "true"}
        write_settings(file, values)
        command = shlex.join(["func", "start", *certificate_options(self._world.tls)])
        return f"{file.name} is written. Start the app in this folder, in a second terminal:\n\n  {command}\n"

    def _check_port(self) -> None:
        address = urlsplit(self._url)
        with suppress(OSError), socket.create_connection((address.hostname or "", address.port or 0), timeout=1):
            raise PortInUse(f"Port {address.port} is in use by another program: end that, and start again.")

    async def serving(self) -> str:
        """Return the host's address once the app answers there.

        Raises:
            RuntimeError: it has not within ten minutes.
        """
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS), aiohttp.ClientSession() as session:
                while not await self._answers(session):
                    await asyncio.sleep(_POLL_SECONDS)
        except TimeoutError as exc:
            raise RuntimeError(f"Nothing has answered at {self._url} within ten minutes.") from exc
        return self._url

    async def _answers(self, session: aiohttp.ClientSession) -> bool:
        url = f"{self._url}/api/ReceiveNotification?validationToken=sandbox"
        try:
            async with session.post(url, ssl=self._world.tls.client_context) as response:
                return await response.text() == "sandbox"
        except aiohttp.ClientError:
            return False
