"""A certificate with its private key, parsed from the text of a Key Vault secret.

Source: https://learn.microsoft.com/azure/key-vault/certificates/about-certificates#exportable-or-non-exportable-key
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key, pkcs12

from shared.errors import Misconfigured


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """One version of a certificate. ``version`` is its ``encryptionCertificateId`` at Graph."""

    version: str
    certificate: x509.Certificate
    private_key: RSAPrivateKey = field(repr=False)

    @classmethod
    def from_secret(cls, value: str, *, version: str, is_pem: bool) -> Self:
        """Return the certificate in ``value``: PEM, or PKCS#12 in Base64 without a password.

        Certificates of its issuers may stand before it or after it. Their order says nothing: what Key Vault, OpenSSL
        and Windows export differs in it. Of several certificates of the key, the one that is valid longest is returned.

        Raises:
            Misconfigured: anything else, a key that is not RSA, or no certificate of the key.
        """
        try:
            key, certificates = _from_pem(value) if is_pem else _from_pkcs12(value)
        except (ValueError, TypeError, UnsupportedAlgorithm) as exc:
            raise Misconfigured(f"version {version} of the secret is not a certificate with its private key") from exc
        if not isinstance(key, RSAPrivateKey) or not certificates:
            raise Misconfigured(f"version {version} of the certificate has no RSA key: Graph encrypts to RSA keys only")
        matching = [each for each in certificates if _is_of(key, each)]
        if not matching:
            raise Misconfigured(f"version {version} has no certificate of its private key: import both together again")
        newest = max(matching, key=lambda each: each.not_valid_after_utc)
        return cls(version=version, certificate=newest, private_key=key)

    def to_base64(self) -> str:
        """Return the public part as ``encryptionCertificate``: DER in Base64, on one line."""
        return base64.b64encode(self.certificate.public_bytes(Encoding.DER)).decode("ascii")


def _from_pem(value: str) -> tuple[object, Sequence[x509.Certificate]]:
    pem = value.encode()
    return load_pem_private_key(pem, password=None), x509.load_pem_x509_certificates(pem)


def _from_pkcs12(value: str) -> tuple[object, Sequence[x509.Certificate]]:
    content = base64.b64decode(value, validate=True)
    # Without local key ids in the file, the library takes the first certificate for that of the key.
    key, first, others = pkcs12.load_key_and_certificates(content, password=None)
    return key, [certificate for certificate in (first, *others) if certificate is not None]


def _is_of(key: RSAPrivateKey, certificate: x509.Certificate) -> bool:
    try:
        return certificate.public_key() == key.public_key()
    # An issuer may have a key of a kind that the library does not know.
    except (ValueError, UnsupportedAlgorithm):
        return False
