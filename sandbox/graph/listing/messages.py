"""Messages by window: those of a user's chats, of a chat, of a team's channels, of a channel, and the answers to one.

Sources: https://learn.microsoft.com/en-us/graph/api/chats-getallmessages,
https://learn.microsoft.com/en-us/graph/api/chat-list-messages,
https://learn.microsoft.com/en-us/graph/api/channel-getallmessages,
https://learn.microsoft.com/en-us/graph/api/channel-list-messages,
https://learn.microsoft.com/en-us/graph/api/chatmessage-list-replies
"""

import re
from collections.abc import Iterator

from sandbox.graph.access import shown
from sandbox.graph.listing.filters import holds, window
from sandbox.graph.listing.options import as_query, invalid
from sandbox.graph.listing.row import Asked, Item
from sandbox.teams import Entity, Path, Thing

MODIFIED = "lastModifiedDateTime"
# What items say where the address does not tell their type.
TYPED = {"@odata.type": "#microsoft.graph.chatMessage"}
# Source: https://learn.microsoft.com/en-us/graph/api/channel-list-messages
_MOST_REPLIES = 1000
_RANGE = frozenset({(MODIFIED, "gt"), (MODIFIED, "lt")})
_RANGE_IN_CHAT = _RANGE | {("createdDateTime", "lt")}
_ORDER = re.compile(rf"(?P<property>{MODIFIED}|createdDateTime) desc")


def of_user(asked: Asked) -> Iterator[Item]:
    """Yield the messages of all chats that a person is in, oldest change first."""
    yield from _within(asked, in_chats_of_user(asked))


def of_team(asked: Asked) -> Iterator[Item]:
    """Yield the messages and answers of all channels of a team, private and shared ones too, oldest change first."""
    for channel in asked.teams.contents.of((*asked.path[:2], "channels"), tenant_id=asked.who.tenant_id):
        for chain in chains(asked, channel.path):
            yield from _within(asked, chain)


def of_chat(asked: Asked) -> Iterator[Item]:
    """Yield the messages of a chat by the time that ``$orderby`` names.

    A filter counts only if it is on the property that ``$orderby`` names; otherwise it is ignored, as documented.
    """
    conditions = window(asked.options.get("filter"), _RANGE_IN_CHAT)
    order = asked.options.get("orderby")
    match = _ORDER.fullmatch(order.strip() if order is not None else f"{MODIFIED} desc")
    if match is None:
        raise invalid(f"The $orderby query option is not supported here: '{order}'.")
    if order is None or any(condition.property != match["property"] for condition in conditions):
        conditions = ()
    for thing in asked.teams.contents.of((*asked.path[:2], "messages"), tenant_id=asked.who.tenant_id):
        if holds(conditions, thing.entity):
            key = (thing.entity[match["property"]], thing.path[-1])
            yield Item(key=key, entity=shown(thing.entity, "messages", ()))


def of_channel(asked: Asked) -> Iterator[Item]:
    """Yield the messages of a channel without the answers, or with them inside."""
    for chain in chains(asked, asked.path[:4]):
        yield Item(key=_key(chain[0]), entity=with_replies(asked, chain))


def replies_of(asked: Asked) -> Iterator[Item]:
    """Yield the answers to a channel's message."""
    for thing in asked.teams.contents.of(asked.path[:7], tenant_id=asked.who.tenant_id):
        yield Item(key=_key(thing), entity=shown(thing.entity, "replies", ()))


def in_chats_of_user(asked: Asked) -> Iterator[Thing]:
    """Yield the messages of all chats that a person is in."""
    tenant_id = asked.who.tenant_id
    for chat in asked.teams.contents.chats_of(asked.user_id(), tenant_id=tenant_id):
        yield from asked.teams.contents.of((*chat.path, "messages"), tenant_id=tenant_id)


def chains(asked: Asked, channel: Path) -> Iterator[list[Thing]]:
    """Yield each message of a channel, followed by the answers to it."""
    contents, tenant_id = asked.teams.contents, asked.who.tenant_id
    for root in contents.of((*channel, "messages"), tenant_id=tenant_id):
        yield [root, *contents.of((*root.path, "replies"), tenant_id=tenant_id)]


def with_replies(asked: Asked, chain: list[Thing]) -> Entity:
    """Return a channel's message, with the newest answers to it and a link to the others if they are asked for."""
    root, *replies = chain
    if "replies" not in asked.expanded:
        return shown(root.entity, "messages", ())
    newest = sorted(replies, key=_key, reverse=True)
    inside: Entity = {"replies": [shown(reply.entity, "replies", ()) for reply in newest[:_MOST_REPLIES]]}
    if len(newest) > _MOST_REPLIES:
        path, after = [*root.path, "replies"], _key(newest[_MOST_REPLIES - 1])
        token = asked.paging.seal(asked.bound | {"path": path, "after": after, "rested": True})
        collection = asked.address.removesuffix("/delta")
        inside["replies@odata.nextLink"] = f"{collection}/{root.path[-1]}/replies?{as_query({}, skiptoken=token)}"
    return shown(root.entity, "messages", ()) | inside


def _within(asked: Asked, things: Iterator[Thing] | list[Thing]) -> Iterator[Item]:
    conditions = window(asked.options.get("filter"), _RANGE)
    for thing in things:
        if holds(conditions, thing.entity):
            entity = shown(thing.entity, thing.path[-2], ())
            yield Item(key=(thing.entity[MODIFIED], "/".join(thing.path)), entity=TYPED | entity)


def _key(thing: Thing) -> tuple[str, str]:
    return thing.entity[MODIFIED], thing.path[-1]
