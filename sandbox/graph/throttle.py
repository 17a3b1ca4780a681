"""How many requests does Graph take in so long a time? By application, by tenant, and by resource.

Source: https://learn.microsoft.com/en-us/graph/throttling-limits
"""

import math
from collections import Counter, deque
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sandbox.clock import Clock
from sandbox.graph.errors import Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """How many requests of one kind fit into a window of time; None where no limit is documented."""

    window: timedelta
    app: int
    app_and_tenant: int
    resource: int | None = None


_20_S = timedelta(seconds=20)
_1_S = timedelta(seconds=1)
LIMITS = {
    "write": Limit(window=_20_S, app=2000, app_and_tenant=500),
    "reauthorize": Limit(window=_20_S, app=4000, app_and_tenant=1000),
    "get": Limit(window=_20_S, app=2000, app_and_tenant=500),
    "list": Limit(window=_20_S, app=40, app_and_tenant=25),
    # GETs of Teams' own resources, by the collection of the thing that is asked for.
    "teams": Limit(window=_1_S, app=1500, app_and_tenant=30, resource=4),
    "channels": Limit(window=_1_S, app=600, app_and_tenant=30, resource=1),
    "members": Limit(window=_1_S, app=1200, app_and_tenant=60, resource=4),
    "chats": Limit(window=_1_S, app=2000, app_and_tenant=200, resource=1),
    "messages": Limit(window=_1_S, app=200, app_and_tenant=20, resource=1),
    # Lists of them. The resource is the chat, team or channel; for chats it is the user whose they are.
    "listOfChannels": Limit(window=_1_S, app=1200, app_and_tenant=60, resource=4),
    "listOfChannelMembers": Limit(window=_1_S, app=1200, app_and_tenant=60, resource=1),
    "listOfChats": Limit(window=_1_S, app=200, app_and_tenant=20, resource=1),
    "listOfChannelMessages": Limit(window=_1_S, app=200, app_and_tenant=20, resource=1),
    "getAllMessages": Limit(window=_1_S, app=1000, app_and_tenant=200),
    "anyOther": Limit(window=_1_S, app=1500, app_and_tenant=30, resource=1),
    "listOfTeams": Limit(window=_1_S, app=1500, app_and_tenant=30),
    # Of a small tenant's 3,500 resource units in 10 s, and an app's 150,000 in 20 s, a list of users takes two.
    "listOfUsers": Limit(window=timedelta(seconds=10), app=37500, app_and_tenant=1750),
}


class Throttle:
    """The requests of the last seconds; ``enabled`` switches the limits off for tests of other things.

    By kind, ``refused`` counts the requests that were too many, and ``peaks`` is the most that one app has made in one
    tenant within the window of that kind.
    """

    def __init__(self, clock: Clock) -> None:
        self.enabled = True
        self.refused: Counter[str] = Counter()
        self.peaks: Counter[str] = Counter()
        self._clock = clock
        self._requests: dict[Hashable, deque[datetime]] = {}

    def admit(self, kind: str, *, app_id: str, tenant_id: str, resource: str = "") -> None:
        """Count one request.

        Raises:
            Refused: with 429 and Retry-After; a refused request does not count.
        """
        if not self.enabled:
            return
        now, limit = self._clock.now(), LIMITS[kind]
        scopes = list(_scopes(kind, limit, (app_id, tenant_id, resource)))
        for scope, allowed in scopes:
            self._check(kind, scope, allowed, now)
        for scope, _ in scopes:
            self._requests[scope].append(now)
        self.peaks[kind] = max(self.peaks[kind], len(self._requests[kind, app_id, tenant_id]))

    def _check(self, kind: str, scope: Hashable, allowed: int, now: datetime) -> None:
        recent, window = self._requests.setdefault(scope, deque()), LIMITS[kind].window
        while recent and recent[0] <= now - window:
            recent.popleft()
        if len(recent) >= allowed:
            self.refused[kind] += 1
            left = recent[0] + window - now
            raise Refused(
                429, "TooManyRequests", "Too many requests.", retry_after=max(1, math.ceil(left.total_seconds()))
            )


def _scopes(kind: str, limit: Limit, who: tuple[str, str, str]) -> Iterator[tuple[Hashable, int]]:
    app_id, tenant_id, resource = who
    yield (kind, app_id), limit.app
    yield (kind, app_id, tenant_id), limit.app_and_tenant
    if limit.resource is not None:
        yield (kind, app_id, tenant_id, resource), limit.resource
