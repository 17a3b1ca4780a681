"""One page of a delta query: all there is, then what has changed, with a link to the next page or to what comes later.

Source: https://learn.microsoft.com/en-us/graph/delta-query-overview
"""

from dataclasses import replace
from typing import Any

from sandbox.graph.errors import Refused
from sandbox.graph.listing import options
from sandbox.graph.listing.pages import Page, cut
from sandbox.graph.listing.row import Asked, Listing


def page_of_changes(asked: Asked, row: Listing) -> Page:
    """Return the page that the token in the request leads to, or the first one.

    Raises:
        Refused: with 400, with 404, or with 410 and the URL to start anew from.
    """
    state = _state(asked)
    asked = replace(asked, options=state["options"])
    skip = options.whole_number(asked.options, "skip", otherwise=0) if state["after"] == 0 else 0
    size = asked.paging.size(options.size(asked.options, row)) + skip
    items = list(row.items(asked))
    if asked.paging.hollow and not state["rested"]:
        return {"value": [], "@odata.nextLink": _link(asked, "skiptoken", state["after"], rested=True)}
    found, more = cut(items, after=(state["after"],), size=size, newest_first=False)
    page: Page = {"value": [item.entity for item in found[skip:]]}
    if more:
        return {"@odata.nextLink": _link(asked, "skiptoken", found[-1].key[0]), **page}
    latest = found[-1].key[0] if found else state["after"]
    return {"@odata.deltaLink": _link(asked, "deltatoken", latest), **page}


def _state(asked: Asked) -> dict[str, Any]:
    tokens = {name: value for name, value in asked.options.items() if name in options.TOKENS}
    others = {name: value for name, value in asked.options.items() if name not in options.TOKENS}
    if tokens in ({}, {"deltatoken": ""}):
        return {"after": 0, "rested": False, "options": others}
    name, token = next(iter(tokens.items()))
    if len(tokens) > 1 or others:
        raise options.invalid(f"Query options cannot be specified together with ${name}.")
    if token == "latest":  # noqa: S105  the word that other resources take for "from here on"
        # Source: https://github.com/microsoftgraph/microsoft-graph-docs/issues/7382
        raise Refused(400, "BadRequest", "Parameter 'DeltaToken' not supported for this request.")
    state = asked.paging.open(token, **asked.bound, name=name)
    restart = f"{asked.address}?{options.as_query(state['options'], deltatoken='')}"
    asked.paging.check_freshness(state, restart=restart)
    return state


def _link(asked: Asked, name: str, after: int | str, *, rested: bool = False) -> str:
    state = {"name": name, "after": after, "rested": rested, "options": dict(asked.options)}
    token = {name: asked.paging.seal(asked.bound | state)}
    return f"{asked.address}?{options.as_query({}, **token)}"
