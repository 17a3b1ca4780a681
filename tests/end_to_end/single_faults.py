"""Single faults of every system outside, as data: what goes wrong, and what it does to a POST that needs that system.

``sandbox.chaos.plan`` has them come at random and together; here each one comes alone.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import timedelta

from sandbox.chaos import plan
from sandbox.relay import Mood
from tests.end_to_end.bursts import Fate, Kind
from tests.end_to_end.deployed import Deployed
from tests.end_to_end.troubles import (
    ANSWERS,
    MOODS,
    RELAYS,
    Trouble,
    changes_nothing,
    expired,
    is_killed_creating,
    killed,
    loses_a_subscription,
    loses_every_race,
    loses_every_subscription,
    nothing,
    refused_by_graph,
    skewed,
    stores,
)
from tests.fakes.identity_services import fault

_WITH_CONTENT = (Kind.RICH, Kind.LARGE)
_AUTHENTIC = (*_WITH_CONTENT, Kind.BASIC, Kind.FETCHED, Kind.TOLD)
_NEEDING: Mapping[str, tuple[Kind, ...]] = {
    "Graph": (Kind.FETCHED,),
    "Entra ID": _WITH_CONTENT,
    "Key Vault": _WITH_CONTENT,
    "queues": _AUTHENTIC,
    "tables": (Kind.TOLD,),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One fault: ``fates`` are those of the kinds of POSTs that it touches; every other POST is published.

    ``may_pass``: whether it touches them is a matter of milliseconds, or of where an answer is cut. ``twice``: an event
    may have got through without the app knowing. ``stranger``: a key or a certificate that the app has not seen, so
    that it has to ask. ``run``: what the timer meets meanwhile; ``timers``: how many runs put all right, at once.
    """

    whom: str
    what: str
    trouble: Trouble
    fates: Mapping[Kind, Fate] = field(default_factory=dict)
    may_pass: bool = False
    twice: bool = False
    stranger: str | None = None
    run: Callable[[Deployed], None] | None = None
    timers: int = 1


def _rows() -> Iterator[Row]:
    for service in plan.SERVICES:
        yield from (_of_service(service, what) for what in plan.SERVICE_TROUBLES)
    for store in plan.STORES:
        yield from (_of_store(store, what) for what in plan.STORE_TROUBLES)
    for what in ("down", "silent"):
        refused = dict.fromkeys(_AUTHENTIC, Fate.REFUSED)
        yield Row(whom=plan.STORAGE, what=what, trouble=stores(MOODS[what], *RELAYS), fates=refused)
    parked = dict.fromkeys(_AUTHENTIC, Fate.PARKED)
    stale = stores(Mood.STALE, *RELAYS)
    yield Row(whom=plan.STORAGE, what="idle connections closed", trouble=stale, fates=parked, may_pass=True)
    yield from _CLOCKS
    yield from _APP
    yield from _PEOPLE
    yield from _TIMER


def _of_service(whom: str, what: str) -> Row:
    def trouble(app: Deployed) -> AbstractContextManager[object]:
        service = {"Graph": app.world.graph_service, "Entra ID": app.world.login}.get(whom, app.world.vault_service)
        return expired(service) if what == "certificate expired" else fault(service, ANSWERS[what])

    stranger = {"Entra ID": "signing key", "Key Vault": "certificate"}.get(whom)
    fates = dict.fromkeys(_NEEDING[whom], Fate.PARKED)
    return Row(whom=whom, what=what, trouble=trouble, fates=fates, stranger=stranger)


def _of_store(whom: str, what: str) -> Row:
    # What is too large for a message has neither a blob to stand in nor one to be parked in.
    fates = {Kind.LARGE: Fate.REFUSED} if whom == "blobs" else dict.fromkeys(_NEEDING[whom], Fate.PARKED)
    return Row(
        whom=whom,
        what=what,
        trouble=stores(MOODS[what], whom),
        fates=fates,
        may_pass=what in {"late", "cut off"},
        twice=whom == "queues" and what in {"late", "cut off"},
    )


_MINUTES = timedelta(minutes=1)
_CLOCKS = (
    Row(whom=plan.CLOCK, what="fast", trouble=skewed(4 * _MINUTES)),
    Row(whom=plan.CLOCK, what="slow", trouble=skewed(-4 * _MINUTES)),
    # Nobody can tell such a token from one that was stolen: what comes with it is kept, and waits for an operator.
    Row(
        whom=plan.CLOCK,
        what="an hour fast",
        trouble=skewed(60 * _MINUTES),
        fates=dict.fromkeys(_WITH_CONTENT, Fate.KEPT),
    ),
)
_APP = (
    Row(
        whom=plan.APP,
        what="killed",
        trouble=killed,
        fates=dict.fromkeys((*_AUTHENTIC, Kind.FORGED), Fate.UNANSWERED),
        may_pass=True,
        twice=True,
    ),
    Row(
        whom=plan.APP,
        what="two timers at once",
        trouble=stores(Mood.DOWN, "queues"),
        fates=dict.fromkeys(_AUTHENTIC, Fate.PARKED),
        timers=2,
    ),
)
_PEOPLE = (
    Row(whom=plan.OPERATORS, what="subscription removed", trouble=nothing, run=loses_a_subscription),
    Row(whom=plan.OPERATORS, what="all subscriptions removed", trouble=nothing, run=loses_every_subscription),
    Row(whom=plan.OPERATORS, what="certificate rotated", trouble=nothing, stranger="certificate"),
    Row(whom=plan.OPERATORS, what="signing key rotated", trouble=nothing, stranger="signing key"),
)
_TIMER = (
    # It gives Graph half a minute for an answer: a slow one is left to the sandbox's clock.
    *(
        Row(whom="the timer", what=f"Graph {what}", trouble=refused_by_graph(answer), run=changes_nothing)
        for what, answer in ANSWERS.items()
        if what != "slow"
    ),
    Row(
        whom="the timer",
        what="Graph takes no writes",
        trouble=refused_by_graph(ANSWERS["failing"], "PATCH"),
        run=changes_nothing,
    ),
    Row(
        whom="the timer",
        what="Graph throttles renewals",
        trouble=refused_by_graph(ANSWERS["throttling"], "PATCH"),
        run=changes_nothing,
    ),
    Row(whom="the timer", what="lost races on rows", trouble=nothing, run=loses_every_race),
    Row(
        whom="the timer",
        what="killed while it subscribes",
        trouble=nothing,
        run=is_killed_creating,
        # A process that has just started is slow, and what finds no turn in time is parked.
        fates=dict.fromkeys(_AUTHENTIC, Fate.PARKED),
        may_pass=True,
    ),
)
ROWS = tuple(_rows())
