"""A client of Microsoft Graph in one tenant: subscriptions, and resources by path.

Source: https://learn.microsoft.com/graph/api/resources/subscription
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, override
from urllib.parse import urlsplit

from azure.core import PipelineClient
from azure.core.pipeline import PipelineResponse
from azure.core.pipeline.policies import (
    BearerTokenCredentialPolicy,
    HeadersPolicy,
    HttpLoggingPolicy,
    RequestIdPolicy,
    RetryPolicy,
    UserAgentPolicy,
)
from azure.core.rest import HttpRequest, HttpResponse

from shared.azure_calls import CLIENT_ERRORS, FAIL_FAST, as_unavailable
from shared.bounded_calls import BoundedCalls
from shared.errors import Malformed, Misconfigured, Unavailable
from shared.graph.answers import json_object, raise_for_refusal, raise_for_status
from shared.graph.graph_token import GraphToken
from shared.graph.location import ResourceLocation
from shared.graph.subscription import GraphSubscription
from shared.notifications.decryption import ResourceContent

_LOG = logging.getLogger(__name__)

# Without it, system messages and whatever else Graph has added to an enumeration arrive as unknownFutureValue, and so
# does the content of a subscription that was created without it. Where nothing was added, it changes nothing.
# Source: https://learn.microsoft.com/graph/best-practices-concept#handling-future-members-in-evolvable-enumerations
_HEADERS = {"Accept": "application/json", "Prefer": "include-unknown-enum-members"}

# Creating a subscription includes the handshake, for which Graph allows 10 seconds on each of two URLs.
_TIMEOUT = timedelta(seconds=30)
_LONG_TIMEOUT: Mapping[str, Any] = {"read_timeout": _TIMEOUT.total_seconds()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page of one of Graph's lists; ``next_path`` is None on the last one."""

    items: Sequence[Mapping[str, Any]] = field(repr=False)
    next_path: str | None


class _OneRetry(RetryPolicy[Any, Any]):
    """One immediate retry after a temporary error. With ``Retry-After`` there is none: the caller has other work to do.

    Source: https://learn.microsoft.com/graph/throttling#best-practices-to-handle-throttling
    """

    def __init__(self) -> None:
        super().__init__(retry_total=1)

    @override
    def is_retry(self, settings: dict[str, Any], response: PipelineResponse[Any, Any]) -> bool:
        return "Retry-After" not in response.http_response.headers and super().is_retry(settings, response)


def _no_wait() -> None:
    """Return at once."""


