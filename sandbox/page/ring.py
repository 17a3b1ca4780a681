"""The last notifications, each with the app's answer and its way into the queue; and how fast the answers were."""

from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from dashboard.snapshot import AnswerTimes, Light, Rate, StreamRow
from dashboard.source import MOST_ROWS
from sandbox.graph import Delivery, Item
from sandbox.ledger import Arrival
from sandbox.run.report import summary

# In which Graph judges an endpoint. Source: https://learn.microsoft.com/graph/change-notifications-delivery-webhooks
_WINDOW = timedelta(minutes=10)
_MINUTE = timedelta(minutes=1)
_BAR = timedelta(seconds=10)
_BARS = 30
_MOST_ANSWERS = 50_000
_MOST_CHARACTERS = 200


@dataclass(slots=True, kw_only=True)
class _Entry:
    """One change, or one notice about a subscription, however many notifications there are of it."""

    id: str
    item: Item
    delivery: Delivery
    arrival: Arrival | None = None
    is_counted: bool = False


class Ring:
    """Takes what the ledger of a run takes, and keeps the last of it."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._entries = OrderedDict[Hashable, _Entry]()
        self._count = 0
        self._answers = deque[tuple[datetime, timedelta]](maxlen=_MOST_ANSWERS)
        self._arrivals = deque[datetime](maxlen=_MOST_ANSWERS)
        self._last: dict[str, datetime] = {}

    def delivered(self, delivery: Delivery) -> None:
        """Enter a POST of Graph's."""
        if delivery.handshake:
            return
        self._answers.append((delivery.when, delivery.answer.took))
        for item in delivery.items:
            self._enter(item, delivery)

    def arrived(self, arrival: Arrival) -> None:
        """Enter that a change is in the queue."""
        entry = self._entries.get(id(arrival.change))
        if entry is not None:
            entry.arrival = arrival

    @property
    def changed_at(self) -> datetime | None:
        """When the last change was delivered."""
        return max(self._last.values(), default=None)

    def changed(self, subscription_id: str) -> datetime | None:
        """Return when the last change of a subscription was delivered."""
        return self._last.get(subscription_id)

    def rows(self) -> tuple[StreamRow, ...]:
        """Return the rows of the stream, the newest first."""
        return tuple(_row(entry) for entry in reversed(self._entries.values()))

    def rate(self) -> Rate:
        """Return how many changes were delivered."""
        now = self._now()
        while self._arrivals and self._arrivals[0] <= now - _BARS * _BAR:
            self._arrivals.popleft()
        history = [0] * _BARS
        for at in self._arrivals:
            history[max(0, _BARS - 1 - (now - at) // _BAR)] += 1
        last_minute = sum(at > now - _MINUTE for at in self._arrivals)
        return Rate(
            per_minute=last_minute, history=tuple(history), history_seconds=_BARS * _BAR // timedelta(seconds=1)
        )

    def answers(self) -> AnswerTimes:
        """Return how fast the app answered in the time for which Graph remembers it."""
        oldest = self._now() - _WINDOW
        while self._answers and self._answers[0][0] < oldest:
            self._answers.popleft()
        times = sorted(round(took / timedelta(milliseconds=1)) for _, took in self._answers)
        return AnswerTimes(count=len(times), p50_ms=_percentile(times, 50), p99_ms=_percentile(times, 99))

    def _enter(self, item: Item, delivery: Delivery) -> None:
        entry = self._entry(item, delivery)
        entry.delivery = delivery
        if item.is_rich:
            entry.item = item
        if item.change is not None and delivery.answer.is_success:
            self._last[item.subscription.id] = delivery.when
        if item.change is not None and delivery.answer.is_success and not entry.is_counted:
            entry.is_counted = True
            self._arrivals.append(delivery.when)

    def _entry(self, item: Item, delivery: Delivery) -> _Entry:
        # The entry holds the change, so that its identity is nobody else's.
        key: Hashable = (item.subscription.id, item.born) if item.change is None else id(item.change)
        if key not in self._entries:
            self._count += 1
            self._entries[key] = _Entry(id=str(self._count), item=item, delivery=delivery)
            if len(self._entries) > MOST_ROWS:
                self._entries.popitem(last=False)
        return self._entries[key]


def _percentile(times: Sequence[int], percent: int) -> int:
    """Return the smallest time that so many percent do not exceed; 0 of none."""
    return times[(len(times) * percent + 99) // 100 - 1] if times else 0


def _row(entry: _Entry) -> StreamRow:
    item, answer = entry.item, entry.delivery.answer
    change = item.change
    return StreamRow(
        id=entry.id,
        at=change.when if change else item.born,
        change=change.change_type if change else "",
        kind=_kind(item),
        what=_words(change.entity) if change else item.subscription.resource,
        sealed=_sealed(entry),
        status=answer.status,
        answer_ms=round(answer.took / timedelta(milliseconds=1)),
        arrival=_arrival(entry),
        light=Light.GREEN if answer.is_success else Light.RED,
    )


def _words(entity: Mapping[str, Any]) -> str:
    line = " ".join(summary(entity)[:_MOST_CHARACTERS].split())
    # Half a character would be no JSON.
    return line.encode(errors="replace").decode()


def _kind(item: Item) -> str:
    if item.change is None:
        return str(item.lifecycle_event)
    name = item.change.odata_type.rpartition(".")[2]
    # As in event types: which kind of member it is (aadUserConversationMember) stands in the content.
    if name.endswith("ConversationMember"):
        return "ConversationMember"
    return f"{name[:1].upper()}{name[1:]}"


def _sealed(entry: _Entry) -> str:
    if entry.item.change is None:
        return "lifecycle"
    certificate = entry.item.subscription.certificate
    key = certificate.public_key() if certificate is not None else None
    return f"RSA-{key.key_size}" if isinstance(key, RSAPublicKey) else "ids only"


def _arrival(entry: _Entry) -> str:
    if entry.arrival is not None:
        return f"queued in {round(entry.arrival.after / timedelta(milliseconds=1))} ms"
    if entry.delivery.answer.is_success:
        return "accepted"
    return f"attempt {entry.delivery.attempt}, to be repeated"
