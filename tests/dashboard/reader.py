"""Somebody who reads the live page without a browser."""

import json
from collections.abc import Callable
from typing import Any

import requests


class Reader:
    """Somebody who was let in, and reads the stream."""

    def __init__(self, link: str) -> None:
        self._origin, _, token = link.partition("/#")
        self._session = requests.Session()
        self._session.headers["Origin"] = self._origin
        assert self._session.post(f"{self._origin}/session", json={"token": token}, timeout=10).status_code == 204

    def first(self, fits: Callable[[Any], object]) -> Any:
        """Return the first snapshot that fits."""
        with self._session.get(f"{self._origin}/events", stream=True, timeout=60) as events:
            for line in events.iter_lines(chunk_size=1):
                if line.startswith(b"data: ") and fits(shown := json.loads(line[6:])):
                    return shown
        raise AssertionError("the stream has ended")

    def act(self, verb: str, **values: str) -> tuple[int, Any]:
        answer = self._session.post(f"{self._origin}/act", json={"verb": verb, **values}, timeout=60)
        return answer.status_code, answer.json()
