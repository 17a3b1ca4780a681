"""The endpoint of a running sandbox that takes messages from a second terminal, and the file with its address."""

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import requests
from aiohttp import web

from sandbox.serving import Service

_TIMEOUT_SECONDS = 5


class NotRunning(RuntimeError):
    """No sandbox answers; the message says how to start one."""


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
        """Write ``text`` in the simulated Teams.

        Raises:
            NotRunning: the sandbox that left this address has ended.
        """
        try:
            answer = requests.post(
                f"{self.url}/messages",
                json={"text": text},
                headers={"X-Sandbox-Password": self.password},
                timeout=_TIMEOUT_SECONDS,
            )
            answer.raise_for_status()
        except requests.RequestException as exc:
            raise NotRunning("The sandbox does not answer: start one with `make run`.") from exc


class SendEndpoint:
    """The service that takes messages; ``write`` is called with each text in the event loop."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._password = secrets.token_urlsafe(24)
        app = web.Application()
        app.add_routes([web.post("/messages", self._messages)])
        # Plain HTTP on loopback: nothing leaves the machine, and the password keeps other users out.
        self._service = Service(app, None)

    async def start(self, file: Path) -> None:
        """Listen, and leave the address in ``file``."""
        await self._service.start()
        Address(url=self._service.url, password=self._password).write(file)

    async def stop(self) -> None:
        """Stop listening."""
        await self._service.stop()

    async def _messages(self, request: web.Request) -> web.Response:
        if not secrets.compare_digest(request.headers.get("X-Sandbox-Password", "").encode(), self._password.encode()):
            return web.Response(status=401)
        self._write(str((await request.json())["text"]))
        return web.Response(status=202)
