"""Certificates and their keys, fetched with azure-keyvault-secrets from a vault that comes and goes."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from sandbox.keyvault.certificates import ContentType
from sandbox.serving import Fault
from shared.errors import Misconfigured, Unavailable, UnknownCertificate
from shared.identity.key_vault import CertificateVersions
from tests.fakes.clocks import Hands
from tests.fakes.identity_services import CERTIFICATE_NAME, IdentityServices, fault
from tests.fakes.time_limits import BUSY_MACHINE_SECONDS, in_time, within
from tests.integration.identity.outages import OUTAGES, Outage

pytestmark = pytest.mark.slow

UNKNOWN = "f" * 32
FIVE_MINUTES = 300.0


def _opens(outside: IdentityServices, certificates: CertificateVersions, version: str) -> bool:
    """Return whether the private key that is fetched fits the version's certificate."""
    certificate = outside.vault.certificate(CERTIFICATE_NAME, version)
    return certificate.public_key() == certificates.private_key(version, in_time()).public_key()


@pytest.mark.parametrize(
    ("content_type", "key_size"),
    [("application/x-pkcs12", 2048), ("application/x-pem-file", 2048), ("application/x-pkcs12", 4096)],
)
def test_private_key_of_a_version_is_read_in_either_form(
    outside: IdentityServices, certificates: CertificateVersions, content_type: ContentType, key_size: int
) -> None:
    version = outside.vault.create_certificate(CERTIFICATE_NAME, key_size=key_size, content_type=content_type)
    assert _opens(outside, certificates, version)
    assert certificates.private_key(version, in_time()).key_size == key_size


def test_private_key_is_fetched_and_parsed_once(outside: IdentityServices, certificates: CertificateVersions) -> None:
    """Peers' hole 11: the private key parsed on every notification."""
    version = outside.vault.create_certificate(CERTIFICATE_NAME)
    key = certificates.private_key(version, in_time())
    asked = len(outside.vault_service.requests)
    with outside.down(outside.vault_service):
        assert all(certificates.private_key(version, in_time()) is key for _ in range(3))
    assert len(outside.vault_service.requests) == asked


def test_simultaneous_posts_fetch_a_private_key_once(
    outside: IdentityServices, certificates: CertificateVersions
) -> None:
    version = outside.vault.create_certificate(CERTIFICATE_NAME)
    with ThreadPoolExecutor(8) as pool:
        keys = list(pool.map(lambda _: certificates.private_key(version, in_time()), range(8)))
    assert all(key is keys[0] for key in keys)
    # The client's first call may be one to be challenged.
    assert sum(version in request.path_qs for request in outside.vault_service.requests) <= 2


def test_rotated_certificate_is_current_and_the_old_one_still_opens(
    outside: IdentityServices, certificates: CertificateVersions
) -> None:
    """Peers' hole 10: the certificate id ignored, so that rotation breaks every subscription."""
    old = outside.vault.create_certificate(CERTIFICATE_NAME)
    assert certificates.current().version == old
    new = outside.vault.create_certificate(CERTIFICATE_NAME)
    current = certificates.current()
    assert (current.version, current.certificate) == (new, outside.vault.certificate(CERTIFICATE_NAME))
    for version in (old, new):
        assert _opens(outside, certificates, version)


def test_current_certificate_is_sent_to_graph_as_der_on_one_line(
    outside: IdentityServices, certificates: CertificateVersions
) -> None:
    outside.vault.create_certificate(CERTIFICATE_NAME)
    text = certificates.current().to_base64()
    assert text.isascii()
    assert "\n" not in text
    assert "PRIVATE" not in repr(certificates.current())


def test_unknown_version_is_requested_once_in_five_minutes(
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


@pytest.mark.parametrize("status", [429, 500, 503])
def test_refusal_is_unavailable_at_once_and_not_cached(
    outside: IdentityServices, certificates: CertificateVersions, status: int
) -> None:
    version = outside.vault.create_certificate(CERTIFICATE_NAME)
    refusal = Fault(path="/secrets/", status=status, headers={"Retry-After": "30"})
    with fault(outside.vault_service, refusal), within(BUSY_MACHINE_SECONDS), pytest.raises(Unavailable):
        certificates.private_key(version, in_time())
    assert len(outside.vault_service.requests) == 1
    assert _opens(outside, certificates, version)


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"null", b"[]", b"{}", b'{"value": "x"', b'{"value": 7, "id": 7}', b'{"id": "https://x/y"}'],
)
def test_response_that_is_no_secret_raises_a_documented_error(
    outside: IdentityServices, certificates: CertificateVersions, body: bytes
) -> None:
    version = outside.vault.create_certificate(CERTIFICATE_NAME)
    answer = Fault(path="/secrets/", status=200, body=body, headers={"Content-Type": "application/json"})
    with fault(outside.vault_service, answer), pytest.raises((Unavailable, Misconfigured)):
        certificates.private_key(version, in_time())
    assert _opens(outside, certificates, version)


def test_private_key_is_misconfigured_until_the_role_is_granted(
    outside: IdentityServices, certificates: CertificateVersions
) -> None:
    version = outside.vault.create_certificate(CERTIFICATE_NAME)
    outside.vault.readers = {"another-identity"}
    for call in (lambda: certificates.private_key(version, in_time()), certificates.current):
        with pytest.raises(Misconfigured, match="403 ForbiddenByRbac"):
            call()
    outside.vault.readers = None
    assert _opens(outside, certificates, version)


def test_disabled_version_is_misconfigured_while_others_open(
    outside: IdentityServices, certificates: CertificateVersions
) -> None:
    disabled, other = (outside.vault.create_certificate(CERTIFICATE_NAME) for _ in range(2))
    outside.vault.disable(CERTIFICATE_NAME, disabled)
    with pytest.raises(Misconfigured, match=f"version {disabled}.* refuses to give a disabled version: enable it in"):
        certificates.private_key(disabled, in_time())
    assert _opens(outside, certificates, other)


@pytest.mark.parametrize("outage", OUTAGES.values(), ids=OUTAGES)
@pytest.mark.parametrize("name", ["vault_service", "login"])
def test_outage_is_unavailable_by_the_deadline(
    outside: IdentityServices, certificates: CertificateVersions, name: str, outage: Outage
) -> None:
    version = outside.vault.create_certificate(CERTIFICATE_NAME)
    with outage(outside, getattr(outside, name)), within(BUSY_MACHINE_SECONDS), pytest.raises(Unavailable):
        certificates.private_key(version, in_time())
