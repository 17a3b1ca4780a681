"""A storage account that costs next to nothing, so that Azurite is not what is measured: ``stub/``, in Node."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import override

import aiohttp

from sandbox.azurite import Azurite, AzuriteMissing

_STUB = Path(__file__).parent / "stub" / "main.cjs"
_END_WITH_PARENT = Path(__file__).parents[2] / "sandbox" / "end_with_parent.cjs"


class StorageStub(Azurite):
    """Takes Azurite's place in a world: the same addresses, and as much of the services as the app calls."""

    async def refuse_messages(self, *, refused: bool) -> None:
        """Have every queue answer 503 to messages, or take them again."""
        await self._control("PUT" if refused else "DELETE", "refuse")

    async def calls(self) -> Mapping[str, int]:
        """Return how many calls were made of the services blob, queue and table."""
        return await self._control("GET", "calls")

    async def _control(self, method: str, name: str) -> Mapping[str, int]:
        url = f"{self.queue_endpoint.rpartition('/')[0]}/stub/{name}"
        async with aiohttp.ClientSession(raise_for_status=True) as session, session.request(method, url) as answer:
            calls: Mapping[str, int] = await answer.json()
        return calls

    @override
    def _command(self) -> list[str]:
        node = shutil.which("node")
        if node is None:
            raise AzuriteMissing("Node.js is not on the PATH: install it (20 or later), then run `make bench`.")
        return [node, "--require", str(_END_WITH_PARENT), str(_STUB)]
