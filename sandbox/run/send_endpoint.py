"""The endpoint of a running sandbox that takes what a second terminal asks for, and the file with its address."""

import json
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import requests
from aiohttp import web

from sandbox.serving import Service
from sandbox.verbs.wrong import Wrong

# Some verbs start the app anew, or wait for a run of its timer.
_TIMEOUT_SECONDS = 90

type CarryOut = Callable[[str, Mapping[str, Any]], Awaitable[Any]]
"""Does what a verb says with its arguments, and returns what there is to say about it, as JSON; raises Wrong."""


class NotRunning(RuntimeError):
    """No sandbox answers; the message says how to start one."""


class Refused(RuntimeError):
    """The sandbox cannot do what was asked for; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a running sandbox listens for its user, and its password."""

    url: str
    password: str = field(repr=False)

    @classmethod
    def read(cls, file: Path) -> Self:
        """Return the address that the last sandbox left.

        Raises:
            NotRunning: no sandbox has left one.
        """
        try:
            return cls(**json.loads(file.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError) as exc:
            raise NotRunning("No sandbox is running: start one with `make run`.") from exc

    def write(self, file: Path) -> None:
        """Leave the address for ``read``, for this user only."""
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)
        file.write_text(json.dumps({"url": self.url, "password": self.password}), encoding="utf-8")

    def send(self, text: str) -> None:
        """Write ``text`` in the stand-up chat of the simulated Teams; raises as ``ask`` does."""
        self.ask("do", {"verb": "write", "text": text, "as": "Alex", "in": "Stand-up"})

    def ask(self, verb: str, arguments: Mapping[str, Any]) -> Any:
        """Return what the sandbox says, as JSON, once it has done what it was asked for.

        Raises:
            NotRunning: the sandbox that left this address has ended.
            Refused: it cannot do that.
        """
        try:
            answer = requests.post(
                f"{self.url}/verbs/{verb}",
                json=dict(arguments),
                headers={"X-Sandbox-Password": self.password},
                timeout=_TIMEOUT_SECONDS,
            )
            if answer.status_code == web.HTTPConflict.status_code:
                raise Refused(answer.json()["error"])
            answer.raise_for_status()
            return answer.json()
        except requests.RequestException as exc:
            raise NotRunning("The sandbox does not answer: start one with `make run`.") from exc


class SendEndpoint:
    """The service that takes verbs; ``carry_out`` is awaited with each in the event loop, with its arguments."""

    def __init__(self, carry_out: CarryOut) -> None:
        self._carry_out = carry_out
        self._password = secrets.token_urlsafe(24)
        app = web.Application()
        app.add_routes([web.post("/verbs/{verb}", self._verb)])
        # Plain HTTP on loopback: nothing leaves the machine, and the password keeps other users out.
        self._service = Service(app, None)
        self._file: Path | None = None

    async def start(self, file: Path) -> None:
        """Listen, and leave the address in ``file``."""
        await self._service.start()
        Address(url=self._service.url, password=self._password).write(file)
        self._file = file

    async def stop(self) -> None:
        """Stop listening, and remove the address."""
        await self._service.stop()
        if self._file is not None:
            self._file.unlink(missing_ok=True)

    async def _verb(self, request: web.Request) -> web.Response:
        if not secrets.compare_digest(request.headers.get("X-Sandbox-Password", "").encode(), self._password.encode()):
            return web.Response(status=401)
        try:
            said = await self._carry_out(request.match_info["verb"], await request.json())
        except Wrong as exc:
            return web.json_response({"error": str(exc)}, status=web.HTTPConflict.status_code)
        return web.json_response(said)
