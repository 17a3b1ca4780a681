"""The table of tracked subscriptions while storage is away, silent, or refuses: Unavailable, and in bounded time."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from azure.data.tables import TableServiceClient

from sandbox.azurite import ACCOUNT_KEY, Azurite
from sandbox.relay import Mood, Relay
from shared.errors import Unavailable
from shared.subscriptions.subscription_table import SubscriptionTable
from shared.subscriptions.tracked import TrackedSubscription
from tests.fakes.subscription_values import NOW, ROW, WANTED
from tests.fakes.time_limits import BUSY_MACHINE_SECONDS, within
from tests.sandbox.background import Background

pytestmark = pytest.mark.slow

# How often and how long the timer's calls are tried is the client's; what comes of it in the end is the table's.
_ONCE = {"retry_total": 0, "connection_timeout": 1, "read_timeout": 1}


@pytest.fixture(scope="module")
def relay(azurite: Azurite) -> Iterator[Relay]:
    background = Background()
    relay = Relay(urlsplit(azurite.table_endpoint).port or 0)
    background.run(relay.start())
    yield relay
    background.run(relay.stop())
    background.close()


@pytest.fixture
def tracking(azurite: Azurite, relay: Relay) -> Iterator[SubscriptionTable]:
    relayed = re.sub(r"(TableEndpoint=http://127\.0\.0\.1):\d+", rf"\1:{relay.port}", azurite.connection_string)
    with TableServiceClient.from_connection_string(relayed, **_ONCE) as tables:
        yield SubscriptionTable(tables)
    relay.mood = Mood.FORWARDING


def _row() -> TrackedSubscription:
    return replace(ROW, desired=replace(WANTED, tenant_id=str(uuid4())), etag=None)


def _hear(tracking: SubscriptionTable, saved: TrackedSubscription) -> None:
    tracking.record_activity(saved.desired.tenant_id, "a-subscription", lifecycle_event=None, at=NOW)


_CALLS: dict[str, Callable[[SubscriptionTable, TrackedSubscription], object]] = {
    "load": lambda tracking, saved: tracking.load(saved.desired.tenant_id),
    "create": lambda tracking, _saved: tracking.save(_row()),
    "change": lambda tracking, saved: tracking.save(saved),
    "remove": lambda tracking, saved: tracking.delete(saved),
    "forget": lambda tracking, saved: tracking.delete_activity(saved.desired.tenant_id, "a-subscription"),
    "hear": _hear,
}


@pytest.mark.parametrize("mood", [Mood.DOWN, Mood.SILENT])
@pytest.mark.parametrize("call", _CALLS)
def test_a_table_that_cannot_be_had_is_unavailable(
    tracking: SubscriptionTable, relay: Relay, mood: Mood, call: str
) -> None:
    saved = tracking.save(_row())
    relay.mood = mood
    with pytest.raises(Unavailable), within(BUSY_MACHINE_SECONDS):
        _CALLS[call](tracking, saved)
    relay.mood = Mood.FORWARDING
    assert tracking.load(saved.desired.tenant_id).tracked == (saved,)


def test_what_is_heard_waits_no_longer_than_graph_does_whatever_the_clients_own_patience(
    azurite: Azurite, relay: Relay, tracking: SubscriptionTable
) -> None:
    saved = tracking.save(_row())
    relayed = re.sub(r"(TableEndpoint=http://127\.0\.0\.1):\d+", rf"\1:{relay.port}", azurite.connection_string)
    relay.mood = Mood.SILENT
    with (
        TableServiceClient.from_connection_string(relayed) as patient,
        pytest.raises(Unavailable),
        within(BUSY_MACHINE_SECONDS),
    ):
        _hear(SubscriptionTable(patient), saved)


# Azurite refuses a key in XML, over which the client stumbles a little.
@pytest.mark.filterwarnings("ignore:Testing an element's truth value:DeprecationWarning")
@pytest.mark.parametrize("call", _CALLS)
def test_a_key_that_storage_refuses_is_unavailable_and_stays_out_of_the_message(azurite: Azurite, call: str) -> None:
    wrong = "QUFB" + ACCOUNT_KEY[4:]
    refused = azurite.connection_string.replace(ACCOUNT_KEY, wrong)
    saved = replace(_row(), etag="W/\"datetime'2026-11-21T09%3A30%3A00.0000000Z'\"")
    with (
        TableServiceClient.from_connection_string(refused, **_ONCE) as tables,
        pytest.raises(Unavailable, match=r"table subscriptions .*403") as caught,
    ):
        _CALLS[call](SubscriptionTable(tables), saved)
    assert wrong not in str(caught.value)
