"""The keys that Entra signs its tokens with: generated, rotated and published as a JSON Web Key Set.

Source: https://learn.microsoft.com/en-us/entra/identity-platform/signing-key-rollover
"""

import base64
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from jwt.algorithms import RSAAlgorithm

from sandbox.clock import Clock
from sandbox.rsa_keys import KeySource, self_signed_certificate

# Entra's signing certificates carry this name and last five years.
_SIGNER = "accounts.accesscontrol.windows.net"
_LIFETIME = timedelta(days=5 * 365)


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """One signing key; its ``kid`` is the certificate's thumbprint, as Entra's are."""

    kid: str
    private_key: rsa.RSAPrivateKey = field(repr=False)
    certificate: x509.Certificate

    def jwk(self, issuer: str) -> dict[str, Any]:
        """Return the public half as Entra lists it; ``issuer`` is the one whose tokens it may sign."""
        public = RSAAlgorithm.to_jwk(self.private_key.public_key(), as_dict=True)
        return {name: public[name] for name in ("kty", "n", "e")} | {
            "use": "sig",
            "kid": self.kid,
            "x5t": self.kid,
            "x5c": [base64.b64encode(self.certificate.public_bytes(Encoding.DER)).decode()],
            "cloud_instance_name": "microsoftonline.com",
            "issuer": issuer,
        }


class SigningKeys:
    """The published keys, oldest first; the last one signs."""

    def __init__(self, clock: Clock, key_source: KeySource) -> None:
        self._clock = clock
        self._key_source = key_source
        self._keys = [self._generate()]

    @property
    def current(self) -> SigningKey:
        """The key that signs."""
        return self._keys[-1]

    def find(self, kid: object) -> SigningKey | None:
        """Return the published key of that id, if there is one."""
        return next((key for key in self._keys if key.kid == kid), None)

    def rotate(self, *, retire_old: bool) -> SigningKey:
        """Sign with a fresh key; the old ones stay published unless they are retired."""
        self._keys = [*([] if retire_old else self._keys), self._generate()]
        return self.current

    def published(self, issuer: str) -> dict[str, Any]:
        """Return the JSON Web Key Set."""
        return {"keys": [key.jwk(issuer) for key in self._keys]}

    def _generate(self) -> SigningKey:
        private_key = self._key_source(2048)
        now = self._clock.now()
        certificate = self_signed_certificate(_SIGNER, private_key, valid_from=now, valid_to=now + _LIFETIME)
        return SigningKey(kid=thumbprint(certificate), private_key=private_key, certificate=certificate)


def thumbprint(certificate: x509.Certificate, algorithm: hashes.HashAlgorithm | None = None) -> str:
    """Return the thumbprint as JWT headers carry it: Base64url without padding; SHA-1 (``x5t``) by default."""
    # RFC 7515 4.1.7 defines x5t over SHA-1; it is a name here, not a protection.
    sha1 = hashes.SHA1()  # noqa: S303  the same reason
    return base64.urlsafe_b64encode(certificate.fingerprint(algorithm or sha1)).rstrip(b"=").decode()
