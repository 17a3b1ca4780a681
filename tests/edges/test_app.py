"""The composition root: an environment in, the flows with their real clients out."""

import importlib.util
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from uuid import uuid4

import pytest
from azure.identity import DefaultAzureCredential
from azure.storage.queue import QueueServiceClient

from sandbox.azurite import Azurite
from sandbox.serving import Fault
from shared import app, clients, steps
from shared.errors import Misconfigured, Unavailable
from shared.keeping import PARKED
from shared.receive import receive
from shared.settings import Settings
from shared.storage import blob_service, queue_service
from tests.edges.composition import forget
from tests.edges.outside import CERTIFICATE_NAME, CLIENT_SECRET, Outside, fault, in_time
from tests.eventually import eventually
from tests.sender import CLIENT_ID, OTHER_TENANT, STATE_KEY_TEXT, TENANT, Sender, basic_item, body

pytestmark = pytest.mark.slow


@pytest.fixture
def environment(outside: Outside, azurite: Azurite, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Set every setting, and give the name of the queue."""
    queue_name = f"queue-{uuid4().hex}"
    values = {
        "AzureWebJobsStorage": azurite.connection_string,
        "CLIENT_ID": CLIENT_ID,
        "CLIENT_SECRET": CLIENT_SECRET,
        "CLIENT_STATE_KEY": STATE_KEY_TEXT,
        # Tests of one account send one and the same change.
        "DEDUPLICATE_FOR": "0",
        "ENCRYPTION_CERTIFICATE_NAME": CERTIFICATE_NAME,
        "EVENT_SINK": f"queue:{queue_name}",
        "KEY_VAULT_URL": outside.vault_service.url,
        "LOGIN_URL": outside.login.url,
        "NOTIFICATION_URL": "https://app.example/api/ReceiveNotification",
        "TENANT_IDS": f"{TENANT},{OTHER_TENANT}",
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    forget()
    yield queue_name
    forget()


def _sender(outside: Outside) -> Sender:
    version = outside.vault.create_certificate(CERTIFICATE_NAME)
    return Sender(entra=outside.entra, certificate=outside.vault.certificate(CERTIFICATE_NAME), certificate_id=version)


def test_an_environment_makes_a_receiver_that_works(outside: Outside, azurite: Azurite, environment: str) -> None:
    sender = _sender(outside)
    post = body(sender.rich_item(), basic_item(), tokens=[sender.token("1.0"), sender.token()])
    receipt = receive(post, app.receiver(), received_at=datetime.now(UTC), deadline=in_time())
    assert (receipt.published, receipt.rejected, receipt.parked) == (2, {}, 0)
    with QueueServiceClient.from_connection_string(azurite.connection_string) as queues:
        assert queues.get_queue_client(environment).get_queue_properties().approximate_message_count == 2


@pytest.mark.usefixtures("environment")
def test_an_environment_makes_a_reconciler_for_every_tenant(outside: Outside) -> None:
    version = outside.vault.create_certificate(CERTIFICATE_NAME)
    reconciler = steps.reconciler()
    assert {item.tenant_id for item in reconciler.desired} == {TENANT, OTHER_TENANT}
    assert {(account.tenant_id, account.delegated) for account in reconciler.accounts} == {
        (tenant_id, delegated) for tenant_id in (TENANT, OTHER_TENANT) for delegated in (True, False)
    }
    assert reconciler.certificate is not None
    assert reconciler.certificate().version == version
    assert reconciler.nonce() != reconciler.nonce()


@pytest.mark.usefixtures("environment")
def test_everything_is_made_once(outside: Outside) -> None:
    assert app.receiver() is app.receiver()
    assert steps.reconciler() is steps.reconciler()
    assert outside.login.requests == outside.vault_service.requests == []


@pytest.mark.usefixtures("environment")
def test_a_missing_setting_is_told_by_name_and_mended_without_a_restart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CLIENT_STATE_KEY")
    monkeypatch.delenv("TENANT_IDS")
    for make in (app.receiver, steps.reconciler):
        with pytest.raises(Misconfigured, match=r"TENANT_IDS is not set.*CLIENT_STATE_KEY is not set"):
            make()
    monkeypatch.setenv("CLIENT_STATE_KEY", STATE_KEY_TEXT)
    monkeypatch.setenv("TENANT_IDS", TENANT)
    assert app.receiver().tenant_ids == (TENANT,)


@pytest.mark.usefixtures("environment")
def test_without_a_vault_basic_items_pass_and_rich_ones_tell_what_is_missing(
    outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KEY_VAULT_URL")
    monkeypatch.delenv("ENCRYPTION_CERTIFICATE_NAME")
    receiver, now = app.receiver(), datetime.now(UTC)
    assert receive(body(basic_item()), receiver, received_at=now, deadline=in_time()).published == 1
    receipt = receive(_sender(outside).rich_body(), receiver, received_at=now, deadline=in_time())
    assert receipt.parked == 1
    assert isinstance(receipt.problem, Misconfigured)
    assert "KEY_VAULT_URL" in str(receipt.problem)


@pytest.mark.usefixtures("environment")
def test_what_was_parked_for_want_of_a_setting_is_published_by_the_timer_once_it_is_there(
    outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    sender = _sender(outside)
    monkeypatch.delenv("ENCRYPTION_CERTIFICATE_NAME")
    # The process's account has what other tests have left, with other keys.
    before = {kept.name for kept in clients.kept_bodies(PARKED).all()}
    receipt = receive(sender.rich_body(), app.receiver(), received_at=datetime.now(UTC), deadline=in_time())
    assert receipt.parked == 1
    monkeypatch.setenv("ENCRYPTION_CERTIFICATE_NAME", CERTIFICATE_NAME)
    forget()
    assert steps.timer_steps()["parked"]()["published"] >= 1
    assert {kept.name for kept in clients.kept_bodies(PARKED).all()} <= before


@pytest.mark.usefixtures("environment")
def test_the_timer_drains_after_the_subscriptions_and_tidies_up_last(monkeypatch: pytest.MonkeyPatch) -> None:
    run = steps.timer_steps()
    names = list(run)
    assert names.index("subscriptions") < names.index("parked") < names.index("quarantine")
    assert names[-1] == "markers of published events"
    assert run["markers of published events"]() == {"deleted": 0}
    # A step makes its clients when its turn has come: none of them is in the way of the others.
    monkeypatch.delenv("CLIENT_STATE_KEY")
    forget()
    assert list(steps.timer_steps()) == names


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize(("threads", "turns"), [("", None), ("64", 8), ("8", 6), ("3", 1), ("1", 1), ("many", None)])
def test_two_threads_are_left_for_parking(monkeypatch: pytest.MonkeyPatch, threads: str, turns: int | None) -> None:
    monkeypatch.setenv("PYTHON_THREADPOOL_THREAD_COUNT", threads)
    all_turns, free = app.receiver().turns, 0
    with ExitStack() as taken, suppress(Unavailable):
        while True:
            taken.enter_context(all_turns.slot())
            free += 1
    with ThreadPoolExecutor() as default:
        assert free == (turns or default._max_workers - 2)


@pytest.mark.usefixtures("environment")
def test_an_identity_endpoint_that_swallows_a_request_does_not_hold_up_the_posts_after_it(outside: Outside) -> None:
    version, receiver = outside.vault.create_certificate(CERTIFICATE_NAME), app.receiver()

    def serves() -> bool:
        with suppress(Unavailable):
            return bool(receiver.private_key(version, in_time()).key_size)
        return False

    with fault(outside.login, Fault(path="/msi/token", delay=20, times=1)):
        assert eventually(serves)


def _copy(folder: Path, subscriptions: str | None) -> ModuleType:
    """Return the timer's composition root as a deployment in ``folder`` has it, with its own ``subscriptions.json``."""
    place = folder / "shared" / "steps.py"
    place.parent.mkdir()
    shutil.copyfile(str(steps.__file__), place)
    if subscriptions is not None:
        (folder / "subscriptions.json").write_text(subscriptions)
    specification = importlib.util.spec_from_file_location("deployed_steps", place)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize(
    ("subscriptions", "words"),
    [
        (None, "cannot be read"),
        ("", "cannot be read"),
        ('{"subscriptions": [', "cannot be read"),
        ("[]", "is not"),
        ('{"subscriptions": [{"resource": "/teams"}]}', "entry 1"),
    ],
    ids=["missing", "empty", "cut off", "a list", "an entry without change types"],
)
def test_a_subscriptions_file_that_is_none_is_told_by_name_and_mended_without_a_restart(
    tmp_path: Path, subscriptions: str | None, words: str
) -> None:
    deployed = _copy(tmp_path, subscriptions)
    with pytest.raises(Misconfigured, match=rf"subscriptions\.json.*{words}"):
        deployed.reconciler()
    (tmp_path / "subscriptions.json").write_text('{"subscriptions": []}')
    assert deployed.reconciler().desired == ()


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
    with (
        DefaultAzureCredential() as credential,
        queue_service(settings, credential) as queues,
        blob_service(settings, credential) as blobs,
    ):
        assert queues.url.rstrip("/") == f"https://teamsevents.queue.{suffix}"
        assert blobs.url.rstrip("/") == f"https://teamsevents.blob.{suffix}"
