"""The user's own ``func start`` in place of a host of ours: settings written, command told, start awaited."""

import asyncio
import json
import shlex

import aiohttp

from sandbox.deployment import REPOSITORY
from sandbox.host.core_tools import certificate_options
from sandbox.world import World

# Where Core Tools serve unless told otherwise; the sandbox's certificate is for this name.
_URL = "https://localhost:7071"
_SETTINGS_FILE = REPOSITORY / "local.settings.json"
_SUBSCRIPTIONS_FILE = REPOSITORY / "subscriptions.json"

# A setting that tells the sandbox's own file from one that the user has written by hand.
_MARK = "WRITTEN_BY_SANDBOX"

_PATIENCE_SECONDS = 600
_POLL_SECONDS = 0.5


class OwnHost:
    """A host that the user starts in the repository's folder."""

    def __init__(self, world: World) -> None:
        self._world = world

    @property
    def subscriptions(self) -> int:
        """How many subscriptions the repository's ``subscriptions.json`` asks for."""
        entries = json.loads(_SUBSCRIPTIONS_FILE.read_text(encoding="utf-8"))["subscriptions"]
        return len(entries) * len(self._world.registration.tenant_ids)

    def prepare(self) -> str:
        """Return what to tell the user, after writing ``local.settings.json``.

        Raises:
            RuntimeError: there is one already, of the user's own.
        """
        if _SETTINGS_FILE.exists() and _MARK not in _SETTINGS_FILE.read_text(encoding="utf-8"):
            raise RuntimeError(f"{_SETTINGS_FILE.name} exists and is your own: move it away, and start again.")
        values = self._world.settings(f"{_URL}/api/ReceiveNotification") | {_MARK: "true"}
        _SETTINGS_FILE.touch(mode=0o600)
        _SETTINGS_FILE.write_text(json.dumps({"IsEncrypted": False, "Values": values}, indent=2), encoding="utf-8")
        command = shlex.join(["func", "start", *certificate_options(self._world.tls)])
        return f"{_SETTINGS_FILE.name} is written. Start the app in this folder, in a second terminal:\n\n  {command}\n"

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
            raise RuntimeError(f"Nothing has answered at {_URL} within ten minutes.") from exc
        return _URL

    async def _answers(self, session: aiohttp.ClientSession) -> bool:
        url = f"{_URL}/api/ReceiveNotification?validationToken=sandbox"
        try:
            async with session.post(url, ssl=self._world.tls.client_context) as response:
                return await response.text() == "sandbox"
        except aiohttp.ClientError:
            return False
