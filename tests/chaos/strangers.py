"""Strangers: other apps that subscribe with the app's URL. Graph mixes their items and tokens into the app's POSTs.

They know all that can be seen: the URL with its key id, and the form of a client state. Their tokens are genuine.

Source: https://learn.microsoft.com/en-us/graph/change-notifications-with-resource-data
"""

import base64
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

from sandbox.graph import Graph, Subscription
from sandbox.teams import Teams

_TOPIC = "/chats/getAllMessages"


class Strangers:
    """Two apps, of a tenant that is not served and of one that is; ``ours``: the id of the app itself."""

    def __init__(self, teams: Teams, graph: Graph, ours: str) -> None:
        self.tenant_id = teams.add_tenant()
        self._teams = teams
        self._graph = graph
        self._ours = ours
        people = [teams.add_user(self.tenant_id, name) for name in ("Debra Berger", "Lee Gu")]
        self._people = people
        self._chat = teams.chats.create(people)
        self._subscribed = 0

    def write(self) -> None:
        """Write in the chat of the tenant that is not served, if that is watched, at the moment of the app's items."""
        if self._subscribed:
            self._teams.messages.send(self._chat, self._people[0], f"For {self._ours} to ignore")

    @contextmanager
    def subscribed(self, *, in_our_tenant: bool) -> Iterator[None]:
        """Have an app of either tenant subscribe with the app's URL; nothing happens if the app has not subscribed."""
        found = [each for each in self._graph.subscriptions() if each.application_id == self._ours]
        copied = next((each for each in found if each.key == _TOPIC.strip("/")), None)
        if copied is None:
            yield
            return
        strange = _strange(copied, copied.tenant_id if in_our_tenant else self.tenant_id)
        self._graph.add_subscription(strange)
        self._subscribed += 1
        try:
            yield
        finally:
            self._subscribed -= 1
            self._graph.remove_subscription(strange.id)


def _strange(subscription: Subscription, tenant_id: str) -> Subscription:
    application_id = str(uuid4())
    return replace(
        subscription,
        id=str(uuid4()),
        tenant_id=tenant_id,
        application_id=application_id,
        creator_id=str(uuid4()),
        token_audience=application_id,
        client_state=_invented_client_state(subscription.notification_url),
    )


def _invented_client_state(url: str) -> str:
    [key_id] = parse_qs(urlsplit(url).query)["key"]
    nonce, mac = (base64.urlsafe_b64encode(secrets.token_bytes(size)).rstrip(b"=").decode() for size in (16, 32))
    return f"v1.{key_id}.{nonce}.{mac}"
