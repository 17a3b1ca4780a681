"""The composition root: an environment in, the flows with their real clients out."""

import importlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
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
    steps,
)
from shared.errors import Misconfigured, Unavailable
from shared.receiving.post_store import PARKED
from shared.settings import Settings
from tests.eventually import eventually
from tests.fakes.identity_services import CERTIFICATE_NAME, CLIENT_SECRET, IdentityServices, fault
from tests.fakes.time_limits import in_time
from tests.sender import CLIENT_ID, OTHER_TENANT, STATE_KEY_TEXT, TENANT, Sender, basic_item, body

pytestmark = pytest.mark.slow

type Environ = dict[str, str]


@pytest.fixture
def environ(outside: IdentityServices, azurite: Azurite) -> Environ:
    """Every setting, with a queue of a test's own."""
    return {
        "AzureWebJobsStorage": azurite.connection_string,
        "CLIENT_ID": CLIENT_ID,
        "CLIENT_SECRET": CLIENT_SECRET,
        "CLIENT_STATE_KEY": STATE_KEY_TEXT,
        # Tests of one account send one and the same change.
        "DEDUPLICATE_FOR": "0",
        "ENCRYPTION_CERTIFICATE_NAME": CERTIFICATE_NAME,
        "EVENT_SINK": f"queue:queue-{uuid4().hex}",
        "KEY_VAULT_URL": outside.vault_service.url,
        "LOGIN_URL": outside.login.url,
        "NOTIFICATION_URL": "https://app.example/api/ReceiveNotification",
        "TENANT_IDS": f"{TENANT},{OTHER_TENANT}",
    }


def _without(environ: Environ, *names: str) -> Environ:
    return {name: value for name, value in environ.items() if name not in names}


def _sender(outside: IdentityServices) -> Sender:
    version = outside.vault.create_certificate(CERTIFICATE_NAME)
    return Sender(entra=outside.entra, certificate=outside.vault.certificate(CERTIFICATE_NAME), certificate_id=version)


def test_an_environment_makes_a_receiver_that_works(outside: IdentityServices, environ: Environ) -> None:
    sender, clients = _sender(outside), Clients.from_environ(environ)
    post = body(sender.rich_item(), basic_item(), tokens=[sender.token("1.0"), sender.token()])
    receipt = receiver(clients).receive(post, received_at=datetime.now(UTC), deadline=in_time())
    assert (receipt.published, receipt.rejected, receipt.parked) == (2, {}, 0)
    queue = clients.queues().get_queue_client(clients.settings.queue_name)
    assert queue.get_queue_properties().approximate_message_count == 2


def test_an_environment_makes_a_reconciler_for_every_tenant(outside: IdentityServices, environ: Environ) -> None:
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
def test_a_flow_is_built_once_and_calls_nothing_out(
    outside: IdentityServices, environ: Environ, flow: Callable[[Clients], Any]
) -> None:
    clients = Clients.from_environ(environ)
    assert flow(clients) is flow(clients)
    assert flow(clients) is not flow(Clients.from_environ(environ))
    assert outside.login.requests == outside.vault_service.requests == []


def test_the_timer_gives_way_to_the_posts_of_its_process(environ: Environ) -> None:
    clients = Clients.from_environ(environ)
    for redriver in (parked_redriver(clients), quarantine_redriver(clients)):
        assert redriver.receiver.limiter is receiver(clients).limiter


def test_a_missing_setting_is_named_until_it_is_there_and_then_needs_no_restart(
    environ: Environ, monkeypatch: pytest.MonkeyPatch
) -> None:
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


def test_without_a_vault_basic_items_pass_and_rich_ones_tell_what_is_missing(
    outside: IdentityServices, environ: Environ
) -> None:
    clients = Clients.from_environ(_without(environ, "KEY_VAULT_URL", "ENCRYPTION_CERTIFICATE_NAME"))
    made, now = receiver(clients), datetime.now(UTC)
    assert made.receive(body(basic_item()), received_at=now, deadline=in_time()).published == 1
    receipt = made.receive(_sender(outside).rich_body(), received_at=now, deadline=in_time())
    assert receipt.parked == 1
    assert isinstance(receipt.parked_because, Misconfigured)
    assert "KEY_VAULT_URL" in str(receipt.parked_because)


