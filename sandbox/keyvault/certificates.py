"""Self-signed certificates as Key Vault makes them, and the secret in which it hands out their private keys.

Source: https://learn.microsoft.com/en-us/azure/key-vault/certificates/about-certificates
"""

import base64
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, pkcs12

from sandbox.rsa_keys import self_signed_certificate

ContentType = Literal["application/x-pkcs12", "application/x-pem-file"]

# Key Vault dates certificates back, for clocks that run late.
_BACKDATING = timedelta(minutes=10)
LIFETIME = timedelta(days=365)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPolicy:
    """How the key of a certificate's next version is made; ``reuse_key``: it is the one of the version before."""

    exportable: bool = True
    kty: Literal["RSA", "RSA-HSM", "EC"] = "RSA"
    reuse_key: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPair:
    """A certificate and its private key."""

    certificate: x509.Certificate
    private_key: rsa.RSAPrivateKey = field(repr=False)

    def packed(self, content_type: ContentType, *, with_key: bool = True) -> str:
        """Return both as the value of a secret: PEM, or Base64 of a PKCS#12 file without a password.

        A key that is not exportable stays in the vault.
        """
        if content_type == "application/x-pem-file":
            key = self.private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) if with_key else b""
            return (key + self.certificate.public_bytes(Encoding.PEM)).decode()
        private_key = self.private_key if with_key else None
        packed = pkcs12.serialize_key_and_certificates(None, private_key, self.certificate, None, NoEncryption())
        return base64.b64encode(packed).decode()


def self_signed(name: str, private_key: rsa.RSAPrivateKey, *, now: datetime, lifetime: timedelta = LIFETIME) -> KeyPair:
    """Return a key with its certificate, valid for a year or for another ``lifetime``, which may be over."""
    begin, end = now - _BACKDATING + min(lifetime, timedelta()), now + lifetime
    certificate = self_signed_certificate(name, private_key, valid_from=begin, valid_to=end)
    return KeyPair(certificate=certificate, private_key=private_key)
