"""Relays in front of the storage account, part by part, so that the app can lose it while what is stored stays."""

import re
from collections.abc import Mapping

from sandbox.relay import Mood, Relay

_ENDPOINT = re.compile(r"(Blob|Queue|Table)Endpoint=http://127\.0\.0\.1:(\d+)")


class RelayedStorage:
    """The way to a storage account: ``queue``, ``blob`` and ``table`` each have a mood of their own."""

    def __init__(self) -> None:
        self.connection_string = ""
        """What leads through the relays, once they have been started."""
        self._relays: dict[str, Relay] = {}

    async def start(self, connection_string: str) -> None:
        """Listen in front of an account on loopback."""
        for kind, port in _ENDPOINT.findall(connection_string):
            relay = self._relays[kind.lower()] = Relay(int(port))
            await relay.start()
        ports = {kind: relay.port for kind, relay in self._relays.items()}
        self.connection_string = _ENDPOINT.sub(lambda match: _endpoint(match, ports), connection_string)

    async def stop(self) -> None:
        """Close every connection."""
        for relay in self._relays.values():
            await relay.stop()

    def set_mood(self, mood: Mood, *parts: str) -> None:
        """Change how parts are reached, all of them if none is named."""
        for part in parts or self._relays:
            self._relays[part].mood = mood


def _endpoint(match: re.Match[str], ports: Mapping[str, int]) -> str:
    return f"{match[1]}Endpoint=http://127.0.0.1:{ports[match[1].lower()]}"
