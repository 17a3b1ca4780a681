"""The items of one POST: authentic or not, opened or fetched, published or in quarantine.

The order is law. Nothing that is not authentic reaches Key Vault, Graph, storage or the log, and nothing is published
before every item of the POST has been decided, so that a POST which is parked leaves as little as possible behind.

Source: https://learn.microsoft.com/graph/change-notifications-with-resource-data
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.authenticity import Authentic, authenticate
from shared.decryption import Content, decrypt
from shared.errors import InvalidValidationToken, Malformed, Misconfigured, NotFound, Problem, Rejected
from shared.events import CloudEvent, change_event, lifecycle_event
from shared.kept import Kept, body_of
from shared.locations import Location, api_version
from shared.notifications import ChangeNotification
from shared.receiver import Receiver
from shared.timing import Deadline


def each_of[S, T](items: Sequence[S], step: Callable[[S], T], refused: Callable[[S, Rejected], None]) -> list[T]:
    """Return what ``step`` makes of each item; ``refused`` is told of the others, which never take it down."""
    results = []
    for item in items:
        try:
            results.append(step(item))
        except Rejected as problem:
            refused(item, problem)
    return results


@dataclass(frozen=True, slots=True, kw_only=True)
class _Located:
    """An item, and where to fetch its resource from if it is to be fetched."""

    item: Authentic
    location: Location | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """What all items of one POST share."""

    body: bytes
    receiver: Receiver
    received_at: datetime
    fetch: str | None
    tokens: Sequence[str]

    def authentic(self, item: ChangeNotification | Malformed) -> Authentic:
        """Return the item as authentic.

        Raises:
            Malformed, InvalidClientState: it is not.
        """
        if isinstance(item, Malformed):
            raise item
        return authenticate(item, keys=self.receiver.client_state_keys, tenant_ids=self.receiver.tenant_ids)

    def process(self, authentic: Sequence[Authentic], deadline: Deadline) -> tuple[int, Counter[str]]:
        """Return how many events were published, and how many items of which kind went to quarantine."""
        with self.receiver.turns.slot():
            self.receiver.hear(authentic, self.received_at, deadline)
            refused: defaultdict[str, list[Authentic]] = defaultdict(list)
            covered = self._covered_tenants(authentic, deadline)
            located = each_of(authentic, self._located, lambda item, problem: refused[problem.reason].append(item))
            fetched = self._fetched(located, deadline)
            events = each_of(
                tuple(enumerate(located)),
                lambda each: self._event(*each, covered, fetched, deadline),
                lambda each, problem: refused[problem.reason].append(each[1].item),
            )
            for kind, items in refused.items():
                self._quarantine(kind, items, deadline)
            if events:
                self.receiver.publish(events, deadline)
            return len(events), Counter({kind: len(items) for kind, items in refused.items()})

    def park(self, problem: Problem, deadline: Deadline) -> None:
        """Keep the whole body; raise the problem where there is no place for it."""
        if self.receiver.park is None:
            raise problem
        kind = "misconfigured" if isinstance(problem, Misconfigured) else "unavailable"
        self.receiver.park(self.body, self._kept(kind), deadline)

    def _quarantine(self, kind: str, items: Sequence[Authentic], deadline: Deadline) -> None:
        if self.receiver.quarantine is None:
            return
        try:
            body = body_of(items, self.tokens)
        except ValueError:
            body = self.body
        self.receiver.quarantine(body, self._kept(kind), deadline)

    def _kept(self, kind: str) -> Kept:
        # Any other text in the URL means nothing, and could not stand in a header.
        return Kept(kind=kind, received_at=self.received_at, fetch=api_version(self.fetch))

    def _covered_tenants(self, authentic: Sequence[Authentic], deadline: Deadline) -> frozenset[str]:
        """Return the tenants whose resource data may be trusted: none when any token of the POST is bad."""
        if not any(item.encrypted_content for item in authentic):
            return frozenset()
        try:
            return self.receiver.validation_tokens.tenants(
                self.tokens,
                received_at=self.received_at,
                signing_key=lambda key_id: self.receiver.signing_key(key_id, deadline),
            )
        except InvalidValidationToken:
            return frozenset()

    def _located(self, item: Authentic) -> _Located:
        version = api_version(self.fetch)
        if version is None or item.lifecycle_event is not None or item.encrypted_content is not None:
            return _Located(item=item, location=None)
        return _Located(item=item, location=Location.of(item, version))

    def _fetched(self, located: Sequence[_Located], deadline: Deadline) -> Mapping[Location, Content | NotFound]:
        # What is named twice is read once: Graph takes one GET a second of a chat.
        locations = {each.location for each in located if each.location is not None}
        return self.receiver.fetch(locations, deadline) if locations else {}

    def _event(
        self,
        ordinal: int,
        located: _Located,
        covered: frozenset[str],
        fetched: Mapping[Location, Content | NotFound],
        deadline: Deadline,
    ) -> CloudEvent:
        # Thousands of items take seconds to be opened.
        deadline.raise_if_passed()
        item, client_id = located.item, self.receiver.client_id
        if item.lifecycle_event is not None:
            return lifecycle_event(item, client_id=client_id, received_at=self.received_at)
        found = fetched[located.location] if located.location else self._content(item, covered, deadline)
        return change_event(item, found, client_id=client_id, received_at=self.received_at, ordinal=ordinal)

    def _content(self, item: Authentic, covered: frozenset[str], deadline: Deadline) -> Content | None:
        encrypted = item.encrypted_content
        if encrypted is None:
            return None
        if item.tenant_id not in covered:
            raise InvalidValidationToken("no valid validation token of the item's tenant")
        return decrypt(encrypted, self.receiver.private_key(encrypted.encryption_certificate_id, deadline))
