"""Graph's lists, as a run of the timer reads them: no call of a tenant that trickles is waited for without an end."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.bounded_calls import BoundedCalls
from shared.gaps.turns import GraphLists
from shared.graph.client import Page


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundedLists:
    """``lists`` of one tenant, called within the bounds of ``calls``; so the threads of ``Turns`` come back to it."""

    lists: GraphLists
    calls: BoundedCalls

    def get_page(self, path: str) -> Page:
        """Return a page of a list."""
        return self.calls.call(self.lists.get_page, path)

    def get_item(self, path: str) -> Mapping[str, Any]:
        """Return one item, with its id."""
        return self.calls.call(self.lists.get_item, path)
