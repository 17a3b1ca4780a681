"""One event hub, to which batches of messages are sent, one after the other.

The client library is imported when the first hub is made: it costs a fifth of a second that a queue's deployment need
not spend.

Sources: https://learn.microsoft.com/python/api/azure-eventhub/azure.eventhub.eventhubproducerclient
and https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/amqp-protocol-binding.md
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError

from shared.azure_calls import CLIENT_ERRORS, as_unavailable, principal
from shared.bounded_calls import BoundedCalls
from shared.errors import Misconfigured, Unavailable
from shared.event_hub_settings import NAME, EventHubSettings

if TYPE_CHECKING:
    from azure.eventhub import EventHubProducerClient
    from azure.eventhub.exceptions import EventHubError

SENDER_ROLE = "Azure Event Hubs Data Sender"
_SCOPE = "https://eventhubs.azure.net//.default"
_CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"

# The client tries a batch twice in any case. Where the first attempt met a link or connection that has ended, the
# second one only notices that: its retry makes a new one. Pauses would use up what a POST has.
_OPTIONS: Mapping[str, Any] = {"retry_total": 1, "retry_backoff_factor": 0, "auth_timeout": 2}
_SEND_SECONDS = 2.0
# Connecting takes half a second and has no time-out of its own: the client waits until a silent peer hangs up, as
# Event Hubs does after a minute.
_TIMEOUT = timedelta(seconds=5)

_UNAUTHORIZED = "unauthorized-access"
_NOT_FOUND = "not-found"


class EventHub:
    """The hub of the settings; ``credential`` is used if they have no connection string.

    ``options`` are the client's, beside its retries.
    """

    def __init__(
        self, settings: EventHubSettings, credential: TokenCredential, *, timeout: timedelta = _TIMEOUT, **options: Any
    ) -> None:
        from azure.eventhub import EventData  # noqa: PLC0415  as the module says

        self._event_data = EventData
        self._settings = settings
        self._credential = credential
        self._options = {**_OPTIONS, **options}
        self._calls = BoundedCalls(f"the event hub {settings.name}", timeout=timeout)
        self._client: EventHubProducerClient | None = None

    def send(self, messages: Sequence[bytes]) -> int:
        """Send the first of ``messages``, which are events as JSON, and return how many; the hub has them then.

        For one thread at a time, as is ``open``.

        Raises:
            Unavailable: the hub did not accept them in time; it may have them all the same.
            Misconfigured: there is no such hub, it refuses the app, or it takes smaller messages only.
        """
        client = self._kept_client()
        return self._in_time(partial(self._with, client, partial(self._send_batch, client, messages)))

    def open(self) -> None:
        """Connect, so that ``send`` need not; raises as it does."""
        client = self._kept_client()
        self._in_time(partial(self._with, client, client.create_batch))

    def check(self) -> None:
        """Return if the hub lets the app send; raises as ``send`` does."""
        self._in_time(self._connect_once)

    def _in_time[T](self, call: Callable[[], T]) -> T:
        from azure.eventhub.exceptions import EventHubError  # noqa: PLC0415  as the module says

        try:
            return self._calls.call(call)
        except Unavailable:
            # Whatever waits for the peer holds the client's locks, and closes it in the end.
            self._client = None
            raise
        except EventHubError as exc:
            raise self._problem(exc) from exc
        except CLIENT_ERRORS as exc:
            raise as_unavailable(f"the event hub {self._settings.name}", exc) from exc

    def _with[T](self, client: "EventHubProducerClient", call: Callable[[], T]) -> T:
        """Make a call of a client, and close the client after it if it was given up meanwhile."""
        try:
            return call()
        finally:
            if client is not self._client:
                client.close()

    def _send_batch(self, client: "EventHubProducerClient", messages: Sequence[bytes]) -> int:
        batch = client.create_batch()
        for message in messages:
            event = self._event_data(message)
            event.content_type = _CONTENT_TYPE
            try:
                batch.add(event)
            except ValueError:
                break
        if not len(batch):
            limit, size = batch.max_size_in_bytes, len(messages[0])
            raise Misconfigured(f"{self._where} takes {limit} bytes at most: use a tier that takes events of {size}")
        client.send_batch(batch, timeout=_SEND_SECONDS)
        return len(batch)

    def _kept_client(self) -> "EventHubProducerClient":
        client = self._client = self._client or self._new_client()
        return client

    def _connect_once(self) -> None:
        with self._new_client() as client:
            client.create_batch()

    def _new_client(self) -> "EventHubProducerClient":
        from azure.eventhub import EventHubProducerClient  # noqa: PLC0415  as the module says

        name, connection = self._settings.name, self._settings.connection
        if connection is not None:
            return EventHubProducerClient.from_connection_string(connection, eventhub_name=name, **self._options)
        return EventHubProducerClient(self._settings.namespace, name, self._credential, **self._options)

    @property
    def _where(self) -> str:
        return f"the event hub {self._settings.name} in {self._settings.namespace}"

    def _problem(self, exc: "EventHubError") -> Unavailable | Misconfigured:
        """Return the problem that ``exc`` stands for, without its text, which may repeat what was sent."""
        # When a token is put, the client has the status in its text only.
        if exc.error == _NOT_FOUND or "Status code: 404" in exc.message:
            return Misconfigured(f"{self._where} does not exist: create it, or correct EVENT_SINK")
        if exc.error == _UNAUTHORIZED or "Status code: 401" in exc.message:
            return self._refusal()
        # It also has no more than a text where the app got no token.
        try:
            self._token()
        except AzureError as no_token:
            return as_unavailable("Event Hubs", no_token)
        return Unavailable(f"{self._where} does not answer as it should: {exc.error or type(exc).__name__}")

    def _refusal(self) -> Misconfigured:
        token = self._token()
        if token is None:
            remedy = f"copy one that may send, or let this app's network reach {self._settings.namespace}"
            return Misconfigured(f"{self._where} refuses the key or signature in {NAME}: {remedy}")
        grant = f"grant it the role {SENDER_ROLE} on {self._settings.namespace}, and let it through the firewall there"
        return Misconfigured(f"{self._where} refuses {principal(token)}: {grant}")

    def _token(self) -> str | None:
        return None if self._settings.connection else self._credential.get_token(_SCOPE).token
