"""What goes wrong when: a seed and a length in, the same plan out every time."""

import random
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

SERVICES = ("Graph", "Entra ID", "Key Vault")
SERVICE_FAULTS = (
    "down",
    "failing",
    "slow",
    "wrong",
    "cut off",
    "throttling",
    "certificate expired",
    "silent",
    "trickling",
)
# To an app that starts: one that runs has what it needs in its memory.
SILENT_VAULT = ("Key Vault", "silent")
STORES = ("blobs", "queues", "tables")
STORE_FAULTS = ("down", "silent", "late", "trickling", "cut off", "full")
STORAGE = "storage"
CLOCK = "clock of Entra ID"
CLOCK_FAULTS = ("fast", "slow")
APP = "the app"
APP_FAULTS = ("killed", "two timers at once")
OPERATORS = "people"
URL_CHANGED = "NOTIFICATION_URL changed"
OPERATORS_FAULTS = (
    "subscription removed",
    "all subscriptions removed",
    "certificate rotated",
    "signing key rotated",
    URL_CHANGED,
)
LISTS = "Graph's lists of subscriptions"
LISTS_FAULTS = ("empty", "without some")
NEIGHBOUR = "the neighbouring tenant"
NEIGHBOUR_FAULTS = ("refused",)
STRANGERS = "strangers"
STRANGERS_FAULTS = ("in a tenant that is not served", "in a tenant that is served")

# Three times as often as the others, so that a short run has them.
_OFTEN = ("subscription removed", "killed")
_EVERY_SECONDS = 2.5
# One at a time.
_ALONE_EVERY_SECONDS = 8.0
_SHORTEST_SECONDS, _LONGEST_SECONDS = 1.0, 6.0
# With any seed something has to be parked outside a gap, and something to be missed.
_OPENING = (
    ("queues", "down", 1.0, 5.0),
    (OPERATORS, "all subscriptions removed", 12.0, 1.0),
    ("Graph", "down", 12.0, 5.0),
)
_OPENING_SECONDS = 17.5


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedFault:
    """One thing that goes wrong: ``what`` with ``whom``, from ``at`` after the beginning, for as long as ``lasts``."""

    whom: str
    what: str
    at: timedelta
    lasts: timedelta

    @property
    def restarts_the_app(self) -> bool:
        """Whether the app's process ends, and another one starts with empty caches."""
        return self.what in {"killed", URL_CHANGED} or (self.whom, self.what) == SILENT_VAULT

    @property
    def ends(self) -> timedelta:
        """When it is over, after the beginning."""
        return self.at + self.lasts

    def __str__(self) -> str:
        """Return it in words."""
        return in_words(self.whom, self.what)


def all_kinds() -> Iterator[tuple[str, str]]:
    """Yield whom and what, everything that can go wrong."""
    for whom, faults in (
        *((service, SERVICE_FAULTS) for service in SERVICES),
        *((store, STORE_FAULTS) for store in STORES),
        (STORAGE, ("down", "silent")),
        (CLOCK, CLOCK_FAULTS),
        (APP, APP_FAULTS),
        (OPERATORS, OPERATORS_FAULTS),
        (LISTS, LISTS_FAULTS),
        (NEIGHBOUR, NEIGHBOUR_FAULTS),
        (STRANGERS, STRANGERS_FAULTS),
    ):
        yield from ((whom, what) for what in faults)


def plan(seed: int, length: timedelta, only: Collection[str] = ()) -> Sequence[PlannedFault]:
    """Return the faults of a run that lasts ``length``, by when they begin; all are over by its end.

    After the same opening each time, nothing is repeated before everything has come once, but for a few kinds.
    ``only``: some kinds in words, one at a time, and no opening.
    """
    dice = random.Random(seed)  # noqa: S311  chance that can be repeated, no secret
    kinds, seconds = _dealt(dice, only), length.total_seconds()
    rows = () if only else _OPENING
    opening = [_lasting(whom, what, at, min(lasts, seconds - at)) for whom, what, at, lasts in rows if at < seconds]
    first, every = (0.0, _ALONE_EVERY_SECONDS) if only else (_OPENING_SECONDS, _EVERY_SECONDS)
    count = max(0, int((seconds - first) / every))
    times = (first + number * every for number in range(count))
    return [*opening, *(_fault(next(kinds), earliest, seconds, dice) for earliest in times)]


def in_words(whom: str, what: str) -> str:
    """Return a kind of fault in words."""
    return f"{whom}: {what}"


def _dealt(dice: random.Random, only: Collection[str]) -> Iterator[tuple[str, str]]:
    while True:
        hand = [kind for kind in all_kinds() if not only or in_words(*kind) in only]
        hand += [kind for kind in hand if kind[1] in _OFTEN] * 2
        dice.shuffle(hand)
        yield from hand


def _fault(kind: tuple[str, str], earliest: float, seconds: float, dice: random.Random) -> PlannedFault:
    at = earliest + dice.uniform(0, _EVERY_SECONDS - _SHORTEST_SECONDS)
    return _lasting(*kind, at, min(dice.uniform(_SHORTEST_SECONDS, _LONGEST_SECONDS), seconds - at))


def _lasting(whom: str, what: str, at: float, lasts: float) -> PlannedFault:
    return PlannedFault(whom=whom, what=what, at=timedelta(seconds=at), lasts=timedelta(seconds=lasts))
