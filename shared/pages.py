"""Pages of Graph's lists, read one after the other at the pace that Graph bears, as long as there is time.

Source: https://learn.microsoft.com/graph/throttling-limits#microsoft-teams-service-limits
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from shared.errors import Unavailable
from shared.graph.client import Page
from shared.limits import OutOfTime, RateLimiter, wait_out_retry_after
from shared.timing import Clock

# Of all that an app asks in a tenant; 20 pages of messages a second is what Graph bears.
BETWEEN_GETS = timedelta(milliseconds=50)


class GraphLists(Protocol):
    """What is needed of Graph in one tenant; both raise Unavailable, Misconfigured, and NotFound for a 404."""

    def page(self, path: str) -> Page:
        """Return a page of a list."""
        ...

    def get_item(self, path: str) -> Mapping[str, Any]:
        """Return one item, with its id."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """Reads Graph's lists until ``ends``; ``graph`` returns Graph as the app of a tenant sees it."""

    graph: Callable[[str], GraphLists]
    clock: Clock
    ends: datetime
    limiters: dict[tuple[str, str | None, timedelta], RateLimiter] = field(default_factory=dict)

    def get[T](
        self, tenant_id: str, request: Callable[[GraphLists], T], *, key: str, spacing: timedelta = BETWEEN_GETS
    ) -> T:
        """Return what ``request`` reads, with ``spacing`` between the requests of the same ``key``.

        Raises:
            OutOfTime: the run ends first.
            Unavailable, Misconfigured, NotFound: as Graph's.
        """
        of_tenant, of_key = self._limiter(tenant_id, None, BETWEEN_GETS), self._limiter(tenant_id, key, spacing)

        def in_time() -> T:
            of_tenant.wait()
            of_key.wait()
            # The second wait may have been long: the tenant's next GET keeps its distance from this one.
            of_tenant.pause_for(BETWEEN_GETS)
            if self.clock.now() >= self.ends:
                raise OutOfTime("the run ends before everything is read")
            return request(self.graph(tenant_id))

        return wait_out_retry_after(in_time, self.clock)

    def page(self, tenant_id: str, path: str, *, key: str, spacing: timedelta) -> Page:
        """Return a page of a list; raises what ``get`` raises."""
        return self.get(tenant_id, lambda graph: graph.page(path), key=key, spacing=spacing)

    def all(self, tenant_id: str, path: str, *, key: str, spacing: timedelta) -> Iterator[Mapping[str, Any]]:
        """Yield everything in a list.

        Raises:
            OutOfTime, Unavailable, Misconfigured, NotFound: as ``get``.
        """
        following: str | None = path
        while following is not None:
            page = self.page(tenant_id, following, key=key, spacing=spacing)
            yield from page.items
            if page.next_path == following:
                raise Unavailable("Graph's link to the next page leads to the same one")
            following = page.next_path

    def _limiter(self, tenant_id: str, key: str | None, spacing: timedelta) -> RateLimiter:
        return self.limiters.setdefault((tenant_id, key, spacing), RateLimiter(self.clock, (1, spacing)))
