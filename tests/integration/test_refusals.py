"""A service that refuses the app (401, 403) needs an operator: the error names role, principal and scope.

Only throttling, server errors and silence may pass by themselves.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest
from azure.core.credentials import TokenCredential
from azure.core.exceptions import ResourceNotFoundError
from azure.data.tables import TableServiceClient
from azure.identity import ManagedIdentityCredential
from azure.keyvault.secrets import SecretClient
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from sandbox.azurite import Azurite
from sandbox.serving import Fault
from shared.azure_calls import BLOB_ROLE, QUEUE_ROLE, TABLE_ROLE, principal
from shared.errors import Misconfigured, Problem, Unavailable
from shared.events.publication_table import PublicationTable
from shared.events.queue_sink import QueueSink
from shared.identity.key_vault import CertificateVersions
from shared.identity.user_login import LoginStore
from shared.receiving.post_store import PostStore
from shared.subscriptions.subscription_table import SubscriptionTable
from tests.fakes.identity_services import CERTIFICATE_NAME, IDENTITY, IdentityServices, fault
from tests.fakes.publish_once_fixture import message
from tests.fakes.time_limits import in_time
from tests.integration.storage_calls import read_record
from tests.sender import TENANT

pytestmark = pytest.mark.slow

type Call = Callable[[str, TokenCredential, ExitStack], object]


def _post_store(url: str, credential: TokenCredential, stack: ExitStack) -> object:
    blobs = stack.enter_context(BlobServiceClient(url, credential=credential, retry_total=0))
    return list(PostStore(blobs, "parked").list())


def _sink(url: str, credential: TokenCredential, stack: ExitStack) -> None:
    blobs = stack.enter_context(BlobServiceClient(url, credential=credential, retry_total=0))
    queues = stack.enter_context(QueueServiceClient(url, credential=credential, retry_total=0))
    QueueSink(queues, blobs, "teams-events").publish([message()], in_time())


def _subscriptions(url: str, credential: TokenCredential, stack: ExitStack) -> object:
    tables = stack.enter_context(TableServiceClient(url, credential=credential, retry_total=0))
    return SubscriptionTable(tables).load(TENANT)


def _published(url: str, credential: TokenCredential, stack: ExitStack) -> object:
    tables = stack.enter_context(TableServiceClient(url, credential=credential, retry_total=0))
    return read_record(PublicationTable(tables), "00")


def _certificate(url: str, credential: TokenCredential, stack: ExitStack) -> object:
    vault = stack.enter_context(SecretClient(url, credential, retry_total=0))
    return CertificateVersions(vault, CERTIFICATE_NAME).current()


def _login(url: str, credential: TokenCredential, stack: ExitStack) -> object:
    return LoginStore(stack.enter_context(SecretClient(url, credential, retry_total=0))).load(TENANT)


CALLS: dict[str, tuple[Call, str]] = {
    "parked posts": (_post_store, BLOB_ROLE),
    "queue": (_sink, QUEUE_ROLE),
    "subscriptions": (_subscriptions, TABLE_ROLE),
    "published events": (_published, TABLE_ROLE),
    "certificate": (_certificate, "Key Vault Secrets User"),
    "login": (_login, "Key Vault Secrets Officer"),
}


@pytest.fixture
def credential(outside: IdentityServices) -> Iterator[TokenCredential]:
    assert outside.entra.system_identity == IDENTITY
    with ManagedIdentityCredential() as credential, SecretClient(outside.vault_service.url, credential) as vault:
        # A vault challenges a stranger first. From then on the clients send a token at once.
        with pytest.raises(ResourceNotFoundError):
            vault.get_secret("none")
        yield credential


def _problem(call: Call, outside: IdentityServices, credential: TokenCredential, answer: Fault) -> Problem:
    # The vault's host stands in for storage: what counts is what a client makes of the answer.
    refused = fault(outside.vault_service, answer)
    with ExitStack() as stack, refused, pytest.raises(Problem) as caught:
        call(outside.vault_service.url, credential, stack)
    return caught.value


@pytest.mark.filterwarnings("ignore:Testing an element's truth value:DeprecationWarning")
@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize(("call", "role"), CALLS.values(), ids=CALLS)
def test_refused_identity_is_misconfigured_with_role_and_scope(
    outside: IdentityServices, credential: TokenCredential, call: Call, role: str, status: int
) -> None:
    answer = Fault(status=status, headers={"x-ms-error-code": "AuthorizationPermissionMismatch"})
    problem = _problem(call, outside, credential, answer)
    assert isinstance(problem, Misconfigured)
    text = str(problem)
    assert f"({status} AuthorizationPermissionMismatch)" in text
    assert f"the role {role} on {urlsplit(outside.vault_service.url).netloc}" in text
    assert f"client id {IDENTITY.client_id}, tenant {TENANT}" in text
    assert "eyJ" not in text


@pytest.mark.filterwarnings("ignore:Testing an element's truth value:DeprecationWarning")
@pytest.mark.parametrize("status", [429, 500, 503])
@pytest.mark.parametrize(("call", "_role"), CALLS.values(), ids=CALLS)
def test_throttled_or_broken_service_is_unavailable(
    outside: IdentityServices, credential: TokenCredential, call: Call, _role: str, status: int
) -> None:
    problem = _problem(call, outside, credential, Fault(status=status))
    assert isinstance(problem, Unavailable)
    assert str(status) in str(problem)


@pytest.mark.parametrize("code", ["two words", "a\x1b[31mcolour", "Größe", ""])
def test_error_code_that_is_no_word_is_left_out(
    outside: IdentityServices, credential: TokenCredential, code: str
) -> None:
    body = b'{"error": {"code": "Forbidden", "message": "hush", "innererror": {"code": "%s"}}}' % code.encode()
    answer = Fault(status=403, body=body, headers={"Content-Type": "application/json"})
    text = str(_problem(_certificate, outside, credential, answer))
    assert "(403): grant it the role" in text
    assert "hush" not in text


def test_disabled_newest_version_names_the_certificate(outside: IdentityServices, credential: TokenCredential) -> None:
    version = outside.vault.create_certificate(CERTIFICATE_NAME)
    outside.vault.disable(CERTIFICATE_NAME, version)
    vault = urlsplit(outside.vault_service.url).netloc
    with ExitStack() as stack, pytest.raises(Misconfigured) as caught:
        _certificate(outside.vault_service.url, credential, stack)
    assert str(caught.value) == (
        f"Key Vault ({CERTIFICATE_NAME}, version newest) refuses to give a disabled version: enable it in {vault}"
    )


def test_identity_that_is_not_there_is_no_refusal(outside: IdentityServices) -> None:
    with (
        ManagedIdentityCredential(client_id="11111111-2222-4333-8444-555555555555") as credential,
        ExitStack() as stack,
        pytest.raises(Unavailable, match=r"no token for Key Vault .*: enable a managed identity"),
    ):
        _certificate(outside.vault_service.url, credential, stack)


def test_refused_signature_names_the_setting(azurite: Azurite) -> None:
    endpoint = next(part for part in azurite.connection_string.split(";") if part.startswith("BlobEndpoint="))
    expired = f"{endpoint};SharedAccessSignature=sv=2022-11-02&ss=b&srt=sco&sp=rl&se=2020-01-01&sig=aHVzaA%3D%3D"
    with (
        BlobServiceClient.from_connection_string(expired, retry_total=0) as blobs,
        pytest.raises(Misconfigured, match=r"the signature in AzureWebJobsStorage \(403") as caught,
    ):
        list(PostStore(blobs, "parked").list())
    assert BLOB_ROLE in str(caught.value)
    assert "aHVzaA" not in str(caught.value)


def test_principal_of_an_odd_token_is_the_apps_identity() -> None:
    for token in ("", "a.b", "a.!!.c", "a.bnVsbA.c", "a.W10.c", "a.e30.c", f"a.{'W1tb' * 100_000}.c"):
        assert principal(token) == "the app's identity"
