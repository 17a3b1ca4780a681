"""Certificates in Azure Key Vault: the private keys that decrypt notifications, and the certificate to subscribe with.

Each version of a Key Vault certificate has a secret with its name and version, which holds the private key as well.

Source: https://learn.microsoft.com/azure/key-vault/certificates/about-certificates#composition-of-a-certificate
"""

import re
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from azure.core.exceptions import ResourceNotFoundError
from azure.keyvault.secrets import SecretClient
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from shared.azure_calls import CLIENT_ERRORS, FAIL_FAST, as_problem
from shared.errors import Undecryptable, UnknownCertificate
from shared.identity.certificates import Certificate
from shared.timing import Deadline

# Source: https://learn.microsoft.com/azure/key-vault/general/about-keys-secrets-certificates#objects-identifiers-and-versioning
_VERSION = re.compile(r"[0-9a-f]{32}")

# The least role that may read the secret behind a certificate.
_ROLE = "Key Vault Secrets User"

# Ask again for an unknown version after this time: an operator may have restored it, or the vault replicated it.
_UNKNOWN_SECONDS = 300.0
_MAX_CACHED = 64


class CertificateVersions:
    """All versions of one certificate. Parsed keys are cached: parsing takes a hundred times as long as decrypting."""

    def __init__(self, client: SecretClient, name: str, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._name = name
        self._monotonic = monotonic
        self._pool = ThreadPoolExecutor(max_workers=4, thread_name_prefix="key-vault")
        self._lock = threading.Lock()
        self._cached: dict[str, Certificate] = {}
        self._unknown_until: dict[str, float] = {}

    def private_key(self, certificate_id: str, deadline: Deadline) -> RSAPrivateKey:
        """Return the private key of the version ``certificate_id``.

        Raises:
            UnknownCertificate: the vault has no such version.
            Undecryptable: the vault cannot have it, because the id does not have 32 hex digits.
            Unavailable: the vault does not answer in time.
            Misconfigured: it refuses this app or has disabled this version, or the secret does not hold an RSA key.
        """
        cached = self._cached.get(certificate_id)
        if cached is not None:
            return cached.private_key
        if not _VERSION.fullmatch(certificate_id):
            raise Undecryptable("the encryption certificate's id is not a version of a certificate in Key Vault")
        if self._is_unknown(certificate_id):
            raise UnknownCertificate("no such version of the encryption certificate")
        return deadline.run_on(self._pool, self._fetch, certificate_id).private_key

    def current(self) -> Certificate:
        """Return the newest version; raises as ``private_key`` does."""
        return self._add_to_cache(self._get(None))

    def _is_unknown(self, version: str) -> bool:
        return self._unknown_until.get(version, float("-inf")) > self._monotonic()

    def _fetch(self, version: str) -> Certificate:
        with self._lock:
            cached = self._cached.get(version)
            if cached is not None:
                return cached
            try:
                return self._add_to_cache(self._get(version))
            except UnknownCertificate:
                if len(self._unknown_until) >= _MAX_CACHED:
                    self._unknown_until.clear()
                self._unknown_until[version] = self._monotonic() + _UNKNOWN_SECONDS
                raise

    def _add_to_cache(self, certificate: Certificate) -> Certificate:
        if len(self._cached) >= _MAX_CACHED:
            self._cached.clear()
        return self._cached.setdefault(certificate.version, certificate)

    def _get(self, version: str | None) -> Certificate:
        # Only the timer asks for the newest version: it has time for a retry, and the client's transport bounds it.
        options: Mapping[str, Any] = {} if version is None else FAIL_FAST
        try:
            secret = self._client.get_secret(self._name, version, **options)
        except ResourceNotFoundError as exc:
            raise UnknownCertificate(f"Key Vault has no such version of {self._name}") from exc
        except CLIENT_ERRORS as exc:
            system = f"Key Vault ({self._name}, version {version or 'newest'})"
            raise as_problem(system, exc, role=_ROLE) from exc
        properties = secret.properties
        cached = self._cached.get(properties.version or "")
        if cached is not None:
            return cached
        is_pem = properties.content_type == "application/x-pem-file"
        return Certificate.from_secret(secret.value or "", version=properties.version or "", is_pem=is_pem)
