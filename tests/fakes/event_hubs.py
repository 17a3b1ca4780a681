"""A namespace of Event Hubs for tests, behind a relay whose mood is an outage; skipped without the library."""

import gc
from collections.abc import Iterator
from concurrent.futures import wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from warnings import catch_warnings, simplefilter

import pytest

from sandbox.clock import Clock
from sandbox.relay import Mood, Relay
from shared.events.event_hub import EventHub
from tests.sandbox.background import Background

if TYPE_CHECKING:
    from sandbox.eventhubs import EventHubs

_GIVEN_UP_SECONDS = 10.0
WHY_SKIPPED = "python-qpid-proton is not installed: make event-hubs"


@dataclass(frozen=True, kw_only=True)
class Namespace:
    background: Background
    hubs: "EventHubs"
    relay: Relay
    clients: list[EventHub] = field(default_factory=list)
    """Those that tests have made: some still wait for an answer."""

    @property
    def connection_string(self) -> str:
        """Return the namespace's connection string, past the relay."""
        return self.hubs.connection_string(self.relay.port)

    def as_it_was(self) -> None:
        """End what a test before has changed."""
        self.relay.mood = Mood.FORWARDING
        self.hubs.faults.clear()
        self.hubs.batches.clear()
        self.hubs.refused.clear()
        # Threads hold clients that were given up, with the sockets that those never close.
        if given_up := [call for client in self.clients for call in list(client._calls._abandoned)]:
            self.background.run(self.relay.hang_up())
            wait(given_up, timeout=_GIVEN_UP_SECONDS)


@contextmanager
def event_hubs() -> Iterator[Namespace]:
    pytest.importorskip("proton", reason=WHY_SKIPPED)
    from sandbox.eventhubs import EventHubs  # noqa: PLC0415  where it is installed

    background = Background()
    hubs = EventHubs(Clock())
    background.run(hubs.start())
    relay = Relay(hubs.port)
    background.run(relay.start())
    namespace = Namespace(background=background, hubs=hubs, relay=relay)
    try:
        yield namespace
    finally:
        background.run(relay.stop())
        background.run(hubs.stop())
        background.close()
        for client in namespace.clients:
            client._calls._pool.shutdown()
        with catch_warnings():
            # Of sockets that these have left.
            simplefilter("ignore", ResourceWarning)
            gc.collect()
