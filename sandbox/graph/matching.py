"""Which subscriptions a change belongs to: the catalogue's rows as a look-up instead of a search.

Source: https://learn.microsoft.com/en-us/graph/teams-change-notification-in-microsoft-teams-overview
"""

import re
from collections.abc import Iterator, Mapping, Sequence

from sandbox.graph.catalogue import FIVE_KINDS
from sandbox.graph.catalogue_others import OTHERS
from sandbox.graph.paths import bind, fill
from sandbox.graph.resource_type import ResourceType
from sandbox.teams import Change

CATALOGUE = (*FIVE_KINDS, *OTHERS)

# ?$filter=mentions/any(u: u/mentioned/user/id eq '<user id>')
MENTION = re.compile(r"mentions/any\((\w+):\s*\1/mentioned/user/id eq '(?P<user>[^']+)'\)")


def find(path: tuple[str, ...]) -> tuple[ResourceType, str] | None:
    """Return the row of a subscription's path and the path's one spelling; None if it cannot be subscribed to."""
    for row in CATALOGUE:
        bound = bind(row.template, path)
        if bound is not None:
            return row, fill(row.template, bound)
    return None


def named_in(row: ResourceType, key: str) -> Iterator[tuple[str, ...]]:
    """Yield the path of every chat, team, channel and person that a subscription's path names."""
    parts = tuple(key.split("/"))
    for index, pattern in enumerate(row.template.split("/")):
        if pattern in {"{chat}", "{team}", "{channel}", "{user}"} and parts[0] in {"chats", "teams", "users"}:
            yield parts[: index + 1]


def keys_of(change: Change, chat_members: Sequence[str]) -> Iterator[str]:
    """Yield the path of every subscription that would hear of a change, in its one spelling."""
    for row in FIVE_KINDS:
        for cover in row.covers:
            bound = bind(cover, change.path)
            if bound is not None:
                yield from _keys(row.template, bound, chat_members)


def _keys(template: str, bound: Mapping[str, str], chat_members: Sequence[str]) -> Iterator[str]:
    if "{user}" not in template:
        yield fill(template, bound)
        return
    # A user's chats are the chats that the user is in.
    for user_id in chat_members:
        yield fill(template, {**bound, "user": user_id})


def passes(options: Mapping[str, str], change: Change) -> bool:
    """Return whether a message gets through the subscription's ``$search`` and ``$filter``.

    Source: https://learn.microsoft.com/en-us/graph/teams-changenotifications-chatmessage
    """
    if "search" in options:
        word = options["search"].strip("\"'").casefold()
        if word not in change.entity["body"]["content"].casefold():
            return False
    mention = MENTION.fullmatch(options.get("filter", ""))
    return mention is None or mention["user"] in _mentioned(change)


def _mentioned(change: Change) -> set[str]:
    return {mention["mentioned"]["user"]["id"] for mention in change.entity["mentions"]}
