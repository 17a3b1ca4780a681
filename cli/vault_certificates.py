"""Certificates of the vault without their keys: read, listed, and made by its REST API.

The app has no use for azure-keyvault-certificates: it reads keys as secrets. The client of secrets carries these calls.

Source: https://learn.microsoft.com/rest/api/keyvault/certificates/operation-groups
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from azure.core.exceptions import HttpResponseError
from azure.core.rest import HttpRequest, HttpResponse
from azure.keyvault.secrets import SecretClient

from shared.azure_calls import CLIENT_ERRORS, FAIL_FAST, as_problem
from shared.errors import Conflict, Misconfigured, NotFound, Unavailable

# The least roles that show certificates without their keys, and that make them.
# Source: https://learn.microsoft.com/azure/key-vault/general/rbac-guide
_READER, _OFFICER = "Key Vault Reader", "Key Vault Certificates Officer"
_NOT_FOUND, _BAD_REQUEST, _CONFLICT = 404, 400, 409
# Of a call that begins to make a version, or looks at it: if its answer is lost, the version is made all the same.
_PATIENT: Mapping[str, Any] = {"retry_total": 0, "connection_timeout": 5, "read_timeout": 30}
# The vault makes a self-signed certificate within seconds.
_PATIENCE_SECONDS, _PAUSE_SECONDS = 120.0, 0.5


@dataclass(frozen=True, slots=True)
class VaultCertificates:
    """The certificates of one vault; methods raise Misconfigured for a refusal, and Unavailable for anything else."""

    _client: SecretClient
    pause: Callable[[float], None] = time.sleep

    def get(self, name: str, version: str = "") -> Mapping[str, Any]:
        """Return a certificate as the vault shows it; the newest has its policy.

        Raises:
            NotFound: there is none.
        """
        response = self._answer(HttpRequest("GET", f"certificates/{name}/{version}".rstrip("/")), _READER)
        if response.status_code == _NOT_FOUND:
            raise NotFound(f"the vault has no certificate {name}{f', version {version}' if version else ''}")
        return self._json(response, _READER)

    def versions(self, name: str) -> Sequence[Mapping[str, Any]]:
        """Return the versions of a certificate, newest first."""
        found: list[Mapping[str, Any]] = []
        link: str | None = f"certificates/{name}/versions"
        while link:
            page = self._json(self._answer(HttpRequest("GET", link), _READER), _READER)
            found += page["value"]
            link = page.get("nextLink")
        return sorted(found, key=lambda item: int(item["attributes"]["created"]), reverse=True)

    def create(self, name: str, policy: Mapping[str, Any]) -> Mapping[str, Any]:
        """Have the vault make a version, and return it once it is there.

        Raises:
            Conflict: another version is being made.
            Misconfigured: the vault refuses the policy, or the issuer the certificate.
        """
        request = HttpRequest("POST", f"certificates/{name}/create", json={"policy": policy})
        response = self._answer(request, _OFFICER)
        if response.status_code == _CONFLICT:
            raise Conflict(f"another version of {name} is being made, or a deleted one has the name")
        if response.status_code == _BAD_REQUEST:
            raise Misconfigured(f"the vault refuses {name} or its policy: {_reason(response.json())}")
        self._json(response, _OFFICER)
        self._wait(name)
        return self.get(name)

    def _wait(self, name: str) -> None:
        for _ in range(int(_PATIENCE_SECONDS / _PAUSE_SECONDS)):
            operation = self._json(self._answer(HttpRequest("GET", f"certificates/{name}/pending"), _OFFICER), _OFFICER)
            if operation["status"] == "completed":
                return
            if operation["status"] != "inProgress":
                raise Misconfigured(f"the vault made no version of {name}: {_reason(operation)}")
            self.pause(_PAUSE_SECONDS)
        raise Unavailable(
            f"the vault is still making {name} after {_PATIENCE_SECONDS:.0f} s: look with certificate show"
        )

    def _answer(self, request: HttpRequest, role: str) -> HttpResponse:
        options = _PATIENT if role == _OFFICER else FAIL_FAST
        try:
            return self._client.send_request(request, **options)
        except CLIENT_ERRORS as exc:
            raise as_problem("Key Vault", exc, role=role) from exc

    @staticmethod
    def _json(response: HttpResponse, role: str) -> Mapping[str, Any]:
        try:
            response.raise_for_status()
            found = response.json()
        except HttpResponseError as exc:
            raise as_problem("Key Vault", exc, role=role) from exc
        except ValueError as exc:
            raise Unavailable("Key Vault does not answer as it should: no JSON") from exc
        return found if isinstance(found, dict) else {}


def _reason(body: Mapping[str, Any]) -> str:
    error = body.get("error")
    return str(error.get("message") if isinstance(error, dict) else body.get("status", "it does not say why"))
