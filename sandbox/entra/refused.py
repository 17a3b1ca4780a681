"""Entra's refusals: an OAuth error with an AADSTS code, as JSON.

Source: https://learn.microsoft.com/en-us/entra/identity-platform/reference-error-codes
"""

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from sandbox.clock import Clock

NO_STORE = {"Cache-Control": "no-store, no-cache", "Pragma": "no-cache"}


# Not frozen: Python hangs the traceback on an exception while it is on its way.
@dataclass(kw_only=True, eq=False)
class Refused(Exception):
    """A request that Entra answers with an error: OAuth's word, the AADSTS code its text, a hint."""

    error: str
    code: int
    description: str
    status: int = 400
    suberror: str | None = None


def refusals(clock: Clock) -> Middleware:
    """Return the middleware that turns ``Refused`` into Entra's error body."""

    @web.middleware
    async def answer(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except Refused as refused:
            return web.json_response(_body(refused, request, clock), status=refused.status, headers=NO_STORE)

    return answer


def _body(refused: Refused, request: web.Request, clock: Clock) -> dict[str, Any]:
    trace, timestamp = str(uuid4()), f"{clock.now():%Y-%m-%d %H:%M:%SZ}"
    # MSAL sends its correlation id in this header and finds it again in the answer.
    correlation = request.headers.get("client-request-id") or str(uuid4())
    marks = f"Trace ID: {trace} Correlation ID: {correlation} Timestamp: {timestamp}"
    return {
        "error": refused.error,
        "error_description": f"AADSTS{refused.code}: {refused.description} {marks}",
        "error_codes": [refused.code],
        "timestamp": timestamp,
        "trace_id": trace,
        "correlation_id": correlation,
        "error_uri": f"{request.url.origin()}/error?code={refused.code}",
    } | ({} if refused.suberror is None else {"suberror": refused.suberror})
