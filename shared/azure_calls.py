"""What all calls through Azure's client libraries share: fail-fast options, error translation and retries."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import requests
from azure.core.exceptions import (
    AzureError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
    ServiceResponseError,
)

from shared.errors import Unavailable

# Options of a call on the receiving path: Graph waits 3 seconds for an answer, and retries itself.
FAIL_FAST: Mapping[str, Any] = {"retry_total": 0, "connection_timeout": 1, "read_timeout": 2}

# What the clients raise for a bad response: their own errors, those of requests, and those of the parsers (theirs and
# ours) that read a response which breaks off in the middle.
CLIENT_ERRORS: tuple[type[Exception], ...] = (
    AzureError,
    OSError,
    AttributeError,
    LookupError,
    SyntaxError,  # of XML
    TypeError,
    ValueError,
)

# At least one connection for each thread: by default, urllib3 pools ten, and opens a new one for each request beyond.
MAX_CONNECTIONS = 64


def as_unavailable(system: str, exc: Exception) -> Unavailable:
    """Return the problem that ``exc`` stands for, without its text: it contains the response's body (never log it)."""
    status = exc.status_code if isinstance(exc, HttpResponseError) else None
    return Unavailable(f"{system} does not answer as it should: {status or type(exc).__name__}")


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
            if not isinstance(exc.inner_exception, requests.ConnectionError):
                raise
    return write()
