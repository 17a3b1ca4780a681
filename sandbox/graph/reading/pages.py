"""What is on one page of a list, and where does the next one begin? A delta query ends with a link to later.

Sources: https://learn.microsoft.com/en-us/graph/paging, https://learn.microsoft.com/en-us/graph/delta-query-overview
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from sandbox.graph.reading.query import TOKENS, Asked, Item, Key, Listing, as_query, bad_query, page_size

type Page = dict[str, Any]


def page_of(asked: Asked, row: Listing) -> Page:
    """Return the page that the token in the request leads to, or the first one.

    Raises:
        Refused: with 400 or 404.
    """

    def link(after: Key | None, *, rested: bool) -> str:
        token = asked.paging.seal(asked.bound | {"after": after, "rested": rested})
        return f"{asked.address}?{as_query(asked.options, skiptoken=token)}"

    size, items = asked.paging.size(page_size(asked.options, row)), list(row.items(asked))
    state: dict[str, Any] = {"after": None, "rested": False}
    if "skiptoken" in asked.options:
        state = asked.paging.open(asked.options["skiptoken"], **asked.bound)
    if asked.paging.hollow and not state["rested"]:
        return {"value": [], "@odata.nextLink": link(state["after"], rested=True)}
    after = None if state["after"] is None else tuple(state["after"])
    found, more = _cut(items, after=after, size=size, newest_first=row.newest_first)
    following = {"@odata.nextLink": link(found[-1].key, rested=False)} if more else {}
    return following | {"value": [item.entity for item in found]}


def page_of_changes(asked: Asked, row: Listing) -> Page:
    """Return a page of all there is, or of what has changed since, with a link to the next page or to what comes later.

    Raises:
        Refused: with 400, with 404, or with 410 and the URL to start again from.
    """
    state = _delta_state(asked)
    asked = replace(asked, options=state["options"])

    def link(name: str, after: int | str, *, rested: bool = False) -> str:
        token = {"name": name, "after": after, "rested": rested, "options": dict(asked.options)}
        return f"{asked.address}?{as_query({}, **{name: asked.paging.seal(asked.bound | token)})}"

    size, items = asked.paging.size(page_size(asked.options, row)), list(row.items(asked))
    if asked.paging.hollow and not state["rested"]:
        return {"value": [], "@odata.nextLink": link("skiptoken", state["after"], rested=True)}
    found, more = _cut(items, after=(state["after"],), size=size, newest_first=False)
    latest = found[-1].key[0] if found else state["after"]
    following = {"@odata.nextLink": link("skiptoken", latest)} if more else {}
    return (following or {"@odata.deltaLink": link("deltatoken", latest)}) | {"value": [item.entity for item in found]}


def _delta_state(asked: Asked) -> dict[str, Any]:
    tokens = {name: value for name, value in asked.options.items() if name in TOKENS}
    others = {name: value for name, value in asked.options.items() if name not in TOKENS}
    if tokens in ({}, {"deltatoken": ""}):
        return {"after": 0, "rested": False, "options": others}
    name, token = next(iter(tokens.items()))
    if len(tokens) > 1 or others:
        raise bad_query(f"Query options cannot be specified together with ${name}.")
    state = asked.paging.open(token, **asked.bound, name=name)
    restart = f"{asked.address}?{as_query(state['options'], deltatoken='')}"
    asked.paging.check_freshness(state, restart=restart)
    return state


def _cut(items: Iterable[Item], *, after: Key | None, size: int, newest_first: bool) -> tuple[list[Item], bool]:
    """Return the first items beyond ``after``, and whether there are more; what comes and goes moves nothing else."""
    ordered = sorted(items, key=lambda item: item.key, reverse=newest_first)
    rest = [item for item in ordered if after is None or (item.key < after if newest_first else item.key > after)]
    return rest[:size], len(rest) > size
