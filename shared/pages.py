"""Pages of Graph's lists, read one after the other at the pace that Graph bears, as long as there is time.

Source: https://learn.microsoft.com/graph/throttling-limits#microsoft-teams-service-limits
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from shared.errors import Unavailable
from shared.limits import OutOfTime, Rate, RateLimiter, wait_out_retry_after
from shared.source import Page
from shared.timing import Clock

# Of all that an app asks in a tenant; 20 pages of messages a second is what Graph bears.
BETWEEN_GETS = timedelta(milliseconds=50)


class GraphLists(Protocol):
    """What is needed of Graph in one tenant; both raise Unavailable, Misconfigured, and NotFound for a 404."""

    def page(self, path: str) -> Page:
        """Return a page of a list."""
        ...

    def thing(self, path: str) -> Page:
        """Return one thing, as a page of nothing else."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """Reads Graph's lists until ``ends``; ``graph`` returns Graph as the app of a tenant sees it."""

    graph: Callable[[str], GraphLists]
    clock: Clock
    ends: datetime
    limiters: dict[tuple[str, ...], RateLimiter] = field(default_factory=dict)

    def page(self, tenant_id: str, path: str, *, key: str, spacing: timedelta, of_one: bool = False) -> Page:
        """Return a page, with ``spacing`` between those of the same ``key``; ``of_one``: the thing at ``path``.

        Raises:
            OutOfTime: it would come after the end of the run.
            Unavailable, Misconfigured, NotFound: as Graph's.
        """
        graph = self.graph(tenant_id)

        def request() -> Page:
            self._wait(tenant_id, key, spacing)
            return graph.thing(path) if of_one else graph.page(path)

        return wait_out_retry_after(request, self.clock)

    def _wait(self, tenant_id: str, key: str, spacing: timedelta) -> None:
        whole_tenant = self._limiter((tenant_id,), BETWEEN_GETS)
        whole_tenant.wait()
        self._limiter((tenant_id, key), spacing).wait()
        # The second wait may have been long: the tenant's next GET keeps its distance from this one.
        whole_tenant.pause_for(BETWEEN_GETS)
        if self.clock.now() >= self.ends:
            raise OutOfTime("the run ends before everything is read")

    def _limiter(self, limit: tuple[str, ...], spacing: timedelta) -> RateLimiter:
        return self.limiters.setdefault(limit, RateLimiter(self.clock, Rate(window=spacing)))

    def all(self, tenant_id: str, path: str, *, key: str, spacing: timedelta) -> Iterator[Mapping[str, Any]]:
        """Yield everything in a list.

        Raises:
            OutOfTime, Unavailable, Misconfigured, NotFound: as ``page``.
        """
        following: str | None = path
        while following is not None:
            page = self.page(tenant_id, following, key=key, spacing=spacing)
            yield from page.items
            if page.next_path == following:
                raise Unavailable("Graph's link to the next page leads to the same one")
            following = page.next_path
