"""What all calls through Azure's client libraries share: haste on the receiving path, one translation of errors."""

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

# Options of one call on the receiving path: Graph waits 3 seconds in all, and sends again itself.
FAIL_FAST: Mapping[str, Any] = {"retry_total": 0, "connection_timeout": 1, "read_timeout": 2}

# What the clients raise where an answer does not come as it should: their own errors, those of requests, and whatever
# their parsers and ours make of one that breaks off in the middle.
CLIENT_ERRORS: tuple[type[Exception], ...] = (
    AzureError,
    OSError,
    AttributeError,
    LookupError,
    SyntaxError,  # of XML
    TypeError,
    ValueError,
)

# For each thread that calls a store at the same time: beyond its ten, urllib3 connects anew for every request.
MAX_CONNECTIONS = 64


def as_unavailable(system: str, exc: Exception) -> Unavailable:
    """Return the problem that ``exc`` means. Its text carries the response's body, which must not reach a log."""
    status = exc.status_code if isinstance(exc, HttpResponseError) else None
    return Unavailable(f"{system} does not answer as it should: {status or type(exc).__name__}")


def create_if_missing[T](create: Callable[[], object], write: Callable[[], T]) -> T:
    """Return what ``write`` does, after making the queue, container or table if that is what is missing."""
    try:
        return write()
    except ResourceNotFoundError:
        # Another worker may make it in the meantime.
        with suppress(ResourceExistsError):
            create()
        return write()


def retry_on_stale_connection[T](write: Callable[[], T]) -> T:
    """Return what ``write`` does, again for each connection that is closed instead of an answer.

    Whoever stands between closes what has long been idle, and that shows at the next request only. A call that changes
    nothing when it is made twice is made anew; one that takes too long is not.
    """
    for _ in range(MAX_CONNECTIONS):
        try:
            return write()
        except ServiceResponseError as exc:
            if not isinstance(exc.inner_exception, requests.ConnectionError):
                raise
    return write()
