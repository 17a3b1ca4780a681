"""The app's stores while storage is down, silent or busy, or refuses: Unavailable, in bounded time, nothing lost."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from uuid import uuid4

import pytest

from sandbox.azurite import ACCOUNT_KEY, Azurite
from sandbox.relay import Mood
from shared.app.clients import Clients
from shared.errors import Misconfigured, Unavailable
from shared.settings import Settings
from tests.fakes.settings_environment import LEAST
from tests.fakes.time_limits import BUSY_MACHINE_SECONDS, within
from tests.integration.relayed_account import RelayedAccount
from tests.integration.storage_calls import CALLS, CALLS_OF_A_POST, ETAG, TRIED_ONCE, Rows, Stores, stores_on

pytestmark = pytest.mark.slow


@pytest.fixture
def container() -> str:
    return f"posts-{uuid4().hex}"


@pytest.fixture
def stores(azurite: Azurite, container: str) -> Iterator[Stores]:
    with stores_on(azurite.connection_string, container=container) as stores:
        yield stores


@contextmanager
def _stores_of_the_app(relayed: RelayedAccount, container: str) -> Iterator[Stores]:
    """Yield the stores on the app's own clients, which retry."""
    clients = Clients(Settings.from_environ(LEAST | {"AzureWebJobsStorage": relayed.connection_string}))
    with clients.tables() as tables, clients.blobs() as blobs, clients.queues() as queues:
        yield Stores.of(tables, blobs, queues, container)


def _stores_tried_once(relayed: RelayedAccount, container: str) -> AbstractContextManager[Stores]:
    return stores_on(relayed.connection_string, container=container, **TRIED_ONCE)


@pytest.mark.parametrize("mood", [Mood.SILENT, Mood.BUSY])
@pytest.mark.parametrize("call", CALLS)
def test_outage_is_unavailable_in_time_and_changes_nothing(
    stores: Stores, container: str, relayed: RelayedAccount, mood: Mood, call: str
) -> None:
    saved = Rows.new().saved_in(stores)
    relayed.set_mood(mood)
    # Graph waits for the calls of a POST: they have time limits of their own, whatever the client's are.
    clients = _stores_of_the_app if call in CALLS_OF_A_POST else _stores_tried_once
    with clients(relayed, container) as called, within(BUSY_MACHINE_SECONDS), pytest.raises(Unavailable):
        CALLS[call](called, saved)
    assert saved.read_from(stores) == saved


@pytest.mark.parametrize("call", CALLS)
def test_storage_that_is_down_is_unavailable_within_seconds(
    stores: Stores, container: str, relayed: RelayedAccount, call: str
) -> None:
    saved = Rows.new().saved_in(stores)
    relayed.set_mood(Mood.DOWN)
    # The client libraries' own retries would take a minute.
    with _stores_of_the_app(relayed, container) as called, within(2 * BUSY_MACHINE_SECONDS), pytest.raises(Unavailable):
        CALLS[call](called, saved)
    assert saved.read_from(stores) == saved


def test_transaction_that_is_cut_off_is_unavailable(stores: Stores, container: str, relayed: RelayedAccount) -> None:
    saved = Rows.new().saved_in(stores)
    relayed.set_mood(Mood.CUTTING)
    with _stores_tried_once(relayed, container) as called, pytest.raises(Unavailable):
        CALLS["record entries"](called, saved)


# Azurite refuses a key in XML, over which the client stumbles a little.
@pytest.mark.filterwarnings("ignore:Testing an element's truth value:DeprecationWarning")
@pytest.mark.parametrize("call", CALLS)
def test_refused_account_key_is_misconfigured_and_not_in_the_message(azurite: Azurite, call: str) -> None:
    wrong = "QUFB" + ACCOUNT_KEY[4:]
    with (
        stores_on(azurite.connection_string.replace(ACCOUNT_KEY, wrong), **TRIED_ONCE) as stores,
        pytest.raises(Misconfigured, match=r"^(storage|the table \w+) .*403") as caught,
    ):
        CALLS[call](stores, Rows.new(etag=ETAG))
    assert wrong not in str(caught.value)
