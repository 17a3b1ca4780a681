"""The faults of every system outside the app, by name; each lasts as long as its context."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta

from sandbox.entra import Entra
from sandbox.graph import Graph, Subscription
from sandbox.relay import Mood, Relay
from sandbox.serving import Fault, Service
from tests.fakes.identity_services import fault

ANSWERS: Mapping[str, Fault] = {
    "down": Fault(drop=True),
    "failing": Fault(status=503),
    # Longer than any time-out.
    "slow": Fault(delay=30),
    "wrong": Fault(status=200, headers={"Content-Type": "text/html"}, body=b"<html>Sign in to the network</html>"),
    "cut off": Fault(truncate=True),
    "throttling": Fault(status=429, headers={"Retry-After": "2"}),
}
MOODS: Mapping[str, Mood] = {
    "down": Mood.DOWN,
    "silent": Mood.SILENT,
    "late": Mood.LATE,
    "trickling": Mood.TRICKLING,
    "cut off": Mood.CUTTING,
    "full": Mood.BUSY,
    "idle connections closed": Mood.STALE,
}
# What befalls a service's connections, whatever it would answer.
OF_CONNECTIONS = frozenset({"silent", "trickling"})


def failing_service(service: Service, what: str) -> AbstractContextManager[None]:
    """Have a service give no answer, or a wrong one."""
    return _expired(service) if what == "certificate expired" else fault(service, ANSWERS[what])


@contextmanager
def failing_connections(relays: Iterable[Relay], what: str) -> Iterator[None]:
    """Have a service, or parts of the storage account, give no answer, or a late one."""
    relays = list(relays)
    for relay in relays:
        relay.mood = MOODS[what]
    try:
        yield
    finally:
        for relay in relays:
            relay.mood = Mood.FORWARDING


@contextmanager
def skewed(entra: Entra, skew: timedelta) -> Iterator[None]:
    """Have the clock of Entra ID differ from the app's."""
    entra.skew = skew
    try:
        yield
    finally:
        entra.skew = timedelta()


@contextmanager
def forgetful(graph: Graph, forgets: Callable[[Subscription], bool]) -> Iterator[None]:
    """Have Graph's lists of subscriptions lack those that ``forgets`` chooses."""
    graph.listing.forgets = forgets
    try:
        yield
    finally:
        graph.listing.forgets = None


@contextmanager
def denied(graph: Graph, tenant_id: str) -> Iterator[None]:
    """Have a tenant's administrator take the app's consent back, with its subscriptions, and then give it again."""
    for subscription in graph.subscriptions():
        if subscription.tenant_id == tenant_id:
            graph.remove_subscription(subscription.id)
    graph.denial.tenant_ids.add(tenant_id)
    try:
        yield
    finally:
        graph.denial.tenant_ids.discard(tenant_id)


@contextmanager
def _expired(service: Service) -> Iterator[None]:
    service.let_certificate_expire()
    try:
        yield
    finally:
        service.renew_certificate()
