"""A certificate with its private key, parsed from the text of a Key Vault secret.

Source: https://learn.microsoft.com/azure/key-vault/certificates/about-certificates#exportable-or-non-exportable-key
"""

import base64
from dataclasses import dataclass, field
from typing import Self

from cryptography import x509
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

        Raises:
            Misconfigured: anything else, or a key that is not RSA.
        """
        try:
            key, certificate = _from_pem(value) if is_pem else _from_pkcs12(value)
        except (ValueError, TypeError) as exc:
            raise Misconfigured(f"version {version} of the secret is not a certificate with its private key") from exc
        if not isinstance(key, RSAPrivateKey) or certificate is None:
            raise Misconfigured(f"version {version} of the certificate has no RSA key: Graph encrypts to RSA keys only")
        return cls(version=version, certificate=certificate, private_key=key)

    def to_base64(self) -> str:
        """Return the public part as ``encryptionCertificate``: DER in Base64, on one line."""
        return base64.b64encode(self.certificate.public_bytes(Encoding.DER)).decode("ascii")


def _from_pem(value: str) -> tuple[object, x509.Certificate]:
    pem = value.encode()
    return load_pem_private_key(pem, password=None), x509.load_pem_x509_certificate(pem)


def _from_pkcs12(value: str) -> tuple[object, x509.Certificate | None]:
    key, certificate, _ = pkcs12.load_key_and_certificates(base64.b64decode(value, validate=True), password=None)
    return key, certificate
