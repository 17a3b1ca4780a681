"""What can be done about one subscription; ``shared.subscriptions`` decides it, ``shared.apply`` does it.

``expiration`` is what to ask Graph for; ``gap`` is when changes may have been missed, to be recorded in the row.

Source: https://learn.microsoft.com/graph/api/resources/subscription#methods
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Literal

from shared.graph.subscription import Subscription
from shared.tracked import Gap, Tracked


class UpdateKind(StrEnum):
    """What becomes of a subscription that Graph lists."""

    ADOPT = "adopt"  # renew one of this deployment that its row does not know
    RENEW = "renew"  # extend it, which also reauthorizes it
    ROTATE = "rotate"  # renew one with resource data, with the current certificate
    RECREATE = "recreate"  # delete, then create: for what a PATCH cannot change; Graph refuses a duplicate (409)


# The words for an action: logs, counts, the command line and its documents all use these.
type Verb = Literal["create", "delete"] | UpdateKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Create:
    """Subscribe."""

    verb: ClassVar[Verb] = "create"

    tracked: Tracked
    expiration: datetime
    gap: Gap | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """Renew a subscription, or replace it."""

    kind: UpdateKind
    tracked: Tracked
    subscription: Subscription
    expiration: datetime
    gap: Gap | None = None

    @property
    def verb(self) -> Verb:
        """Return what is done."""
        return self.kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Delete:
    """Unsubscribe, if Graph still lists a subscription, and delete the row."""

    verb: ClassVar[Verb] = "delete"

    tracked: Tracked
    subscription: Subscription | None


type Action = Create | Update | Delete
