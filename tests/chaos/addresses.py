"""The public addresses of the app, one after the other: its host name changes, and the old one leads nowhere."""

from sandbox.relay import Mood, Relay


class Addresses:
    """The last one leads to the app; those before do so again once all is repaired."""

    def __init__(self) -> None:
        self._relays: list[Relay] = []

    @property
    def changes(self) -> int:
        """How often the app got another address than its first."""
        return max(0, len(self._relays) - 1)

    async def change(self, port: int) -> str:
        """Return the URL at which the app's host, on ``port``, is found from here on."""
        for relay in self._relays:
            relay.mood = Mood.DOWN
        self._relays.append(Relay(port))
        await self._relays[-1].start()
        return f"https://127.0.0.1:{self._relays[-1].port}/api/ReceiveNotification"

    def repair(self) -> None:
        """Let every address lead to the app: what Graph still has for an old one gets there."""
        for relay in self._relays:
            relay.mood = Mood.FORWARDING

    async def stop(self) -> None:
        """Close all."""
        for relay in self._relays:
            await relay.stop()
