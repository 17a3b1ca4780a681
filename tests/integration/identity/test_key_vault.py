"""Certificates and their keys, fetched with azure-keyvault-secrets from a vault that comes and goes."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from azure.identity import ManagedIdentityCredential
from azure.keyvault.secrets import SecretClient
from cryptography import x509

from sandbox.keyvault.certificates import ContentType
from sandbox.serving import Fault, Service
from shared.errors import Misconfigured, Unavailable, UnknownCertificate
from shared.identity.key_vault import CertificateVersions
from tests.fakes.clocks import Hands
from tests.fakes.identity_services import CERTIFICATE_NAME, IdentityServices, fault, hanging
from tests.fakes.time_limits import BUSY_MACHINE_SECONDS, in_time, within
from tests.hostile.contents import UNKNOWN_CERTIFICATE_IDS

pytestmark = pytest.mark.slow

UNKNOWN = "f" * 32
FIVE_MINUTES = 300.0
NEVER_ASKED_FOR = [text for text in UNKNOWN_CERTIFICATE_IDS.values() if isinstance(text, str) and text != UNKNOWN]


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def client(outside: IdentityServices) -> Iterator[SecretClient]:
    with ManagedIdentityCredential() as credential, SecretClient(outside.vault_service.url, credential) as client:
        yield client


@pytest.fixture
def certificates(client: SecretClient, hands: Hands) -> CertificateVersions:
    return CertificateVersions(client, CERTIFICATE_NAME, monotonic=hands)


def _fits(certificate: x509.Certificate, certificates: CertificateVersions, version: str) -> bool:
    return certificate.public_key() == certificates.private_key(version, in_time()).public_key()


@pytest.mark.parametrize(
    ("content_type", "key_size"),
    [("application/x-pkcs12", 2048), ("application/x-pem-file", 2048), ("application/x-pkcs12", 4096)],
)
def test_the_private_key_of_a_version_comes_in_either_form(
    outside: IdentityServices, certificates: CertificateVersions, content_type: ContentType, key_size: int
) -> None:
    version = outside.vault.create_certificate(CERTIFICATE_NAME, key_size=key_size, content_type=content_type)
    assert _fits(outside.vault.certificate(CERTIFICATE_NAME), certificates, version)
    assert certificates.private_key(version, in_time()).key_size == key_size


def test_a_key_is_fetched_and_parsed_once(outside: IdentityServices, certificates: CertificateVersions) -> None:
    """Peers' hole 11: the private key parsed on every notification."""
    version = outside.vault.create_certificate(CERTIFICATE_NAME)
    key = certificates.private_key(version, in_time())
    asked = len(outside.vault_service.requests)
    with outside.down(outside.vault_service):
        assert all(certificates.private_key(version, in_time()) is key for _ in range(3))
    assert len(outside.vault_service.requests) == asked


def test_many_posts_at_once_fetch_it_once(outside: IdentityServices, certificates: CertificateVersions) -> None:
    version = outside.vault.create_certificate(CERTIFICATE_NAME)
    with ThreadPoolExecutor(8) as pool:
        keys = list(pool.map(lambda _: certificates.private_key(version, in_time()), range(8)))
    assert all(key is keys[0] for key in keys)
    # The client's first call may be one to be challenged.
    assert sum(version in request.path_qs for request in outside.vault_service.requests) <= 2


def test_each_version_has_its_own_key(outside: IdentityServices, certificates: CertificateVersions) -> None:
    """Peers' hole 10: the certificate id ignored, so that rotation breaks every subscription."""
    versions = [outside.vault.create_certificate(CERTIFICATE_NAME) for _ in range(2)]
    for version in versions:
        assert _fits(outside.vault.certificate(CERTIFICATE_NAME, version), certificates, version)


def test_current_follows_a_rotation_while_the_old_version_still_opens(
    outside: IdentityServices, certificates: CertificateVersions
) -> None:
    old = outside.vault.create_certificate(CERTIFICATE_NAME)
    assert certificates.current().version == old
    new = outside.vault.create_certificate(CERTIFICATE_NAME)
    current = certificates.current()
    assert (current.version, current.certificate) == (new, outside.vault.certificate(CERTIFICATE_NAME))
    assert _fits(outside.vault.certificate(CERTIFICATE_NAME, old), certificates, old)


def test_the_current_certificate_is_told_to_graph_as_der_on_one_line(
    outside: IdentityServices, certificates: CertificateVersions
) -> None:
    outside.vault.create_certificate(CERTIFICATE_NAME)
    text = certificates.current().to_base64()
    assert text.isascii()
    assert "\n" not in text
    assert "PRIVATE" not in repr(certificates.current())


