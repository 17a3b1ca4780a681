"""What is ready before the first POST comes, and what is said of what is not."""

import logging
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from sandbox.azurite import Azurite
from sandbox.relay import Mood
from shared.app.clients import Clients
from shared.app.receive_notification import receiver
from shared.app.warm_up import warm_up
from shared.errors import Misconfigured
from tests.fakes.identity_services import CERTIFICATE_NAME, IdentityServices
from tests.fakes.settings_environment import LEAST
from tests.fakes.time_limits import in_time
from tests.integration.relayed_account import RelayedAccount, relayed_account
from tests.sender import Sender

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def account(azurite: Azurite) -> Iterator[RelayedAccount]:
    with relayed_account(azurite) as account:
        yield account


@pytest.fixture
def sender(outside: IdentityServices) -> Sender:
    version = outside.vault.create_certificate(CERTIFICATE_NAME)
    return Sender(entra=outside.entra, certificate=outside.vault.certificate(CERTIFICATE_NAME), certificate_id=version)


@pytest.fixture
def clients(outside: IdentityServices, sender: Sender, account: RelayedAccount) -> Iterator[Clients]:  # noqa: ARG001  a certificate
    environ = LEAST | {
        "AzureWebJobsStorage": account.connection_string,
        "ENCRYPTION_CERTIFICATE_NAME": CERTIFICATE_NAME,
        "EVENT_SINK": f"queue:queue-{uuid4().hex}",
        "KEY_VAULT_URL": outside.vault_service.url,
        "LOGIN_URL": outside.login.url,
    }
    clients = Clients.from_environ(environ)
    clients.queues().create_queue(clients.settings.queue_name or "")
    yield clients
    account.set_mood(Mood.FORWARDING)


def _publishes(clients: Clients, sender: Sender) -> bool:
    post = receiver(clients).receive(sender.rich_body(), received_at=datetime.now(UTC), deadline=in_time())
    return post.published == 1 and not post.problems


def test_first_post_needs_no_call_but_that_of_its_event(
    outside: IdentityServices, account: RelayedAccount, clients: Clients, sender: Sender
) -> None:
    warm_up(lambda: clients)
    for service in (outside.login, outside.vault_service):
        assert service.requests
        service.requests.clear()
    before = account.relays["Queue"].connections
    assert _publishes(clients, sender)
    assert outside.login.requests == outside.vault_service.requests == []
    assert account.relays["Queue"].connections == before


def test_warm_process_looks_a_record_up_on_an_open_connection(account: RelayedAccount, clients: Clients) -> None:
    warm_up(lambda: clients)
    before, now = account.relays["Table"].connections, clients.clock.now()
    clients.publication_table().read("1", [now.date()], since=now, is_enough=lambda _: True, deadline=in_time())
    assert account.relays["Table"].connections == before


def test_warm_up_that_succeeds_writes_no_line(clients: Clients, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="shared")
    warm_up(lambda: clients)
    assert "shared.app.warm_up" not in {record.name for record in caplog.records}


def test_what_is_down_is_one_line_and_the_first_post_tries_it_again(
    outside: IdentityServices,
    account: RelayedAccount,
    clients: Clients,
    sender: Sender,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, logger="shared")
    account.set_mood(Mood.DOWN)
    with ExitStack() as outages:
        for service in (outside.login, outside.vault_service):
            outages.enter_context(outside.down(service))
        warm_up(lambda: clients)
    # azure-identity has warnings of its own, and the records of the POST before are still being written.
    (line,) = (record for record in caplog.records if record.name == "shared.app.warm_up")
    assert line.levelno == logging.INFO
    for system in ("Entra ID's signing keys", "Key Vault", "storage", "the table published"):
        assert system in line.getMessage()
    account.set_mood(Mood.FORWARDING)
    assert _publishes(clients, sender)


def test_wrong_settings_are_one_line_of_a_warm_up(caplog: pytest.LogCaptureFixture) -> None:
    def clients() -> Clients:
        raise Misconfigured("TENANT_IDS is not set")

    caplog.set_level(logging.INFO, logger="shared")
    warm_up(clients)
    (line,) = caplog.records
    assert line.levelno == logging.INFO
    assert line.getMessage().endswith("TENANT_IDS is not set")
