"""The composition root: an environment in, the flows with their real clients out."""

import importlib
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from ReceiveNotification import process
from sandbox.azurite import Azurite
from sandbox.serving import Fault
from shared.app.clients import Clients
from shared.app.receive_notification import receiver
from shared.app.renew_subscriptions import (
    catch_up,
    parked_redriver,
    quarantine_redriver,
    reconciler,
    timer_run,
)
from shared.errors import Misconfigured, Unavailable
from shared.receiving.post_store import PARKED
from tests.eventually import eventually
from tests.fakes.deployments import forget_deployments
from tests.fakes.identity_services import CERTIFICATE_NAME, CLIENT_SECRET, IdentityServices, fault
from tests.fakes.settings_environment import LEAST
from tests.fakes.time_limits import in_time
from tests.sender import OTHER_TENANT, STATE_KEY_TEXT, TENANT, Sender, basic_item, body

pytestmark = pytest.mark.slow

type Environ = dict[str, str]


@pytest.fixture
def environ(outside: IdentityServices, azurite: Azurite) -> Environ:
    """Every setting, with a queue of a test's own."""
    return LEAST | {
        "AzureWebJobsStorage": azurite.connection_string,
        "CLIENT_SECRET": CLIENT_SECRET,
        # Tests of one account send one and the same change.
        "DEDUPLICATE_FOR": "0",
        "ENCRYPTION_CERTIFICATE_NAME": CERTIFICATE_NAME,
        "EVENT_SINK": f"queue:queue-{uuid4().hex}",
        "KEY_VAULT_URL": outside.vault_service.url,
        "LOGIN_URL": outside.login.url,
        "TENANT_IDS": f"{TENANT},{OTHER_TENANT}",
    }


def _without(environ: Environ, *names: str) -> Environ:
    return {name: value for name, value in environ.items() if name not in names}


def _sender(outside: IdentityServices) -> Sender:
    version = outside.vault.create_certificate(CERTIFICATE_NAME)
    return Sender(entra=outside.entra, certificate=outside.vault.certificate(CERTIFICATE_NAME), certificate_id=version)


def test_receiver_from_an_environment_publishes(outside: IdentityServices, environ: Environ) -> None:
    sender, clients = _sender(outside), Clients.from_environ(environ)
    post = body(sender.rich_item(), basic_item(), tokens=[sender.token("1.0"), sender.token()])
    receipt = receiver(clients).receive(post, received_at=datetime.now(UTC), deadline=in_time())
    assert (receipt.published, receipt.problems) == (2, {})
    queue = clients.queues().get_queue_client(clients.settings.queue_name or "")
    assert queue.get_queue_properties().approximate_message_count == 2


def test_reconciler_from_an_environment_has_every_tenant(outside: IdentityServices, environ: Environ) -> None:
    version = outside.vault.create_certificate(CERTIFICATE_NAME)
    made = reconciler(Clients.from_environ(environ))
    assert {item.tenant_id for item in made.desired} == {TENANT, OTHER_TENANT}
    assert {(account.tenant_id, account.delegated) for account in made.accounts} == {
        (tenant_id, delegated) for tenant_id in (TENANT, OTHER_TENANT) for delegated in (True, False)
    }
    assert made.certificate is not None
    assert made.certificate().version == version
    assert made.nonce() != made.nonce()


@pytest.mark.parametrize("flow", [receiver, reconciler, parked_redriver, quarantine_redriver, catch_up])
def test_flow_is_built_once_and_without_a_call(
    outside: IdentityServices, environ: Environ, flow: Callable[[Clients], Any]
) -> None:
    clients = Clients.from_environ(environ)
    assert flow(clients) is flow(clients)
    assert flow(clients) is not flow(Clients.from_environ(environ))
    assert outside.login.requests == outside.vault_service.requests == []


def test_timer_shares_the_limiter_of_the_posts(environ: Environ) -> None:
    clients = Clients.from_environ(environ)
    for redriver in (parked_redriver(clients), quarantine_redriver(clients)):
        assert redriver.receiver.limiter is receiver(clients).limiter


