"""What all calls through Azure's client libraries share: fail-fast options, error translation and retries."""

import base64
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

import requests
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
    ServiceResponseError,
)
from urllib3.exceptions import ProtocolError

from shared.errors import Misconfigured, NotSignedIn, Unavailable

# Options of a call on the receiving path: Graph waits 3 seconds for an answer, and retries itself.
FAIL_FAST: Mapping[str, Any] = {"retry_total": 0, "connection_timeout": 1, "read_timeout": 2}

# What the clients raise for a bad response: their own errors, those of requests, and those of the parsers (theirs and
# ours) that read a response which breaks off in the middle.
CLIENT_ERRORS: tuple[type[Exception], ...] = (
    AzureError,
    OSError,
    AttributeError,
    LookupError,
    RecursionError,  # of JSON, nested too deeply
    SyntaxError,  # of XML
    TypeError,
    ValueError,
)

# Of them, what says that the connection was closed: by the clients of the libraries, and by our own calls.
_CLOSED = (requests.ConnectionError, ProtocolError, ConnectionError, HTTPException)

# The least built-in roles with which the app can work.
# Source: https://learn.microsoft.com/azure/role-based-access-control/built-in-roles
BLOB_ROLE = "Storage Blob Data Contributor"
QUEUE_ROLE = "Storage Queue Data Contributor"
TABLE_ROLE = "Storage Table Data Contributor"

_UNAUTHORIZED = 401
_REFUSALS = frozenset({_UNAUTHORIZED, 403})

# At least one connection for each thread: by default, urllib3 pools ten, and opens a new one for each request beyond.
MAX_CONNECTIONS = 64


def as_problem(system: str, exc: Exception, *, role: str) -> Unavailable | Misconfigured:
    """Return the problem that ``exc`` stands for: for a refusal (401, 403) the operator's, who grants ``role``."""
    if isinstance(exc, HttpResponseError) and exc.response is not None and exc.status_code in _REFUSALS:
        return Misconfigured(f"{system} refuses {_refusal(exc, exc.response, role)}")
    return as_unavailable(system, exc)


def as_unavailable(system: str, exc: Exception) -> Unavailable:
    """Return the problem that ``exc`` stands for, without its text: it contains the response's body (never log it)."""
    status = exc.status_code if isinstance(exc, HttpResponseError) else None
    # Without a status, this one is azure-identity's.
    if status is None and isinstance(exc, ClientAuthenticationError):
        return NotSignedIn(f"no token for {system}: enable a managed identity, or run az login")
    return Unavailable(f"{system} does not answer as it should: {status or type(exc).__name__}")


def _refusal(exc: HttpResponseError, response: Any, role: str) -> str:
    """Return who was refused where, and what to do."""
    request, code = response.request, _error_code(exc, response)
    scope = urlsplit(request.url).netloc
    if code == "SecretDisabled":
        return f"to give a disabled version: enable it in {scope}"
    said = f"({exc.status_code} {code})" if code else f"({exc.status_code})"
    credential, _, token = request.headers.get("Authorization", "").partition(" ")
    if credential == "SharedKey":
        return f"the AccountKey in AzureWebJobsStorage {said}: copy it again, or let this app's network reach {scope}"
    if "sig=" in request.url:
        return f"the signature in AzureWebJobsStorage {said}: make one that covers what {role} may do on {scope}"
    if exc.status_code == _UNAUTHORIZED:
        return f"{principal(token)} {said}: grant the role {role} on {scope} to an identity of its tenant"
    return f"{principal(token)} {said}: grant it the role {role} on {scope}, and let it through the firewall there"


def _error_code(exc: HttpResponseError, response: Any) -> str:
    """Return the one word that storage (in a header) or Key Vault (in the body) has for an error, or nothing."""
    inner = exc.error.innererror if exc.error is not None else None
    code = response.headers.get("x-ms-error-code") or (inner.get("code") if isinstance(inner, Mapping) else None)
    return code if isinstance(code, str) and code.isalnum() and code.isascii() else ""


def principal(access_token: str) -> str:
    """Return whom one of the app's own tokens is of, in words; nothing depends on it, so it is not verified."""
    try:
        payload = access_token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return f"the app's identity {claims['oid']} (client id {claims['appid']}, tenant {claims['tid']})"
    except (LookupError, TypeError, ValueError, RecursionError):
        return "the app's identity"


def create_if_missing[T](create: Callable[[], object], write: Callable[[], T]) -> T:
    """Return the result of ``write``; if its queue, container or table is missing, ``create`` that first."""
    try:
        return write()
    except ResourceNotFoundError:
        # Another worker may create it in the meantime.
        with suppress(ResourceExistsError):
            create()
        return write()


def retry_on_stale_connection[T](write: Callable[[], T]) -> T:
    """Return the result of an idempotent ``write``; repeat it when the connection was closed, but not after a time-out.

    Load balancers drop idle connections; the client notices at the next request.
    """
    for _ in range(MAX_CONNECTIONS):
        try:
            return write()
        except ServiceResponseError as exc:
            if not isinstance(exc.inner_exception, _CLOSED):
                raise
    return write()
