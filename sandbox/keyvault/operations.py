"""Certificates that callers have the vault make: it answers at once, and is asked until the version is there.

Source: https://learn.microsoft.com/en-us/azure/key-vault/certificates/create-certificate-scenarios
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import uuid4

from sandbox.clock import Clock
from sandbox.keyvault.certificates import KeyPair, self_signed
from sandbox.keyvault.policies import lifetime
from sandbox.keyvault.secrets import Secrets
from sandbox.rsa_keys import KeySource

_SELF = "Self"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """The making of one version; ``looks``: how often the vault says that it is not ready yet."""

    name: str
    policy: Mapping[str, Any] = field(repr=False)
    looks: int
    request_id: str = field(default_factory=lambda: uuid4().hex)
    is_done: bool = False

    def bundle(self, vault_url: str) -> dict[str, Any]:
        """Return the operation as the vault shows it."""
        target = {"target": f"{vault_url}/certificates/{self.name}"} if self.is_done else {}
        return {
            "id": f"{vault_url}/certificates/{self.name}/pending",
            "issuer": {"name": self.policy["issuer"]["name"]},
            "cancellation_requested": False,
            "status": "completed" if self.is_done else "inProgress",
            "request_id": self.request_id,
            **target,
        }


class Operations:
    """What the vault makes for callers; ``looks`` is how often a caller has to ask besides the last time."""

    def __init__(self, secrets: Secrets, clock: Clock, key_source: KeySource) -> None:
        self.looks = 0
        self._secrets = secrets
        self._clock = clock
        self._key_source = key_source
        self._pending: dict[str, Operation] = {}
        # A key takes seconds, so that callers look in threads.
        self._lock = threading.Lock()
        self._newest: dict[str, KeyPair] = {}

    def policy(self, name: str) -> Mapping[str, Any] | None:
        """Return the policy that the newest version of a certificate was asked for with, if a caller did."""
        operation = self._pending.get(name.lower())
        return operation.policy if operation is not None and operation.is_done else None

    def begin(self, name: str, policy: Mapping[str, Any]) -> Operation | None:
        """Begin to make a version; None if another one is being made."""
        found = self._pending.get(name.lower())
        if found is not None and not found.is_done:
            return None
        operation = Operation(name=name, policy=policy, looks=self.looks)
        self._pending[name.lower()] = operation
        return operation

    def look(self, name: str) -> Operation | None:
        """Return how far the making of a version is; what another issuer signs, the vault waits for."""
        with self._lock:
            return self._looked_at(name)

    def _looked_at(self, name: str) -> Operation | None:
        operation = self._pending.get(name.lower())
        if operation is None or operation.is_done or operation.policy["issuer"]["name"] != _SELF:
            return operation
        if operation.looks:
            operation = replace(operation, looks=operation.looks - 1)
        else:
            self._make(operation)
            operation = replace(operation, is_done=True)
        self._pending[name.lower()] = operation
        return operation

    def _make(self, operation: Operation) -> None:
        policy, name = operation.policy, operation.name
        key_props, content_type = policy["key_props"], policy["secret_props"]["contentType"]
        before = self._newest.get(name.lower()) if key_props["reuse_key"] else None
        key = before.private_key if before else self._key_source(key_props["key_size"])
        common_name = policy["x509_props"]["subject"].removeprefix("CN=")
        pair = self_signed(common_name, key, now=self._clock.now(), lifetime=lifetime(policy))
        self._newest[name.lower()] = pair
        value = pair.packed(content_type, with_key=key_props["exportable"])
        self._secrets.add(name, value, content_type=content_type, certificate=pair.certificate)
