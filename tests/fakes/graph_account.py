"""Graph's subscriptions in one account, in a few lines.

Source: https://learn.microsoft.com/graph/api/subscription-post-subscriptions and subscription-update
"""

import itertools
import threading
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from shared.errors import Conflict, Misconfigured, NotFound, Problem
from shared.graph.subscription import GraphSubscription
from shared.resources.paths import canonical_path
from tests.fakes.calls import Calls
from tests.fakes.clocks import SettableClock

_CHANGEABLE = {"expirationDateTime", "encryptionCertificate", "encryptionCertificateId"}


class FakeGraphAccount:
    """Keeps subscriptions as the reference describes them.

    ``refused`` maps a resource to what is raised when it is subscribed to or renewed; ``bad_certificates`` are ids that
    are refused; what is ``unlisted`` exists but is not in the list yet.
    """

    def __init__(self, clock: SettableClock, calls: Calls) -> None:
        self.stored: dict[str, dict[str, Any]] = {}
        self.sent: list[Mapping[str, Any]] = []
        self.refused: dict[str, Problem] = {}
        self.bad_certificates: set[str] = set()
        self.unlisted: set[str] = set()
        self.down: Problem | None = None
        self.token_lifetime = timedelta(hours=1)
        self._clock, self._calls = clock, calls
        self._lock = threading.RLock()
        self._ids = itertools.count()

    def token_expires_at(self) -> datetime:
        return self._clock.now() + self.token_lifetime

    def list_subscriptions(self) -> Iterable[GraphSubscription]:
        return self._calls.of("list", self._listed)

    def create_subscription(self, properties: Mapping[str, Any], *, beta: bool) -> GraphSubscription:
        assert beta is False
        return self._calls.of("create", lambda: self._created(properties))

    def update_subscription(
        self, subscription_id: str, properties: Mapping[str, Any], *, beta: bool
    ) -> GraphSubscription:
        assert beta is False
        assert set(properties) <= _CHANGEABLE
        return self._calls.of("update", lambda: self._updated(subscription_id, properties))

    def get_subscription(self, subscription_id: str, *, beta: bool) -> GraphSubscription:
        assert beta is False
        return self._calls.of("get", lambda: self._got(subscription_id))

    def delete_subscription(self, subscription_id: str) -> None:
        self._calls.of("delete", lambda: self._deleted(subscription_id))

    def resources(self) -> list[str]:
        """Return what is subscribed to, in order."""
        return sorted(properties["resource"] for properties in self.stored.values())

    def _listed(self) -> list[GraphSubscription]:
        if self.down is not None:
            raise self.down
        with self._lock:
            self._end_what_has_expired()
            # Graph returns a client state in the answer to the creation only.
            return [
                GraphSubscription.from_json(properties | {"clientState": None})
                for id_, properties in self.stored.items()
                if id_ not in self.unlisted
            ]

    def _created(self, properties: Mapping[str, Any]) -> GraphSubscription:
        with self._lock:
            self._end_what_has_expired()
            self._check(properties, properties)
            if any(_combination(properties) == _combination(other) for other in self.stored.values()):
                raise Conflict("Graph answered 409: Subscription Id <> already exists for the requested combination")
            made = dict(properties) | {"id": f"s{next(self._ids)}"}
            self.stored[made["id"]] = made
            return GraphSubscription.from_json(made)

    def _got(self, subscription_id: str) -> GraphSubscription:
        if self.down is not None:
            raise self.down
        with self._lock:
            self._end_what_has_expired()
            if subscription_id not in self.stored:
                raise NotFound("Graph answered 404")
            return GraphSubscription.from_json(self.stored[subscription_id])

    def _updated(self, subscription_id: str, properties: Mapping[str, Any]) -> GraphSubscription:
        with self._lock:
            self._end_what_has_expired()
            if subscription_id not in self.stored:
                raise NotFound("Graph answered 404")
            self._check(self.stored[subscription_id], properties)
            self.stored[subscription_id] |= properties
            return GraphSubscription.from_json(self.stored[subscription_id])

    def _deleted(self, subscription_id: str) -> None:
        with self._lock:
            if self.stored.pop(subscription_id, None) is None:
                raise NotFound("Graph answered 404")

    def _end_what_has_expired(self) -> None:
        now = self._clock.now()
        ended = [id_ for id_, each in self.stored.items() if datetime.fromisoformat(each["expirationDateTime"]) <= now]
        for id_ in ended:
            del self.stored[id_]

    def _check(self, subscription: Mapping[str, Any], properties: Mapping[str, Any]) -> None:
        if subscription["resource"] in self.refused:
            raise self.refused[subscription["resource"]]
        if properties.get("encryptionCertificateId") in self.bad_certificates:
            raise Misconfigured("Graph answered 400: the certificate is invalid")
        self.sent.append(properties)


def _combination(properties: Mapping[str, Any]) -> tuple[str, frozenset[str]]:
    return (canonical_path(properties["resource"]), frozenset(properties["changeType"].split(",")))
