"""The app's clients go by storage's time, which they read from an answer."""

from datetime import UTC, datetime, timedelta

import pytest

from sandbox.azurite import Azurite
from shared.app.clients import Clients
from shared.settings import Settings
from shared.timing import StorageClock
from tests.fakes.clocks import SettableClock
from tests.fakes.settings_environment import LEAST

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("wrong_by", [timedelta(hours=1), timedelta(hours=-1)])
def test_wrong_clock_is_set_by_an_answer_of_storage(azurite: Azurite, wrong_by: timedelta) -> None:
    clients = Clients(Settings.from_environ(LEAST | {"AzureWebJobsStorage": azurite.connection_string}))
    assert isinstance(clients.clock, StorageClock)
    clients.clock.synchronise(datetime.now(UTC) + wrong_by)
    assert abs(clients.clock.now() - datetime.now(UTC)) > timedelta(minutes=59)
    clients.synchronise_clock()
    assert abs(clients.clock.now() - datetime.now(UTC)) < timedelta(seconds=5)


def test_clock_stays_as_it_is_while_storage_does_not_answer() -> None:
    ports = ("Blob", "Queue", "Table")
    nowhere = ";".join(f"{port}Endpoint=http://127.0.0.1:9/devstoreaccount1" for port in ports)
    text = f"DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey=a2V5;{nowhere}"
    clients = Clients(Settings.from_environ(LEAST | {"AzureWebJobsStorage": text}))
    clients.synchronise_clock()
    assert abs(clients.clock.now() - datetime.now(UTC)) < timedelta(seconds=5)


def test_clock_that_is_given_is_never_set(azurite: Azurite) -> None:
    clock = SettableClock(datetime.now(UTC) + timedelta(days=3))
    clients = Clients(Settings.from_environ(LEAST | {"AzureWebJobsStorage": azurite.connection_string}), clock=clock)
    clients.synchronise_clock()
    assert clients.clock.now() - datetime.now(UTC) > timedelta(days=2)
