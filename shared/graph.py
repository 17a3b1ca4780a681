"""Microsoft Graph in one tenant: its subscriptions, and its resources by path.

Source: https://learn.microsoft.com/graph/api/resources/subscription
"""

from collections.abc import Iterator, Mapping
from typing import Any

from azure.core import PipelineClient
from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError
from azure.core.pipeline.policies import (
    BearerTokenCredentialPolicy,
    HeadersPolicy,
    HttpLoggingPolicy,
    RequestIdPolicy,
    RetryPolicy,
    UserAgentPolicy,
)
from azure.core.rest import HttpRequest, HttpResponse

from shared.azure_calls import unavailable
from shared.errors import Misconfigured, Unavailable
from shared.subscriptions import Subscription

_TOO_MANY_REQUESTS = 429
_SERVER_ERROR = 500
_CLIENT_ERROR = 400
# Creating a subscription waits for the handshake, for which Graph gives 10 seconds on each of two URLs.
_READ_TIMEOUT_SECONDS = 30


class Graph:
    """A client of one tenant; all methods raise Unavailable (later, perhaps) or Misconfigured (Graph says why not)."""

    def __init__(self, graph_url: str, credential: TokenCredential, *, scope: str) -> None:
        policies = [
            RequestIdPolicy(),
            HeadersPolicy({"Accept": "application/json"}),
            UserAgentPolicy("teams-change-notifications"),
            RetryPolicy(retry_total=3, retry_backoff_max=20),
            BearerTokenCredentialPolicy(credential, scope),
            HttpLoggingPolicy(),
        ]
        self._client: PipelineClient[Any, Any] = PipelineClient(graph_url, policies=policies)

    def list_subscriptions(self) -> Iterator[Subscription]:
        """Return all subscriptions of the app in the tenant, page by page."""
        url: str | None = "/v1.0/subscriptions"
        while url is not None:
            page = self._send("GET", url)
            items = page.get("value")
            # Taken for an empty list, an answer that was cut off would have everything subscribed to again.
            if not isinstance(items, list):
                raise Unavailable("Graph's list of subscriptions is none")
            yield from (Subscription.from_json(item) for item in items)
            url = page.get("@odata.nextLink")

    def create_subscription(self, properties: Mapping[str, Any], *, beta: bool = False) -> Subscription:
        """Return the subscription that Graph made of ``properties``, after its handshake with the notification URL.

        ``beta`` is for resources that v1.0 does not know.
        """
        return Subscription.from_json(self._send("POST", f"/{_version(beta=beta)}/subscriptions", properties))

    def update_subscription(
        self, subscription_id: str, properties: Mapping[str, Any], *, beta: bool = False
    ) -> Subscription:
        """Return the subscription with ``properties`` changed; a new ``expirationDateTime`` reauthorizes it too."""
        url = f"/{_version(beta=beta)}/subscriptions/{subscription_id}"
        return Subscription.from_json(self._send("PATCH", url, properties))

    def delete_subscription(self, subscription_id: str) -> None:
        """End a subscription."""
        self._send("DELETE", f"/v1.0/subscriptions/{subscription_id}")

    def get(self, path: str, *, beta: bool = False) -> Mapping[str, Any]:
        """Return the resource at ``path``, as it is at this moment."""
        return self._send("GET", f"/{_version(beta=beta)}/{path.lstrip('/')}")

    def _send(self, method: str, url: str, body: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
        address = url if url.startswith("https://") else self._client.format_url(url)
        request = HttpRequest(method, address, json=body)
        try:
            response = self._client.send_request(request, read_timeout=_READ_TIMEOUT_SECONDS)
        except AzureError as exc:
            raise unavailable("Graph", exc) from exc
        _check(response, f"{method} {url.partition('?')[0]}")
        return _json_object(response)


def _version(*, beta: bool) -> str:
    return "beta" if beta else "v1.0"


def _check(response: HttpResponse, call: str) -> None:
    status = response.status_code
    if status == _TOO_MANY_REQUESTS or status >= _SERVER_ERROR:
        raise Unavailable(f"Graph answered {status} to {call}")
    if status >= _CLIENT_ERROR:
        raise Misconfigured(f"Graph answered {status} to {call}: {_reason(response)}")


def _reason(response: HttpResponse) -> str:
    """Return Graph's own words, for the operator: they tell what is missing, and repeat none of the secrets sent."""
    error = _json_object(response).get("error")
    if not isinstance(error, dict):
        return "no reason given"
    return f"{error.get('code')}: {error.get('message')} (request-id {response.headers.get('request-id')})"


def _json_object(response: HttpResponse) -> Mapping[str, Any]:
    try:
        value = response.json()
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