def test_what_was_parked_for_want_of_a_setting_is_published_by_the_timer_once_it_is_there(
    outside: IdentityServices, environ: Environ
) -> None:
    sender = _sender(outside)
    lacking = Clients.from_environ(_without(environ, "ENCRYPTION_CERTIFICATE_NAME"))
    # The process's account has what other tests have left, with other keys.
    before = {post.name for post in lacking.post_store(PARKED).list()}
    receipt = receiver(lacking).receive(sender.rich_body(), received_at=datetime.now(UTC), deadline=in_time())
    assert receipt.parked == 1
    clients = Clients.from_environ(environ)
    assert steps(clients)["parked"]()["published"] >= 1
    assert {post.name for post in clients.post_store(PARKED).list()} <= before


def test_the_timer_drains_after_the_subscriptions_and_tidies_up_last(environ: Environ) -> None:
    run = steps(Clients.from_environ(environ))
    names = list(run)
    assert names.index("subscriptions") < names.index("parked") < names.index("quarantine")
    assert names[-1] == "published"
    assert run["published"]() == {"deleted": 0}


@pytest.mark.parametrize(("threads", "posts"), [("", None), ("64", 8), ("8", 6), ("3", 1), ("1", 1), ("many", None)])
def test_two_threads_are_left_for_parking(environ: Environ, threads: str, posts: int | None) -> None:
    clients = Clients.from_environ(environ | {"PYTHON_THREADPOOL_THREAD_COUNT": threads})
    limiter, free = receiver(clients).limiter, 0
    with ExitStack() as taken, suppress(Unavailable):
        while True:
            taken.enter_context(limiter.slot())
            free += 1
    with ThreadPoolExecutor() as default:
        assert free == (posts or default._max_workers - 2)


def test_an_identity_endpoint_that_swallows_a_request_does_not_hold_up_the_posts_after_it(
    outside: IdentityServices, environ: Environ
) -> None:
    version, made = outside.vault.create_certificate(CERTIFICATE_NAME), receiver(Clients.from_environ(environ))

    def serves() -> bool:
        with suppress(Unavailable):
            return bool(made.private_key(version, in_time()).key_size)
        return False

    with fault(outside.login, Fault(path="/msi/token", delay=20, times=1)):
        assert eventually(serves)


@pytest.mark.parametrize(
    ("subscriptions", "words"),
    [
        (None, "cannot be read"),
        ("", "cannot be read"),
        ('{"subscriptions": [', "cannot be read"),
        ("[]", "must be"),
        ('{"subscriptions": [{"resource": "/teams"}]}', "entry 1"),
    ],
    ids=["missing", "empty", "cut off", "a list", "an entry without change types"],
)
def test_a_subscriptions_file_that_is_none_is_told_by_name_and_mended_without_a_restart(
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
def test_an_account_that_is_only_named_is_reached_in_its_cloud(cloud: str, suffix: str) -> None:
    settings = Settings.from_environ(
        {
            "AzureWebJobsStorage__accountName": "teamsevents",
            "CLIENT_ID": CLIENT_ID,
            "CLIENT_STATE_KEY": STATE_KEY_TEXT,
            "GRAPH_CLOUD": cloud,
            "NOTIFICATION_URL": "https://app.example/api/ReceiveNotification",
            "TENANT_IDS": TENANT,
        }
    )
    clients = Clients(settings)
    with clients.queues() as queues, clients.blobs() as blobs, clients.tables() as tables:
        assert queues.url.rstrip("/") == f"https://teamsevents.queue.{suffix}"
        assert blobs.url.rstrip("/") == f"https://teamsevents.blob.{suffix}"
        assert tables.url.rstrip("/") == f"https://teamsevents.table.{suffix}"
