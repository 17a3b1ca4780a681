"""The storage account behind relays, each of which can begin and end an outage of one service."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from sandbox.azurite import Azurite
from sandbox.relay import Mood, Relay
from tests.sandbox.background import Background


@dataclass(frozen=True, kw_only=True)
class RelayedAccount:
    """The account's connection string, and its relays by service: Blob, Queue and Table."""

    connection_string: str
    relays: Mapping[str, Relay]

    def set_mood(self, mood: Mood) -> None:
        for relay in self.relays.values():
            relay.mood = mood


@contextmanager
def relayed_account(azurite: Azurite) -> Iterator[RelayedAccount]:
    endpoints = {"Blob": azurite.blob_endpoint, "Queue": azurite.queue_endpoint, "Table": azurite.table_endpoint}
    relays = {name: Relay(urlsplit(endpoint).port or 0) for name, endpoint in endpoints.items()}
    background, connection_string = Background(), azurite.connection_string
    for name, relay in relays.items():
        background.run(relay.start())
        connection_string = re.sub(rf"({name}Endpoint=http://127\.0\.0\.1):\d+", rf"\1:{relay.port}", connection_string)
    yield RelayedAccount(connection_string=connection_string, relays=relays)
    for relay in relays.values():
        background.run(relay.stop())
    background.close()
