"""Graph's throttling: so many requests in so long a time, by application, by tenant, and by resource.

Source: https://learn.microsoft.com/en-us/graph/throttling-limits
"""

import math
from collections import deque
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
}


class Throttle:
    """The requests of the last seconds; ``enabled`` switches the limits off for tests of other things."""

    def __init__(self, clock: Clock) -> None:
        self.enabled = True
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
            self._check(scope, allowed, now, limit.window)
        for scope, _ in scopes:
            self._requests[scope].append(now)

    def _check(self, scope: Hashable, allowed: int, now: datetime, window: timedelta) -> None:
        recent = self._requests.setdefault(scope, deque())
        while recent and recent[0] <= now - window:
            recent.popleft()
        if len(recent) >= allowed:
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
