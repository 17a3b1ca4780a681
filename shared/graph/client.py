"""A client of Microsoft Graph in one tenant: subscriptions, and resources by path.

Source: https://learn.microsoft.com/graph/api/resources/subscription
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, override
from urllib.parse import urlsplit

from azure.core import PipelineClient
from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError
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

from shared.azure_calls import FAIL_FAST, as_unavailable
from shared.errors import Conflict, Malformed, Misconfigured, NotFound, Refused, Unavailable
from shared.graph.location import ResourceLocation
from shared.graph.subscription import GraphSubscription
from shared.notifications.decryption import ResourceContent
from shared.notifications.json_text import parse_json

_TOO_MANY_REQUESTS = 429
_SERVER_ERROR = 500
_CLIENT_ERROR = 400
_NOT_FOUND = 404
_FORBIDDEN = 403
_CONFLICT_STATUSES = frozenset({409, 412})
# An id in a form that Graph does not expect, a licence or payment model, what is gone for good, and what is locked.
# Source: https://learn.microsoft.com/graph/errors
_REFUSED_FOR_GOOD = frozenset({400, 402, 410, 423})
# A 403 about the resource, not about the app's permissions: an administrator has disabled transcripts for the meeting.
_REFUSED_BY_POLICY = "GraphAccessToTranscriptsDisabled"
_MAX_RETRY_AFTER_SECONDS = 3600
# Creating a subscription includes the handshake, for which Graph allows 10 seconds on each of two URLs.
_LONG_TIMEOUT: Mapping[str, Any] = {"read_timeout": 30}


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

    All methods raise Unavailable (a retry may succeed), NotFound (404) or Misconfigured (the text has Graph's reason).
    Those that change something also raise Conflict (409, 412).
    """

    def __init__(
        self, graph_url: str, credential: TokenCredential, *, scope: str, wait_to_list: Callable[[], None] = _no_wait
    ) -> None:
        policies = [
            RequestIdPolicy(),
            HeadersPolicy({"Accept": "application/json"}),
            UserAgentPolicy("teams-change-notifications"),
            _OneRetry(),
            BearerTokenCredentialPolicy(credential, scope),
            HttpLoggingPolicy(),
        ]
        self._url = graph_url.rstrip("/")
        self._client: PipelineClient[Any, Any] = PipelineClient(graph_url, policies=policies)
        self._wait_to_list = wait_to_list

    def list_subscriptions(self) -> Iterator[GraphSubscription]:
        """Yield all subscriptions of the app in the tenant, page by page."""
        url: str | None = "/v1.0/subscriptions"
        while url is not None:
            self._wait_to_list()
            page = self._request_json("GET", url)
            items = page.get("value")
            # A truncated response must not look like an empty list: all subscriptions would be created again.
            if not isinstance(items, list):
                raise Unavailable("Graph's response has no list of subscriptions")
            yield from (GraphSubscription.from_json(item) for item in items)
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

    def delete_subscription(self, subscription_id: str) -> None:
        """Delete a subscription."""
        self._request_json("DELETE", f"/v1.0/subscriptions/{subscription_id}")

    def get_resource(self, location: ResourceLocation) -> ResourceContent:
        """Return the current state of the resource at ``location``, failing fast for the receiving path.

        Raises:
            Refused: Graph refuses this resource for good, whatever the app's permissions are.
        """
        response = self._request("GET", location.path, options=FAIL_FAST, refused=_REFUSED_FOR_GOOD)
        try:
            return ResourceContent.from_json(response.content)
        except Malformed as exc:
            raise Unavailable("Graph's response is not a resource") from exc

    def get_page(self, path: str) -> Page:
        """Return one page of a list; ``path`` has a percent-encoded query, or is a link to the next page."""
        page = self._request_json("GET", self._path(path) or "")
        items = page.get("value")
        # A truncated response must not look like the last page: the changes behind it would be lost.
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise Unavailable("Graph's response has no list of items")
        return Page(items=tuple(items), next_path=self._path(page.get("@odata.nextLink")))

    def get_item(self, path: str) -> Mapping[str, Any]:
        """Return the one item at ``path``, with its id."""
        item = self._request_json("GET", path)
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
        return _json_object(self._request(method, url, body))

    def _request(
        self,
        method: str,
        url: str,
        body: Mapping[str, Any] | None = None,
        *,
        options: Mapping[str, Any] = _LONG_TIMEOUT,
        refused: frozenset[int] = frozenset(),
    ) -> HttpResponse:
        request = HttpRequest(method, f"{self._url}{url}", json=body)
        try:
            response: HttpResponse = self._client.send_request(request, **options)
        except AzureError as exc:
            raise as_unavailable("Graph", exc) from exc
        call = f"{method} {url.partition('?')[0]}"
        if response.status_code in refused or (refused and _is_refused_by_policy(response)):
            raise Refused(f"Graph answered {response.status_code} to {call}: {_error_text(response)}")
        _raise_for_status(response, call)
        return response


def _is_refused_by_policy(response: HttpResponse) -> bool:
    return response.status_code == _FORBIDDEN and _REFUSED_BY_POLICY.encode() in response.content


def _version(*, beta: bool) -> str:
    return "beta" if beta else "v1.0"


def _raise_for_status(response: HttpResponse, call: str) -> None:
    status = response.status_code
    if status == _TOO_MANY_REQUESTS or status >= _SERVER_ERROR:
        raise Unavailable(f"Graph answered {status} to {call}", retry_after=_retry_after(response))
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
    error = _json_object(response).get("error")
    if not isinstance(error, dict):
        return "no reason given"
    return f"{error.get('code')}: {error.get('message')} (request-id {response.headers.get('request-id')})"


def _json_object(response: HttpResponse) -> Mapping[str, Any]:
    try:
        value = parse_json(response.content)
    except Malformed:
        return {}
    return value if isinstance(value, dict) else {}