def test_missing_setting_is_named_until_it_is_set(environ: Environ, monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = importlib.reload(process)
    for name, value in _without(environ, "CLIENT_STATE_KEY", "TENANT_IDS").items():
        monkeypatch.setenv(name, value)
    for _ in range(2):
        with pytest.raises(Misconfigured, match=r"TENANT_IDS is not set.*CLIENT_STATE_KEY is not set"):
            fresh.clients()
    monkeypatch.setenv("CLIENT_STATE_KEY", STATE_KEY_TEXT)
    monkeypatch.setenv("TENANT_IDS", TENANT)
    assert fresh.clients().settings.tenant_ids == (TENANT,)
    assert fresh.clients() is fresh.clients()


def test_rich_item_is_parked_without_a_vault_and_basic_one_published(
    outside: IdentityServices, environ: Environ
) -> None:
    clients = Clients.from_environ(_without(environ, "KEY_VAULT_URL", "ENCRYPTION_CERTIFICATE_NAME"))
    made, now = receiver(clients), datetime.now(UTC)
    assert made.receive(body(basic_item()), received_at=now, deadline=in_time()).published == 1
    receipt = made.receive(_sender(outside).rich_body(), received_at=now, deadline=in_time())
    assert receipt.parked == {"misconfigured": 1}
    assert "KEY_VAULT_URL" in str(receipt.problems[0])


def test_post_parked_without_a_setting_is_published_once_it_is_set(outside: IdentityServices, environ: Environ) -> None:
    sender = _sender(outside)
    lacking = Clients.from_environ(_without(environ, "ENCRYPTION_CERTIFICATE_NAME"))
    # The process's account has what other tests have left, with other keys.
    before = {post.name for post in lacking.post_store(PARKED).list()}
    receipt = receiver(lacking).receive(sender.rich_body(), received_at=datetime.now(UTC), deadline=in_time())
    assert receipt.parked == {"misconfigured": 1}
    clients = Clients.from_environ(environ)
    ends = clients.clock.now() + timedelta(minutes=1)
    assert parked_redriver(clients).run(ends)["published"] >= 1
    assert {post.name for post in clients.post_store(PARKED).list()} <= before


def test_purges_and_the_audit_come_last_in_a_turn_of_the_timer(environ: Environ) -> None:
    forget_deployments(environ["AzureWebJobsStorage"])
    clients = Clients.from_environ(environ)
    run = timer_run(clients)
    assert run.first.name == "subscriptions"
    names = ["parked", "endpoint", "gaps", "departed", "quarantine", "published", "audit"]
    assert [step.name for step in run.others] == names
    # How many depends on what other tests have left in the account.
    assert run.others[-2].work(clients.clock.now() + timedelta(minutes=1)).keys() == {"deleted"}


def test_audit_that_is_turned_off_is_no_step(environ: Environ) -> None:
    forget_deployments(environ["AzureWebJobsStorage"])
    run = timer_run(Clients.from_environ({**environ, "AUDIT_EVERY": "0"}))
    assert "audit" not in [step.name for step in run.others]


def test_swallowed_identity_request_does_not_delay_later_posts(outside: IdentityServices, environ: Environ) -> None:
    version, made = outside.vault.create_certificate(CERTIFICATE_NAME), receiver(Clients.from_environ(environ))

    def serves() -> bool:
        with suppress(Unavailable):
            return bool(made.publisher.private_key(version, in_time()).key_size)
        return False

    with fault(outside.login, Fault(path="/msi/token", delay=20, times=1)):
        assert eventually(serves)


@pytest.mark.parametrize(
    ("subscriptions", "words"),
    [(None, "cannot be read"), ('{"subscriptions": [', "cannot be read"), ('{"subscriptions": [{}]}', "entry 1")],
    ids=["missing", "cut off", "empty entry"],
)
def test_broken_subscriptions_file_is_named_until_it_is_repaired(
    tmp_path: Path, environ: Environ, subscriptions: str | None, words: str
) -> None:
    clients, file = Clients.from_environ(environ), tmp_path / "subscriptions.json"
    if subscriptions is not None:
        file.write_text(subscriptions)
    with pytest.raises(Misconfigured, match=rf"subscriptions\.json.*{words}"):
        reconciler(clients, file)
    file.write_text('{"subscriptions": []}')
    assert reconciler(clients, file).desired == ()


@pytest.mark.parametrize(("cloud", "suffix"), [("global", "core.windows.net"), ("china", "core.chinacloudapi.cn")])
def test_storage_account_of_a_name_is_reached_in_its_cloud(cloud: str, suffix: str) -> None:
    account = {"AzureWebJobsStorage__accountName": "teamsevents", "GRAPH_CLOUD": cloud}
    clients = Clients.from_environ(_without(LEAST, "AzureWebJobsStorage") | account)
    with clients.queues() as queues, clients.blobs() as blobs, clients.tables() as tables:
        assert queues.url.rstrip("/") == f"https://teamsevents.queue.{suffix}"
        assert blobs.url.rstrip("/") == f"https://teamsevents.blob.{suffix}"
        assert tables.url.rstrip("/") == f"https://teamsevents.table.{suffix}"
