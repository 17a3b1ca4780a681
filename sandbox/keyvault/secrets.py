"""Secrets and their versions, as values and as Key Vault's JSON.

Source: https://learn.microsoft.com/en-us/azure/key-vault/secrets/about-secrets
"""

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import uuid4

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from sandbox.clock import Clock

_NAME = re.compile(r"[0-9a-zA-Z-]{1,127}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """One version of a secret; with ``certificate``, the one that Key Vault manages behind a certificate."""

    name: str
    version: str = field(default_factory=lambda: uuid4().hex)
    value: str = field(repr=False)
    content_type: str | None
    created: datetime
    updated: datetime
    enabled: bool = True
    certificate: x509.Certificate | None = None

    def bundle(self, vault_url: str) -> dict[str, Any]:
        """Return the answer to a GET or PUT; times are seconds since 1970."""
        body = {"value": self.value, "id": f"{vault_url}/secrets/{self.name}/{self.version}"}
        content_type = {} if self.content_type is None else {"contentType": self.content_type}
        return body | content_type | {"attributes": self._attributes(), "tags": {}} | self._management(vault_url)

    def certificate_bundle(self, vault_url: str) -> dict[str, Any]:
        """Return the answer to a GET of the certificate of this version, without its policy.

        Source: https://learn.microsoft.com/en-us/rest/api/keyvault/certificates/get-certificate/get-certificate
        """
        if self.certificate is None:
            return {}
        ids = {"id": "certificates", "kid": "keys", "sid": "secrets"}
        names = {name: f"{vault_url}/{kind}/{self.name}/{self.version}" for name, kind in ids.items()}
        cer = base64.b64encode(self.certificate.public_bytes(Encoding.DER)).decode()
        return names | {"cer": cer, "contentType": self.content_type, "attributes": self._attributes(), "tags": {}}

    def version_item(self, vault_url: str) -> dict[str, Any]:
        """Return the certificate of this version as a list of versions has it."""
        if self.certificate is None:
            return {}
        digest = self.certificate.fingerprint(hashes.SHA1())  # noqa: S303  as Key Vault names certificates
        thumbprint = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        identifier = f"{vault_url}/certificates/{self.name}/{self.version}"
        return {"id": identifier, "x5t": thumbprint, "attributes": self._attributes(), "tags": {}}

    def _attributes(self) -> dict[str, Any]:
        times = {"created": self.created, "updated": self.updated}
        if self.certificate is not None:
            times |= {"nbf": self.certificate.not_valid_before_utc, "exp": self.certificate.not_valid_after_utc}
        seconds = {name: int(time.timestamp()) for name, time in times.items()}
        return {"enabled": self.enabled, **seconds, "recoveryLevel": "Recoverable+Purgeable", "recoverableDays": 90}

    def _management(self, vault_url: str) -> dict[str, Any]:
        if self.certificate is None:
            return {}
        return {"kid": f"{vault_url}/keys/{self.name}/{self.version}", "managed": True}


class Secrets:
    """Every version of every secret; names differ in more than case."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._versions: dict[str, dict[str, Secret]] = {}

    def add(
        self, name: str, value: str, *, content_type: str | None = None, certificate: x509.Certificate | None = None
    ) -> str:
        """Add a version, which becomes the one that is current, and return its id of 32 hexadecimal digits.

        Raises:
            ValueError: a name has 1 to 127 letters, digits and hyphens.
        """
        if not _NAME.fullmatch(name):
            raise ValueError(f"Key Vault takes no such name: {name!r}")
        now = self._clock.now()
        secret = Secret(
            name=name, value=value, content_type=content_type, created=now, updated=now, certificate=certificate
        )
        self._versions.setdefault(name.lower(), {})[secret.version] = secret
        return secret.version

    def find(self, name: str, version: str | None) -> Secret | None:
        """Return a version, by default the current one, if there is one."""
        versions = self._versions.get(name.lower(), {})
        return versions.get(version or next(reversed(versions), ""))

    def versions(self, name: str) -> tuple[str, ...]:
        """Return the ids of all versions, the oldest first."""
        return tuple(self._versions.get(name.lower(), ()))

    def of_certificate(self, name: str) -> Sequence[Secret]:
        """Return the versions of a certificate in the vault's order, which is that of their ids and not of time."""
        versions = self._versions.get(name.lower(), {})
        return sorted((each for each in versions.values() if each.certificate), key=lambda each: each.version)

    def remove(self, name: str, version: str) -> None:
        """Lose a version.

        Raises:
            KeyError: there is no such version.
        """
        del self._versions[name.lower()][version]

    def disable(self, name: str, version: str) -> None:
        """Refuse a version from this moment on.

        Raises:
            KeyError: there is no such version.
        """
        versions = self._versions[name.lower()]
        versions[version] = replace(versions[version], enabled=False, updated=self._clock.now())
