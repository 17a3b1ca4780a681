"""Single faults of every system outside, as data: what fails, and the fate of a POST that needs that system.

``tests.chaos.plan`` has them at random and together; here each one comes alone.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import timedelta

from tests.chaos import plan
from tests.chaos.app_faults import (
    InApp,
    changes_nothing,
    is_killed_creating,
    killed,
    loses_a_subscription,
    loses_every_race,
    loses_every_subscription,
    nothing,
    refused_by_graph,
    stores,
)
from tests.chaos.bursts import Fate, Kind
from tests.chaos.faults import ANSWERS, OF_CONNECTIONS, failing_connections, failing_service, skewed
from tests.chaos.faults_around import (
    asks_for_none_again,
    ignores_strangers,
    lists_without,
    moves,
    neighbour_refused,
    serves_the_other_tenant,
    strangers,
)
from tests.end_to_end.deployed import Deployed

_WITH_CONTENT = (Kind.RICH, Kind.LARGE)
_AUTHENTIC = (*_WITH_CONTENT, Kind.BASIC, Kind.FETCHED, Kind.LIFECYCLE)
_NEEDING: Mapping[str, tuple[Kind, ...]] = {
    "Graph": (Kind.FETCHED,),
    "Entra ID": _WITH_CONTENT,
    "Key Vault": _WITH_CONTENT,
    "queues": _AUTHENTIC,
    "tables": (Kind.LIFECYCLE,),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One fault: ``fates`` are those of the kinds of POSTs that need what fails; every other POST is published.

    ``may_pass``: milliseconds, or where an answer is cut, decide whether they are touched. ``twice``: an event may be
    in the queue without the app knowing. ``renewed``: a key or certificate that the app has to fetch. ``run``: what
    the timer meets meanwhile; ``timers``: how many simultaneous runs recover from it.
    """

    whom: str
    what: str
    fault: InApp = nothing
    fates: Mapping[Kind, Fate] = field(default_factory=dict)
    may_pass: bool = False
    twice: bool = False
    renewed: str | None = None
    run: Callable[[Deployed], None] | None = None
    timers: int = 1


def _rows() -> Iterator[Row]:
    for service in plan.SERVICES:
        yield from (_of_service(service, what) for what in plan.SERVICE_FAULTS)
    for store in plan.STORES:
        yield from (_of_store(store, what) for what in plan.STORE_FAULTS)
    for what in ("down", "silent"):
        refused = dict.fromkeys(_AUTHENTIC, Fate.REFUSED)
        yield Row(whom=plan.STORAGE, what=what, fault=stores(what, *plan.STORES), fates=refused)
    what, parked = "idle connections closed", dict.fromkeys(_AUTHENTIC, Fate.PARKED)
    yield Row(whom=plan.STORAGE, what=what, fault=stores(what, *plan.STORES), fates=parked, may_pass=True)
    yield from _CLOCKS
    yield from _APP
    yield from _PEOPLE
    yield from _AROUND
    yield from _TIMER


def _of_service(whom: str, what: str) -> Row:
    def failing(app: Deployed) -> AbstractContextManager[None]:
        if what in OF_CONNECTIONS:
            return failing_connections([app.relays[whom]], what)
        service = {"Graph": app.world.graph_service, "Entra ID": app.world.login}.get(whom, app.world.vault_service)
        return failing_service(service, what)

    renewed = {"Entra ID": "signing key", "Key Vault": "certificate"}.get(whom)
    fates = dict.fromkeys(_NEEDING[whom], Fate.PARKED)
    return Row(whom=whom, what=what, fault=failing, fates=fates, renewed=renewed)


def _of_store(whom: str, what: str) -> Row:
    # What is too large for a message has neither a blob to stand in nor one to be parked in.
    fates = {Kind.LARGE: Fate.REFUSED} if whom == "blobs" else dict.fromkeys(_NEEDING[whom], Fate.PARKED)
    late = what in {"late", "trickling", "cut off"}
    twice = whom == "queues" and late
    return Row(whom=whom, what=what, fault=stores(what, whom), fates=fates, may_pass=late, twice=twice)


def _of_clock(what: str, minutes: int, fates: Mapping[Kind, Fate]) -> Row:
    skew = timedelta(minutes=minutes)
    return Row(whom=plan.CLOCK, what=what, fault=lambda app: skewed(app.world.entra, skew), fates=fates)


_CLOCKS = (
    _of_clock("fast", 4, {}),
    _of_clock("slow", -4, {}),
    # Such a token looks like a stolen one: what comes with it is quarantined, and waits for an operator.
    _of_clock("an hour fast", 60, dict.fromkeys(_WITH_CONTENT, Fate.QUARANTINED)),
)
_APP = (
    Row(
        whom=plan.APP,
        what="killed",
        fault=killed,
        fates=dict.fromkeys((*_AUTHENTIC, Kind.FORGED), Fate.UNANSWERED),
        may_pass=True,
        twice=True,
    ),
    Row(
        whom=plan.APP,
        what="two timers at once",
        fault=stores("down", "queues"),
        fates=dict.fromkeys(_AUTHENTIC, Fate.PARKED),
        timers=2,
    ),
)
_PEOPLE = (
    Row(whom=plan.OPERATORS, what="subscription removed", run=loses_a_subscription),
    Row(whom=plan.OPERATORS, what="all subscriptions removed", run=loses_every_subscription),
    Row(whom=plan.OPERATORS, what="certificate rotated", renewed="certificate"),
    Row(whom=plan.OPERATORS, what="signing key rotated", renewed="signing key"),
    Row(
        whom=plan.OPERATORS,
        what=plan.URL_CHANGED,
        run=moves,
        # A process that has just started is slow, and what has no slot in time is parked.
        fates=dict.fromkeys(_AUTHENTIC, Fate.PARKED),
        may_pass=True,
    ),
)
_AROUND = (
    Row(whom=plan.LISTS, what="empty", fault=lists_without(lambda _: True), run=asks_for_none_again),
    Row(
        whom=plan.LISTS,
        what="without some",
        fault=lists_without(lambda each: each.resource == "/teams"),
        run=asks_for_none_again,
    ),
    Row(whom=plan.NEIGHBOUR, what="refused", fault=neighbour_refused, run=serves_the_other_tenant),
    *(
        Row(whom=plan.STRANGERS, what=what, fault=strangers(in_our_tenant=ours), run=ignores_strangers)
        for what, ours in zip(plan.STRANGERS_FAULTS, (False, True), strict=True)
    ),
)


def _of_timer(what: str, answer: str, method: str | None = None) -> Row:
    fault = refused_by_graph(ANSWERS[answer], method)
    return Row(whom="the timer", what=what, fault=fault, run=changes_nothing)


_TIMER = (
    # It gives Graph half a minute for an answer: a slow one is left to tests with the sandbox's clock.
    *(_of_timer(f"Graph {what}", what) for what in ANSWERS if what != "slow"),
    _of_timer("Graph takes no writes", "failing", "PATCH"),
    _of_timer("Graph throttles renewals", "throttling", "PATCH"),
    Row(whom="the timer", what="lost races on rows", run=loses_every_race),
    Row(
        whom="the timer",
        what="killed while it subscribes",
        run=is_killed_creating,
        # A process that has just started is slow, and what has no slot in time is parked.
        fates=dict.fromkeys(_AUTHENTIC, Fate.PARKED),
        may_pass=True,
    ),
)
ROWS = tuple(_rows())
