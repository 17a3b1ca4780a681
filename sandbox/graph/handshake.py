"""The validation of an endpoint: Graph sends a token, and the endpoint sends it back within ten seconds.

Source: https://learn.microsoft.com/en-us/graph/change-notifications-delivery-webhooks
"""

import base64
import secrets
import time
import uuid
from datetime import timedelta
from http import HTTPStatus
from urllib.parse import quote_plus

import aiohttp
from yarl import URL

from sandbox.graph.errors import Refused, invalid
from sandbox.graph.items import Answer


async def validate(session: aiohttp.ClientSession, url: str, patience: timedelta) -> tuple[Answer, Refused | None]:
    """Return how the endpoint answered, and the refusal if that was not what Graph wants to see."""
    token = _token()
    # Encoded as Graph does, spaces as "+": whoever echoes the query undecoded fails.
    address = URL(f"{url}{'&' if '?' in url else '?'}validationToken={quote_plus(token)}", encoded=True)
    began = time.perf_counter()
    status, refusal = None, None
    try:
        async with session.post(
            address,
            headers={"Content-Type": "text/plain; charset=utf-8"},
            timeout=aiohttp.ClientTimeout(total=patience.total_seconds()),
            allow_redirects=False,
        ) as response:
            status = response.status
            refusal = _verdict(response, await response.read(), token)
    except TimeoutError:
        refusal = invalid("Subscription validation request timed out.")
    except aiohttp.ClientError:
        refusal = _failed("The notification endpoint could not be reached.")
    return Answer(status=status, took=timedelta(seconds=time.perf_counter() - began)), refusal


def _verdict(response: aiohttp.ClientResponse, body: bytes, token: str) -> Refused | None:
    if response.status != HTTPStatus.OK:
        name = _name(response.status)
        return _failed(
            f"HTTP status code is '{name}'. Notification endpoint must respond with 200 OK to validation request."
        )
    if response.content_type != "text/plain":
        return _failed("Notification endpoint must respond with content type text/plain to validation request.")
    if body != token.encode():
        return _failed("Response must exactly match validationToken query parameter.")
    return None


def _name(status: int) -> str:
    known = {each.value for each in HTTPStatus}
    return "".join(HTTPStatus(status).phrase.split()) if status in known else str(status)


def _token() -> str:
    # The text is what the real service is seen to send. The token is opaque and its format may change, hence a tail of
    # characters that mean something in a query.
    tail = base64.b64encode(b"\xfb\xef\xbe" + secrets.token_bytes(9)).decode()
    text = "Validation: Testing client application reachability for subscription Request-Id:"
    return f"{text} {uuid.uuid4()} & tag=50% {tail}"


def _failed(reason: str) -> Refused:
    return Refused(400, "ValidationError", f"Subscription validation request failed. {reason}")
