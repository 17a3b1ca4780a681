"""The quarantine: authentic items that will not work, stored for an operator, and bounded.

A leaked client state must not fill the storage. At most ``MAX_NEW_PER_HOUR`` new items of a tenant and reason are
stored in an hour, and none for longer than ``KEPT_FOR``. What is left out or deleted is reported by an event.
"""

import json
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import batched
from threading import Lock
from typing import Any, Protocol

from shared.errors import Problem
from shared.events.cloud_events import CloudEvent
from shared.events.gap_event import LostChanges, gap_event
from shared.notifications.properties import MAX_TEXT
from shared.receiving.post_store import MAX_DELETIONS, StoredPost
from shared.timing import Deadline

_LOG = logging.getLogger(__name__)

MAX_NEW_PER_HOUR = 1000
KEPT_FOR = timedelta(days=30)
# The limit may be exceeded by that many.
_AT_LEAST_AT_ONCE = 16
_HOUR = timedelta(hours=1)
_PUBLISH_TIMEOUT = timedelta(seconds=30)


class QuarantinedPosts(Protocol):
    """The container; methods raise Unavailable, and Misconfigured if storage refuses the app."""

    def store(self, posts: Sequence[tuple[StoredPost, bytes]], deadline: Deadline) -> int:
        """Return how many of ``posts`` are new, once all are stored."""
        ...

    def list(self) -> Iterator[StoredPost]:
        """Return all stored POSTs."""
        ...

    def read(self, post: StoredPost) -> bytes:
        """Return the body."""
        ...

    def delete(self, posts: Sequence[StoredPost]) -> Mapping[str, Problem]:
        """Delete at most ``MAX_DELETIONS``, none that another run has claimed since; return why some stay, by name."""
        ...


@dataclass(slots=True, kw_only=True)
class Quarantine:
    """Stores items in the quarantine, and deletes old ones; ``publish`` takes the events that report what is lost."""

    store: QuarantinedPosts
    publish: Callable[[Sequence[CloudEvent], Deadline], object]
    client_id: str
    now: Callable[[], datetime]
    _lock: Lock = field(default_factory=Lock, init=False)
    _hour: datetime | None = field(default=None, init=False)
    _stored: Counter[tuple[str, str]] = field(default_factory=Counter, init=False)

    def add(self, posts: Sequence[tuple[StoredPost, bytes]], deadline: Deadline) -> None:
        """Return once ``posts``, each with one item, are stored or reported as lost.

        Raises:
            Unavailable, Misconfigured: from the container or the sink.
        """
        by_group: dict[tuple[str, str], list[tuple[StoredPost, bytes]]] = {}
        for post, body in posts:
            by_group.setdefault((post.tenant_id, post.reason), []).append((post, body))
        for group, entries in by_group.items():
            self._add_group(group, entries, deadline)

    def _add_group(
        self, group: tuple[str, str], entries: Sequence[tuple[StoredPost, bytes]], deadline: Deadline
    ) -> None:
        # A copy of what is stored takes no room, so go on until the room is full.
        while entries and (room := self._room(group)):
            size = max(room, _AT_LEAST_AT_ONCE)
            self._count(group, self.store.store(entries[:size], deadline))
            entries = entries[size:]
        self._report(entries, deadline)

    def _room(self, group: tuple[str, str]) -> int:
        """Return how many new items of a tenant and reason this process may still store in this hour."""
        hour = self.now().replace(minute=0, second=0, microsecond=0)
        with self._lock:
            if hour != self._hour:
                self._hour = hour
                self._stored.clear()
            return max(0, MAX_NEW_PER_HOUR - self._stored[group])

    def _count(self, group: tuple[str, str], new: int) -> None:
        with self._lock:
            self._stored[group] += new

    def _report(self, left_out: Sequence[tuple[StoredPost, bytes]], deadline: Deadline) -> None:
        if not left_out:
            return
        # One event for each subscription and hour, however many items are left out.
        lost = {each.key: each for post, body in left_out for each in [_lost(post, body, self.now())]}
        self.publish([self._event(each) for each in lost.values()], deadline)

    def _event(self, lost: LostChanges) -> CloudEvent:
        return gap_event(lost, client_id=self.client_id, published_at=self.now())

    def purge(self, ends: datetime) -> Counter[str]:
        """Delete what is older than ``KEPT_FOR`` until ``ends``, and report each item as lost; return the count."""
        counts: Counter[str] = Counter()
        # Reported first: what a run that is killed in between reports again has the same id.
        for some in batched(self._reported(ends, counts), MAX_DELETIONS, strict=False):
            deleted = self._delete(some)
            counts.update(deleted=deleted, failed=len(some) - deleted)
        return +counts

    def _reported(self, ends: datetime, counts: Counter[str]) -> Iterator[StoredPost]:
        for post in self.store.list():
            if self.now() >= ends:
                break
            if post.received_at >= self.now() - KEPT_FOR:
                continue
            try:
                lost = _lost(post, self.store.read(post), post.received_at, key=post.name)
                self.publish([self._event(lost)], Deadline.after(_PUBLISH_TIMEOUT))
            except Problem as problem:
                _LOG.warning("%s stays in the quarantine: %s", post.name, problem)
                counts["failed"] += 1
                continue
            yield post

    def _delete(self, posts: Sequence[StoredPost]) -> int:
        """Return how many are deleted."""
        try:
            kept = self.store.delete(posts)
        except Problem as problem:
            kept = {post.name: problem for post in posts}
        for name, why in kept.items():
            _LOG.warning("%s stays in the quarantine: %s", name, why)
        return len(posts) - len(kept)


def _lost(post: StoredPost, body: bytes, moment: datetime, *, key: str | None = None) -> LostChanges:
    item = _item(body)
    hour = moment.replace(minute=0, second=0, microsecond=0)
    subscription_id = _text(item, "subscriptionId")
    return LostChanges(
        key=key or f"{subscription_id}-{post.reason}-{hour.isoformat()}",
        tenant_id=post.tenant_id,
        subscription_id=subscription_id,
        resource=_text(item, "resource"),
        change_type=_text(item, "changeType"),
        since=moment if key else hour,
        until=moment if key else hour + _HOUR,
        reason=f"items could not be processed ({post.reason}), and the quarantine does not hold them",
    )


def _item(body: bytes) -> dict[str, Any]:
    """Return the first item of a stored body; a body that the app could not write itself may have several."""
    try:
        item = json.loads(body)["value"][0]
    except (ValueError, KeyError, IndexError, TypeError, RecursionError):
        return {}
    return item if isinstance(item, dict) else {}


def _text(item: dict[str, Any], name: str) -> str:
    value = item.get(name)
    return value if isinstance(value, str) and value.isprintable() and len(value) <= MAX_TEXT else ""
