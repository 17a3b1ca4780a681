"""What a delta query looks at: messages of a user's chats one by one, those of a channel with the answers to them.

Their key is the running number of the latest change, so that whatever changes comes (again) behind what has been read.
Source: https://learn.microsoft.com/en-us/graph/api/chatmessage-delta
"""

from collections.abc import Iterator
from datetime import timedelta

from sandbox.graph.access import shown
from sandbox.graph.listing.filters import Condition, holds, window
from sandbox.graph.listing.messages import MODIFIED, TYPED, chains, in_chats_of_user, with_replies
from sandbox.graph.listing.row import Asked, Item
from sandbox.teams import Thing

# Delta, says the page, returns messages of the last eight months only.
_EIGHT_MONTHS = timedelta(days=243)


def of_user(asked: Asked) -> Iterator[Item]:
    """Yield the messages of all chats that a person is in."""
    conditions = _conditions(asked)
    for thing in in_chats_of_user(asked):
        if holds(conditions, thing.entity):
            yield Item(key=(thing.version,), entity=TYPED | shown(thing.entity, "messages", ()))


def of_channel(asked: Asked) -> Iterator[Item]:
    """Yield the messages of a channel of which the message itself or an answer to it has changed."""
    conditions = _conditions(asked)
    for chain in chains(asked, asked.path[:4]):
        if any(holds(conditions, thing.entity) for thing in chain):
            yield Item(key=(_latest(chain),), entity=TYPED | with_replies(asked, chain))


def _conditions(asked: Asked) -> tuple[Condition, ...]:
    since = Condition(property=MODIFIED, operator="gt", moment=asked.paging.now() - _EIGHT_MONTHS)
    return (since, *window(asked.options.get("filter"), {(MODIFIED, "gt")}))


def _latest(chain: list[Thing]) -> int:
    return max(thing.version for thing in chain)
