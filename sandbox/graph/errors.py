"""What does Graph say when it refuses, and in which form? Errors as JSON, with the headers that every answer has.

Source: https://learn.microsoft.com/en-us/graph/errors
"""

import uuid

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from sandbox.clock import Clock

# Source: https://learn.microsoft.com/en-us/entra/identity-platform/claims-challenge
_CHALLENGE = (
    'Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", '
    'client_id="00000003-0000-0000-c000-000000000000"'
)


class Refused(Exception):
    """Graph's answer to a request that it does not carry out: a status, a code and a message.

    ``retry_after`` is in whole seconds, and goes out as a header, as ``location`` does.
    """

    def __init__(
        self, status: int, code: str, message: str, *, retry_after: int | None = None, location: str | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.retry_after = retry_after
        self.location = location


def invalid(message: str) -> Refused:
    """Return the refusal of a request that can never succeed as it is."""
    return Refused(400, "InvalidRequest", message)


def from_teams(status: int, reason: str) -> Refused:
    """Return a refusal by the Teams service, which Graph wraps.

    Source: https://github.com/microsoftgraph/microsoft-graph-docs/issues/7182
    """
    words = {403: "Forbidden", 404: "NotFound", 409: "Conflict"}[status]
    return Refused(status, "ExtensionError", f"Operation: Create; Exception: [Status Code: {words}; Reason: {reason}]")


def gone() -> Refused:
    """Return the refusal for a subscription that has expired, was removed, or belongs to another app."""
    return Refused(404, "ResourceNotFound", "The object was not found.")


def answering(clock: Clock) -> Middleware:
    """Return the middleware that gives each answer its ids and turns refusals into error bodies."""

    @web.middleware
    async def answer(request: web.Request, handler: Handler) -> web.StreamResponse:
        request_id = str(uuid.uuid4())
        client_request_id = request.headers.get("client-request-id", request_id)
        try:
            response = await handler(request)
        except Refused as refused:
            ids = {"request-id": request_id, "client-request-id": client_request_id}
            response = _error(refused, {"date": f"{clock.now():%Y-%m-%dT%H:%M:%S}", **ids})
        response.headers["request-id"] = request_id
        response.headers["client-request-id"] = client_request_id
        return response

    return answer


def _error(refused: Refused, inner: dict[str, str]) -> web.Response:
    error = {"code": refused.code, "message": refused.message, "innerError": inner}
    response = web.json_response({"error": error}, status=refused.status)
    if refused.retry_after is not None:
        response.headers["Retry-After"] = str(refused.retry_after)
    if refused.location is not None:
        response.headers["Location"] = refused.location
    if refused.status == web.HTTPUnauthorized.status_code:
        response.headers["WWW-Authenticate"] = _CHALLENGE
    return response


async def no_such_thing(request: web.Request) -> web.StreamResponse:
    """Refuse an address that Graph does not have.

    Raises:
        Refused: always.
    """
    raise Refused(400, "BadRequest", f"Resource not found for the segment '{request.path.rpartition('/')[2]}'.")
