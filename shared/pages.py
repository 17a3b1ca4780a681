"""Pages of Graph's lists, read one after the other at the pace that Graph bears, as long as there is time.

Source: https://learn.microsoft.com/graph/throttling-limits#microsoft-teams-service-limits
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from shared.errors import Unavailable
from shared.source import Page
from shared.timing import Clock

# Of all that an app asks in a tenant; 20 pages of messages a second is what Graph bears.
BETWEEN_GETS = timedelta(milliseconds=50)
# A longer pause is left to another run.
_LONGEST_PAUSE = timedelta(seconds=15)


class TimeIsUp(Exception):
    """The run ends before everything is read."""


class GraphLists(Protocol):
    """What is needed of Graph in one tenant; both raise Unavailable, Misconfigured, and NotFound for a 404."""

    def page(self, path: str) -> Page:
        """Return a page of a list."""
        ...

    def thing(self, path: str) -> Page:
        """Return one thing, as a page of nothing else."""
        ...


class Pace:
    """Has the GETs of one run follow each other slowly enough for every tenant, chat and channel."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._next: dict[tuple[str, ...], datetime] = {}

    def wait(self, tenant_id: str, key: str, spacing: timedelta) -> None:
        """Return when it is time for one more GET of ``key``."""
        limits = {(tenant_id,): BETWEEN_GETS, (tenant_id, key): spacing}
        moment = max([self._clock.now(), *(self._next[limit] for limit in limits if limit in self._next)])
        self._next |= {limit: moment + distance for limit, distance in limits.items()}
        self._clock.sleep_until(moment)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """What reading needs: Graph as the app of a tenant sees it, and until when there is time."""

    graph: Callable[[str], GraphLists]
    clock: Clock
    pace: Pace
    ends: datetime

    def page(self, tenant_id: str, path: str, *, key: str, spacing: timedelta, of_one: bool = False) -> Page:
        """Return a page, with ``spacing`` between those of the same ``key``; ``of_one``: the thing at ``path``.

        Raises:
            TimeIsUp: it would come after the end of the run.
            Unavailable, Misconfigured, NotFound: as Graph's.
        """
        graph = self.graph(tenant_id)
        while True:
            self.pace.wait(tenant_id, key, spacing)
            if self.clock.now() >= self.ends:
                raise TimeIsUp
            try:
                return graph.thing(path) if of_one else graph.page(path)
            except Unavailable as problem:
                if problem.retry_after is None or problem.retry_after > _LONGEST_PAUSE:
                    raise
                self.clock.sleep_until(self.clock.now() + problem.retry_after)

    def all(self, tenant_id: str, path: str, *, key: str, spacing: timedelta) -> Iterator[Mapping[str, Any]]:
        """Yield everything in a list.

        Raises:
            TimeIsUp, Unavailable, Misconfigured, NotFound: as ``page``.
        """
        following: str | None = path
        while following is not None:
            page = self.page(tenant_id, following, key=key, spacing=spacing)
            yield from page.items
            if page.next_path == following:
                raise Unavailable("Graph's link to the next page leads to the same one")
            following = page.next_path
