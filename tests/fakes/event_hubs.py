"""A namespace of Event Hubs for tests, behind a relay whose mood is an outage; skipped without the library."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from warnings import catch_warnings, simplefilter

import pytest

from sandbox.clock import Clock
from sandbox.relay import Mood, Relay
from tests.sandbox.background import Background

if TYPE_CHECKING:
    from sandbox.eventhubs import EventHubs

WHY_SKIPPED = "python-qpid-proton is not installed: make event-hubs"


@dataclass(frozen=True, kw_only=True)
class Namespace:
    background: Background
    hubs: "EventHubs"
    relay: Relay

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


@contextmanager
def event_hubs() -> Iterator[Namespace]:
    pytest.importorskip("proton", reason=WHY_SKIPPED)
    from sandbox.eventhubs import EventHubs  # noqa: PLC0415  where it is installed

    background = Background()
    hubs = EventHubs(Clock())
    background.run(hubs.start())
    relay = Relay(hubs.port)
    background.run(relay.start())
    try:
        yield Namespace(background=background, hubs=hubs, relay=relay)
    finally:
        background.run(relay.stop())
        background.run(hubs.stop())
        background.close()
        with catch_warnings():
            # Of a client that still waited for an answer.
            simplefilter("ignore", ResourceWarning)
            gc.collect()
