"""An event hub that the app reaches by its managed identity, over TLS; the token is put by the client as it is."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from azure.identity import ManagedIdentityCredential

from sandbox.clock import Clock
from shared.errors import Misconfigured, Unavailable
from shared.event_hub_settings import EventHubSettings
from shared.events.event_hub import EventHub
from tests.fakes.event_hubs import WHY_SKIPPED
from tests.fakes.identity_services import IDENTITY, IdentityServices
from tests.sender import CLIENT_ID, TENANT

if TYPE_CHECKING:
    from sandbox.eventhubs import EventHubs

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:unclosed <s:ResourceWarning")]


@pytest.fixture
def hubs(outside: IdentityServices) -> "Iterator[EventHubs]":
    pytest.importorskip("proton", reason=WHY_SKIPPED)
    from sandbox.eventhubs import EventHubs  # noqa: PLC0415  where it is installed

    hubs = EventHubs(Clock(), claims=outside.entra.access_claims, tls=outside.tls)
    outside.background.run(hubs.start())
    yield hubs
    outside.background.run(hubs.stop())


@contextmanager
def _hub(hubs: "EventHubs", outside: IdentityServices, identity: str | None = None) -> Iterator[EventHub]:
    from azure.eventhub import TransportType  # noqa: PLC0415  it is imported only where it is used

    settings = EventHubSettings(name=hubs.name, connection=None, namespace="127.0.0.1", identity=identity)
    # The real namespace is at a port of its own, with a certificate that everybody trusts.
    there = {"custom_endpoint_address": f"sb://127.0.0.1:{hubs.port}", "transport_type": TransportType.Amqp}
    with ManagedIdentityCredential(client_id=identity) as credential:
        hub = EventHub(
            settings, credential, timeout=timedelta(seconds=10), connection_verify=str(outside.tls.ca_file), **there
        )
        yield hub
        if hub._client is not None:
            hub._client.close()


def test_identity_with_the_role_sends(hubs: "EventHubs", outside: IdentityServices) -> None:
    hubs.authority.senders = {IDENTITY.client_id}
    with _hub(hubs, outside) as hub:
        assert hub.send([b"1", b"2"]) == 2
    assert [event.body for batch in hubs.batches for event in batch] == [b"1", b"2"]


def test_identity_without_the_role_is_misconfigured(hubs: "EventHubs", outside: IdentityServices) -> None:
    hubs.authority.senders = set()
    with _hub(hubs, outside) as hub, pytest.raises(Misconfigured) as caught:
        hub.send([b"1"])
    text = str(caught.value)
    assert "the event hub teams-events in 127.0.0.1 refuses the app's identity " in text
    assert f"(client id {IDENTITY.client_id}, tenant {TENANT})" in text
    assert "grant it the role Azure Event Hubs Data Sender on 127.0.0.1, and let it through the firewall there" in text
    assert "eyJ" not in text


def test_identity_that_gets_no_token_is_unavailable(hubs: "EventHubs", outside: IdentityServices) -> None:
    with _hub(hubs, outside, CLIENT_ID) as hub, pytest.raises(Unavailable) as caught:
        hub.send([b"1"])
    assert str(caught.value) == "no token for Event Hubs: enable a managed identity, or run az login"
    assert hubs.batches == []
