"""The app's clients go by storage's time, which they read from an answer."""

from datetime import UTC, datetime, timedelta

import pytest

from sandbox.azurite import Azurite
from sandbox.relay import Mood
from shared.app.clients import Clients
from shared.app.renew_subscriptions import timer_run
from shared.settings import Settings
from shared.timing import StorageClock
from tests.fakes.clocks import SettableClock
from tests.fakes.settings_environment import LEAST
from tests.fakes.time_limits import within
from tests.integration.relayed_account import RelayedAccount
from tests.sender import TENANT

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


def test_run_goes_by_the_clock_of_storage(azurite: Azurite) -> None:
    clients = _wrong(azurite.connection_string)
    run = timer_run(clients)
    assert abs(run.clock.now() - datetime.now(UTC)) < timedelta(seconds=5)


@pytest.mark.parametrize("mood", [Mood.DOWN, Mood.SILENT, Mood.BUSY, Mood.CUTTING])
def test_answer_that_does_not_come_or_breaks_off_stops_no_run(relayed: RelayedAccount, mood: Mood) -> None:
    clients = _wrong(relayed.connection_string)
    relayed.set_mood(mood)
    with within(8):
        clients.synchronise_clock()


@pytest.mark.filterwarnings("ignore:Testing an element's truth value:DeprecationWarning")
def test_refusal_of_storage_says_what_time_it_is(azurite: Azurite) -> None:
    clients = _wrong(azurite.connection_string.replace("AccountKey=", "AccountKey=AAAA"))
    clients.synchronise_clock()
    assert abs(clients.clock.now() - datetime.now(UTC)) < timedelta(seconds=5)


def test_connection_that_was_dropped_while_idle_does_not_hide_the_time(relayed: RelayedAccount) -> None:
    clients = _wrong(relayed.connection_string)
    clients.subscription_table().load(TENANT)
    relayed.set_mood(Mood.STALE)
    clients.synchronise_clock()
    assert abs(clients.clock.now() - datetime.now(UTC)) < timedelta(seconds=5)


def _wrong(connection_string: str) -> Clients:
    """Return clients whose clock is an hour fast."""
    clients = Clients(Settings.from_environ(LEAST | {"AzureWebJobsStorage": connection_string}))
    assert isinstance(clients.clock, StorageClock)
    clients.clock.synchronise(datetime.now(UTC) + timedelta(hours=1))
    return clients
