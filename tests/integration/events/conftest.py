"""A namespace of Event Hubs for each module that asks for one."""

import gc
from collections.abc import Iterator

import pytest

from tests.fakes.event_hubs import Namespace, event_hubs


@pytest.fixture(scope="session")
def _event_hubs() -> Iterator[Namespace]:
    with event_hubs() as namespace:
        yield namespace


@pytest.fixture
def namespace(_event_hubs: Namespace) -> Iterator[Namespace]:
    yield _event_hubs
    _event_hubs.as_it_was()
    # While the warnings of sockets that clients have left are the test's.
    gc.collect()
