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

    def page(self, tenant_id: str, path: str, *, key: str, spacing: timedelta) -> Page:
        """Return a page of a list, with ``spacing`` between those of the same ``key``.

        Raises:
            OutOfTime: the run ends before it can be read.
            Unavailable, Misconfigured, NotFound: as Graph's.
        """
        return self._get(lambda: self.graph(tenant_id).page(path), tenant_id, key, spacing)

    def item(self, tenant_id: str, path: str, *, key: str) -> Mapping[str, Any]:
        """Return the one item at ``path``.

        Raises:
            OutOfTime, Unavailable, Misconfigured: as ``page``.
        """
        return self._get(lambda: self.graph(tenant_id).get_item(path), tenant_id, key, BETWEEN_GETS)

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

    def _get[T](self, get: Callable[[], T], tenant_id: str, key: str, spacing: timedelta) -> T:
        of_tenant, of_key = self._limiter(tenant_id, None, BETWEEN_GETS), self._limiter(tenant_id, key, spacing)

        def request() -> T:
            of_tenant.wait()
            of_key.wait()
            # The second wait may have been long: the tenant's next GET keeps its distance from this one.
            of_tenant.pause_for(BETWEEN_GETS)
            if self.clock.now() >= self.ends:
                raise OutOfTime("the run ends before everything is read")
            return get()

        return wait_out_retry_after(request, self.clock)

    def _limiter(self, tenant_id: str, key: str | None, spacing: timedelta) -> RateLimiter:
        return self.limiters.setdefault((tenant_id, key, spacing), RateLimiter(self.clock, Rate(window=spacing)))
