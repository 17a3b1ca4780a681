"""What is on its way to an endpoint, and what became of it? Items, answers, deliveries and losses."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sandbox.graph.subscription import Subscription
from sandbox.teams import Change

type LossReason = Literal["retries", "drop", "silent"]
type LifecycleEvent = Literal["reauthorizationRequired", "subscriptionRemoved", "missed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One notification: of a change, or of something in the life of a subscription."""

    subscription: Subscription
    """As it was when the item arose: its certificate stays the item's, whatever happens in between."""
    url: str
    born: datetime
    change: Change | None = None
    lifecycle_event: LifecycleEvent | None = None
    attempts: int = 0
    """POSTs that have carried it without success."""

    @property
    def is_rich(self) -> bool:
        """Whether it carries the resource, and calls for a validation token."""
        return self.change is not None and self.subscription.is_rich


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An endpoint's answer; no status means that none came in time, or no connection."""

    status: int | None
    took: timedelta

    @property
    def is_success(self) -> bool:
        """Whether it was any 2xx."""
        return self.status is not None and 200 <= self.status < 300  # noqa: PLR2004 - HTTP's own numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One POST to an endpoint: a handshake, or a collection of items."""

    url: str
    answer: Answer
    when: datetime
    """When the answer had come (or not)."""
    items: tuple[Item, ...] = ()
    attempt: int = 1
    """1 for the first time, and for handshakes."""
    token_version: Literal["1.0", "2.0"] | None = None
    """The version of the validation tokens, if there were any."""
    handshake: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """An item that is given up."""

    item: Item
    reason: LossReason
    """Four hours of retries have failed; the endpoint was in the drop state; or Graph lost it without a word."""
