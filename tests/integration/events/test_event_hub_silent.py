"""A hub whose address takes connections and says nothing: azure-eventhub's client alone would wait for ever."""

import gc
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from azure.core.credentials import AccessToken

from shared.bounded_calls import MAX_ABANDONED
from shared.errors import Unavailable
from shared.event_hub_settings import EventHubSettings
from shared.events.event_hub import EventHub

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:unclosed <s:ResourceWarning")]

_PATIENCE = 20


class _NoCredential:
    def get_token(self, *_scopes: str, **_options: Any) -> AccessToken:
        raise AssertionError("a connection string needs no token")


@pytest.fixture
def silent() -> Iterator[EventHub]:
    # What is not accepted is connected all the same, and ends with the listener.
    with socket.create_server(("127.0.0.1", 0)) as server:
        endpoint = f"Endpoint=sb://127.0.0.1:{server.getsockname()[1]}"
        connection = f"{endpoint};SharedAccessKeyName=a;SharedAccessKey=b;UseDevelopmentEmulator=true"
        settings = EventHubSettings(name="changes", connection=connection, namespace="127.0.0.1", identity=None)
        hub = EventHub(settings, _NoCredential(), timeout=timedelta(seconds=0.3))
        yield hub
    hub._calls._pool.shutdown()
    gc.collect()


def test_silent_hub_is_given_up_in_time(silent: EventHub) -> None:
    with ThreadPoolExecutor(max_workers=1) as sender:
        for _ in range(2):
            sent = sender.submit(silent.send, [b"1"])
            assert isinstance(sent.exception(_PATIENCE), Unavailable)


def test_hub_counts_as_down_while_four_calls_wait_for_it(silent: EventHub) -> None:
    for _ in range(MAX_ABANDONED):
        with pytest.raises(Unavailable, match=r"the event hub changes has not answered within 0\.3 seconds"):
            silent.send([b"1"])
    with pytest.raises(Unavailable, match="the event hub changes counts as down"):
        silent.send([b"1"])
