"""Secrets that hold no certificate that Graph could use: an operator has to act."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)

from shared.errors import Misconfigured
from shared.identity.key_vault import CertificateVersions
from tests.fakes.graph_sender import key_pair
from tests.fakes.identity_services import CERTIFICATE_NAME, IdentityServices
from tests.fakes.time_limits import in_time

pytestmark = pytest.mark.slow

PKCS12, PEM = "application/x-pkcs12", "application/x-pem-file"
OPEN, LOCKED = NoEncryption(), BestAvailableEncryption(b"password")


def _elliptic() -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    start = datetime(2026, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, start, start + timedelta(days=365))
    return key, builder.sign(key, hashes.SHA256())


def _key_pem(key: PrivateKeyTypes, encryption: KeySerializationEncryption = OPEN) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption).decode()


def _pem(key: PrivateKeyTypes, certificate: x509.Certificate, encryption: KeySerializationEncryption = OPEN) -> str:
    return _key_pem(key, encryption) + certificate.public_bytes(Encoding.PEM).decode()


def _pfx(
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey,
    certificate: x509.Certificate | None,
    encryption: KeySerializationEncryption = OPEN,
) -> str:
    name = b"without a certificate" if certificate is None else None
    return base64.b64encode(pkcs12.serialize_key_and_certificates(name, key, certificate, None, encryption)).decode()


USELESS = {
    "empty": ("", PKCS12),
    "a password": ("hunter2 hunter2", None),
    "Base64 of something else": (base64.b64encode(b"hunter2").decode(), PKCS12),
    "not ASCII": ("Grüße", PKCS12),
    "a lone surrogate": ("\ud800", PEM),
    "PEM said to be PKCS#12": (_pem(*key_pair()), PKCS12),
    "PKCS#12 said to be PEM": (_pfx(*key_pair()), PEM),
    "PEM without a certificate": (_key_pem(key_pair()[0]), PEM),
    "PEM without a key": (key_pair()[1].public_bytes(Encoding.PEM).decode(), PEM),
    "PKCS#12 without a certificate": (_pfx(key_pair()[0], None), PKCS12),
    "PEM under a password": (_pem(*key_pair(), LOCKED), PEM),
    "PKCS#12 under a password": (_pfx(*key_pair(), LOCKED), PKCS12),
    "an elliptic key in PEM": (_pem(*_elliptic()), PEM),
    "an elliptic key in PKCS#12": (_pfx(*_elliptic()), PKCS12),
}


@pytest.mark.parametrize(("value", "content_type"), USELESS.values(), ids=USELESS)
def test_secret_that_is_no_rsa_certificate_is_named_by_its_version_only(
    outside: IdentityServices, certificates: CertificateVersions, value: str, content_type: str | None
) -> None:
    version = outside.vault.set_secret(CERTIFICATE_NAME, value, content_type=content_type)
    for call in (lambda: certificates.private_key(version, in_time()), certificates.current):
        with pytest.raises(Misconfigured, match=version) as caught:
            call()
        assert "hunter2" not in str(caught.value)
        assert "PRIVATE" not in str(caught.value)


def test_leaf_of_a_certificate_chain_is_sent_to_graph(
    outside: IdentityServices, certificates: CertificateVersions
) -> None:
    key, leaf = key_pair()
    chain = _pem(key, leaf) + key_pair(name="second")[1].public_bytes(Encoding.PEM).decode()
    outside.vault.set_secret(CERTIFICATE_NAME, chain, content_type=PEM)
    assert certificates.current().certificate == leaf
