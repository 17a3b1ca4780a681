"""One page of a list: what is on it, and the link to the next one.

Source: https://learn.microsoft.com/en-us/graph/paging
"""

from collections.abc import Iterable
from typing import Any

from sandbox.graph.listing import options
from sandbox.graph.listing.row import Asked, Item, Key, Listing

type Page = dict[str, Any]


def page_of(asked: Asked, row: Listing) -> Page:
    """Return the page that the token in the request leads to, or the first one.

    Raises:
        Refused: with 400 or 404.
    """
    size, items, state = asked.paging.size(options.size(asked.options, row)), list(row.items(asked)), _state(asked)
    if asked.paging.hollow and not state["rested"]:
        return {"value": [], "@odata.nextLink": _link(asked, state["after"], rested=True)}
    after = None if state["after"] is None else tuple(state["after"])
    found, more = cut(items, after=after, size=size, newest_first=row.newest_first)
    page: Page = {"@odata.count": len(found)} if row.counted else {}
    if asked.options.get("count") == "true":
        page["@odata.count"] = len(items)
    if more:
        page["@odata.nextLink"] = _link(asked, found[-1].key, rested=False)
    return page | {"value": [item.entity for item in found]}


def cut(items: Iterable[Item], *, after: Key | None, size: int, newest_first: bool) -> tuple[list[Item], bool]:
    """Return the first things beyond ``after``, and whether there are more; what comes and goes moves nothing else."""
    ordered = sorted(items, key=lambda item: item.key, reverse=newest_first)
    rest = [item for item in ordered if after is None or (item.key < after if newest_first else item.key > after)]
    return rest[:size], len(rest) > size


def _state(asked: Asked) -> dict[str, Any]:
    if "skiptoken" in asked.options:
        return asked.paging.open(asked.options["skiptoken"], **asked.bound)
    return {"after": None, "rested": False}


def _link(asked: Asked, after: Key | None, *, rested: bool) -> str:
    token = asked.paging.seal(asked.bound | {"after": after, "rested": rested})
    return f"{asked.address}?{options.as_query(asked.options, skiptoken=token)}"