class Graph:
    """A client of one tenant; ``wait_to_list`` returns when the rate limit allows one more page of subscriptions.

    A call lasts up to ``timeout`` as a whole, with its token, also if an answer trickles; ``name`` stands in problems.
    Lists and resources that trickle leave the calls for subscriptions alone.
    All methods raise Unavailable (a retry may succeed), NotFound (404) or Misconfigured (the text has Graph's reason).
    Those that change something also raise Conflict (409, 412).
    """

    def __init__(
        self,
        graph_url: str,
        token: GraphToken,
        *,
        wait_to_list: Callable[[], None] = _no_wait,
        name: str = "Graph",
        timeout: timedelta = _TIMEOUT,
    ) -> None:
        policies = [
            RequestIdPolicy(),
            HeadersPolicy(_HEADERS),
            UserAgentPolicy("teams-change-notifications"),
            _OneRetry(),
            BearerTokenCredentialPolicy(token.credential, token.scope),
            HttpLoggingPolicy(),
        ]
        self._url = graph_url.rstrip("/")
        self._client: PipelineClient[Any, Any] = PipelineClient(graph_url, policies=policies)
        self._calls, self._reads = (BoundedCalls(name, timeout=timeout) for _ in range(2))
        self._wait_to_list = wait_to_list
        self._token = token

    def access_token(self) -> str:
        """Return the token that the next request carries."""
        return self._calls.call(self._token.text)

    def token_expires_at(self) -> datetime:
        """Return when the token expires that the next request carries."""
        return self._calls.call(self._token.expires_at)

    def list_subscriptions(self) -> Iterator[GraphSubscription]:
        """Yield all subscriptions of the app in the tenant, page by page; an entry that is none is reported."""
        url: str | None = "/v1.0/subscriptions"
        read: set[str] = set()
        while url is not None:
            if url in read:
                raise Unavailable("Graph's link to the next page leads to a page that was read before")
            read.add(url)
            self._wait_to_list()
            page = self._request_json("GET", url)
            items = page.get("value")
            # A truncated response must not look like an empty list: all subscriptions would be created again.
            if not isinstance(items, list):
                raise Unavailable("Graph's response has no list of subscriptions")
            yield from _subscriptions(items)
            url = self._path(page.get("@odata.nextLink"))

    def create_subscription(self, properties: Mapping[str, Any], *, beta: bool = False) -> GraphSubscription:
        """Return the subscription that Graph created after its handshake; ``beta``: v1.0 does not have the resource."""
        url = f"/{_version(beta=beta)}/subscriptions"
        return GraphSubscription.from_json(self._request_json("POST", url, properties))

    def update_subscription(
        self, subscription_id: str, properties: Mapping[str, Any], *, beta: bool = False
    ) -> GraphSubscription:
        """Return the changed subscription; a new ``expirationDateTime`` also reauthorizes it."""
        url = f"/{_version(beta=beta)}/subscriptions/{subscription_id}"
        return GraphSubscription.from_json(self._request_json("PATCH", url, properties))

    def get_subscription(self, subscription_id: str, *, beta: bool = False) -> GraphSubscription:
        """Return a subscription by its id; Graph's list may be out of date for hours, this is not."""
        url = f"/{_version(beta=beta)}/subscriptions/{subscription_id}"
        return GraphSubscription.from_json(self._request_json("GET", url))

    def delete_subscription(self, subscription_id: str) -> None:
        """Delete a subscription."""
        self._request_json("DELETE", f"/v1.0/subscriptions/{subscription_id}")

    def get_resource(self, location: ResourceLocation, *, is_live: bool = True) -> ResourceContent:
        """Return the current state of the resource at ``location``, failing fast.

        ``is_live``: the receiving path waits for it, by a deadline of its own.

        Raises:
            Refused: Graph refuses this resource for good, whatever the app's permissions are.
        """
        response = self._get(location.path, options=FAIL_FAST, is_bounded=not is_live)
        try:
            return ResourceContent.from_json(response.content)
        except Malformed as exc:
            raise Unavailable("Graph's response is not a resource") from exc

    def get_page(self, path: str) -> Page:
        """Return one page of a list; ``path`` has a percent-encoded query, or is a link to the next page.

        Raises:
            Refused: Graph refuses this list for good, or has forgotten the link.
        """
        url = self._path(path) or ""
        page = json_object(self._get(url))
        items = page.get("value")
        # A truncated response must not look like the last page: the changes behind it would be lost.
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise Unavailable("Graph's response has no list of items")
        next_path = self._path(page.get("@odata.nextLink"))
        if next_path == url:
            raise Unavailable("Graph's link to the next page leads to the page itself")
        return Page(items=tuple(items), next_path=next_path)

    def get_item(self, path: str) -> Mapping[str, Any]:
        """Return the one item at ``path``, with its id; raises as ``get_page`` does."""
        item = json_object(self._get(path))
        # A truncated response must not make the item look deleted.
        if not isinstance(item.get("id"), str):
            raise Unavailable("Graph's response has no item with an id")
        return item

    def _path(self, link: Any) -> str | None:
        """Return the path and query of a link to the next page. Its host is ignored: only Graph may receive the token.

        Source: https://learn.microsoft.com/graph/paging
        """
        if link is None:
            return None
        try:
            parts = urlsplit(link)
        except (ValueError, AttributeError, TypeError) as exc:
            raise Unavailable("Graph's link to the next page is not a URL") from exc
        path = f"{parts.path}?{parts.query}".removeprefix(urlsplit(self._url).path)
        if not path.startswith(("/v1.0/", "/beta/")) or not path.isascii():
            raise Unavailable("Graph's link to the next page does not lead to a version of its API")
        return path

    def _request_json(self, method: str, url: str, body: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
        request = HttpRequest(method, f"{self._url}{url}", json=body)
        response = self._calls.call(self._send, request, _LONG_TIMEOUT)
        raise_for_status(response, _call(method, url))
        return json_object(response)

    def _get(self, url: str, *, options: Mapping[str, Any] = _LONG_TIMEOUT, is_bounded: bool = True) -> HttpResponse:
        """Return the response to a GET for a resource or list, which Graph may refuse for good."""
        request, call = HttpRequest("GET", f"{self._url}{url}"), _call("GET", url)
        response = self._reads.call(self._send, request, options) if is_bounded else self._send(request, options)
        raise_for_refusal(response, call)
        raise_for_status(response, call)
        return response

    def _send(self, request: HttpRequest, options: Mapping[str, Any]) -> HttpResponse:
        try:
            response: HttpResponse = self._client.send_request(request, **options)
        # A credential also raises what it stumbles over in an answer of the identity's endpoint.
        except CLIENT_ERRORS as exc:
            raise as_unavailable("Graph", exc) from exc
        return response


def _call(method: str, url: str) -> str:
    return f"{method} {url.partition('?')[0]}"


def _version(*, beta: bool) -> str:
    return "beta" if beta else "v1.0"


def _subscriptions(items: Sequence[Any]) -> Iterator[GraphSubscription]:
    for number, item in enumerate(items, start=1):
        try:
            yield GraphSubscription.from_json(item)
        except Misconfigured as problem:
            _LOG.warning("entry %d of Graph's list of subscriptions is left out: %s", number, problem)
