"""What Graph's answer to a request means: a JSON object, or one of the app's problems with Graph's reason.

Source: https://learn.microsoft.com/graph/errors
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from azure.core.rest import HttpResponse

from shared.azure_calls import principal
from shared.errors import Conflict, Malformed, Misconfigured, NotFound, Refused, Unavailable
from shared.notifications.json_text import parse_json

_TOO_MANY_REQUESTS = 429
_SERVER_ERROR = 500
_CLIENT_ERROR = 400
_NOT_FOUND = 404
_FORBIDDEN = 403
_UNAUTHORIZED = frozenset({401, _FORBIDDEN})
_CONFLICT_STATUSES = frozenset({409, 412})
# An id in a form that Graph does not expect, a licence or payment model, what is gone for good, and what is locked.
# Source: https://learn.microsoft.com/graph/errors
_REFUSED_FOR_GOOD = frozenset({400, 402, 410, 423})
# A 403 about the resource, not about the app's permissions: an administrator has disabled transcripts for the meeting.
_REFUSED_BY_POLICY = "GraphAccessToTranscriptsDisabled"
_MAX_RETRY_AFTER_SECONDS = 3600
# Enough for the permissions that a 403 names. Microsoft's own texts are shorter.
_MAX_ERROR_TEXT = 600


def raise_for_refusal(response: HttpResponse, call: str) -> None:
    """Do nothing unless Graph refuses the resource or list that ``call`` reads.

    Raises:
        Refused: for good, whatever the app's permissions are.
    """
    if response.status_code in _REFUSED_FOR_GOOD or _is_refused_by_policy(response):
        raise Refused(f"Graph answered {response.status_code} to {call}: {_error_text(response)}")


def _is_refused_by_policy(response: HttpResponse) -> bool:
    return response.status_code == _FORBIDDEN and _REFUSED_BY_POLICY.encode() in response.content


def raise_for_status(response: HttpResponse, call: str) -> None:
    """Do nothing if Graph did what it was asked.

    Raises:
        Unavailable: it is throttling, or out of order.
        NotFound, Conflict, Misconfigured: the text has Graph's reason and, for 401 and 403, whom Graph refuses.
    """
    status = response.status_code
    if status == _TOO_MANY_REQUESTS or status >= _SERVER_ERROR:
        raise Unavailable(f"Graph answered {status} to {call}", retry_after=_retry_after(response))
    if status in _UNAUTHORIZED:
        _, _, token = response.request.headers.get("Authorization", "").partition(" ")
        call = f"{call} by {principal(token)}"
    if status >= _CLIENT_ERROR:
        raise _refusal(response.request.method, status)(f"Graph answered {status} to {call}: {_error_text(response)}")


def _refusal(method: str, status: int) -> type[NotFound | Conflict | Misconfigured]:
    if status == _NOT_FOUND:
        return NotFound
    # A GET changes nothing, so a 409 or 412 does not mean that another process was faster.
    return Conflict if status in _CONFLICT_STATUSES and method != "GET" else Misconfigured


def _retry_after(response: HttpResponse) -> timedelta | None:
    """Return the value of the header in seconds, the only form that Graph documents."""
    text = response.headers.get("Retry-After", "")
    # Throttling asks for less than an hour. A timedelta cannot hold arbitrarily large numbers.
    return timedelta(seconds=min(int(text), _MAX_RETRY_AFTER_SECONDS)) if text.isdecimal() and text.isascii() else None


def _error_text(response: HttpResponse) -> str:
    """Return Graph's error for the operator: it names what is missing, and repeats no secret of the request."""
    error = json_object(response).get("error")
    if not isinstance(error, dict):
        return "no reason given"
    text = f"{error.get('code')}: {error.get('message')}"[:_MAX_ERROR_TEXT]
    return f"{text} (request-id {response.headers.get('request-id')})"


def json_object(response: HttpResponse) -> Mapping[str, Any]:
    """Return the JSON object in a response; an empty one if it has none."""
    try:
        value = parse_json(response.content)
    except Malformed:
        return {}
    return value if isinstance(value, dict) else {}