def test_an_unknown_version_is_asked_for_once_in_five_minutes(
    outside: IdentityServices, certificates: CertificateVersions, hands: Hands
) -> None:
    asked = []
    for moment in (0.0, 1.0, FIVE_MINUTES):
        hands.at = 1000.0 + moment
        with pytest.raises(UnknownCertificate):
            certificates.private_key(UNKNOWN, in_time())
        asked.append(sum(UNKNOWN in request.path_qs for request in outside.vault_service.requests))
    assert asked[0] == asked[1] < asked[2]


def test_memory_for_unknown_versions_is_bounded(certificates: CertificateVersions) -> None:
    for number in range(70):
        with pytest.raises(UnknownCertificate):
            certificates.private_key(f"{number:032x}", in_time())
    assert len(certificates._unknown_until) <= 64


@pytest.mark.parametrize("certificate_id", NEVER_ASKED_FOR, ids=lambda text: ascii(text)[:20])
def test_what_does_not_look_like_a_version_never_leaves_the_process(
    outside: IdentityServices, certificates: CertificateVersions, certificate_id: str
) -> None:
    with pytest.raises(UnknownCertificate):
        certificates.private_key(certificate_id, in_time())
    assert outside.vault_service.requests == outside.login.requests == []


def _recovers(outside: IdentityServices, certificates: CertificateVersions, version: str) -> bool:
    return _fits(outside.vault.certificate(CERTIFICATE_NAME, version), certificates, version)


@pytest.mark.parametrize("status", [403, 429, 500, 503])
def test_a_refusal_is_unavailable_at_once_and_not_remembered(
    outside: IdentityServices, certificates: CertificateVersions, status: int
) -> None:
    version = outside.vault.create_certificate(CERTIFICATE_NAME)
    refusal = Fault(path="/secrets/", status=status, headers={"Retry-After": "30"})
    with fault(outside.vault_service, refusal), pytest.raises(Unavailable), within(BUSY_MACHINE_SECONDS):
        certificates.private_key(version, in_time())
    assert len(outside.vault_service.requests) == 1
    assert _recovers(outside, certificates, version)


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"null", b"[]", b"{}", b'{"value": "x"', b'{"value": 7, "id": 7}', b'{"id": "https://x/y"}'],
)
def test_an_answer_that_is_no_secret_is_a_documented_problem(
    outside: IdentityServices, certificates: CertificateVersions, body: bytes
) -> None:
    version = outside.vault.create_certificate(CERTIFICATE_NAME)
    answer = Fault(path="/secrets/", status=200, body=body, headers={"Content-Type": "application/json"})
    with fault(outside.vault_service, answer), pytest.raises((Unavailable, Misconfigured)):
        certificates.private_key(version, in_time())
    assert _recovers(outside, certificates, version)


def test_without_the_role_a_key_is_unavailable_until_it_is_granted(
    outside: IdentityServices, certificates: CertificateVersions
) -> None:
    version = outside.vault.create_certificate(CERTIFICATE_NAME)
    outside.vault.readers = {"somebody-else"}
    for call in (lambda: certificates.private_key(version, in_time()), certificates.current):
        with pytest.raises(Unavailable, match="403"):
            call()
    outside.vault.readers = None
    assert _recovers(outside, certificates, version)


def test_a_disabled_version_is_unavailable_while_others_open(
    outside: IdentityServices, certificates: CertificateVersions
) -> None:
    disabled, other = (outside.vault.create_certificate(CERTIFICATE_NAME) for _ in range(2))
    outside.vault.disable(CERTIFICATE_NAME, disabled)
    with pytest.raises(Unavailable, match="403"):
        certificates.private_key(disabled, in_time())
    assert _recovers(outside, certificates, other)


@pytest.mark.parametrize("name", ["vault_service", "login"])
def test_no_answer_of_vault_or_identity_is_unavailable_by_the_deadline(
    outside: IdentityServices, certificates: CertificateVersions, name: str
) -> None:
    version, service = outside.vault.create_certificate(CERTIFICATE_NAME), getattr(outside, name)
    assert isinstance(service, Service)
    with outside.down(service), pytest.raises(Unavailable), within(BUSY_MACHINE_SECONDS):
        certificates.private_key(version, in_time())


@pytest.mark.parametrize("name", ["vault_service", "login"])
def test_an_answer_too_late_is_unavailable_by_the_deadline(
    outside: IdentityServices, certificates: CertificateVersions, name: str
) -> None:
    version, service = outside.vault.create_certificate(CERTIFICATE_NAME), getattr(outside, name)
    assert isinstance(service, Service)
    with fault(service, hanging(times=1)), pytest.raises(Unavailable), within(BUSY_MACHINE_SECONDS):
        certificates.private_key(version, in_time())
