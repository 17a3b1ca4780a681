"""The form of Graph's answers: errors as JSON, and the headers that every answer has.

Source: https://learn.microsoft.com/en-us/graph/errors
"""

import uuid

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from sandbox.clock import Clock
from sandbox.graph.errors import Refused

# Source: https://learn.microsoft.com/en-us/entra/identity-platform/claims-challenge
_CHALLENGE = (
    'Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", '
    'client_id="00000003-0000-0000-c000-000000000000"'
)


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
