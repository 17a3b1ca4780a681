"""Which messages are in a list? Those of a user's chats, a chat, a team or a channel; replies; changed ones.

Sources: https://learn.microsoft.com/en-us/graph/api/chats-getallmessages,
https://learn.microsoft.com/en-us/graph/api/chat-list-messages,
https://learn.microsoft.com/en-us/graph/api/channel-getallmessages,
https://learn.microsoft.com/en-us/graph/api/channel-list-messages,
https://learn.microsoft.com/en-us/graph/api/chatmessage-list-replies, https://learn.microsoft.com/en-us/graph/api/chatmessage-delta
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from sandbox.graph.reading.query import MODIFIED, Asked, Item, as_query, bad_query, shown
from sandbox.teams import Entity, Path, Thing

# What items say where the address does not show their type.
_TYPED = {"@odata.type": "#microsoft.graph.chatMessage"}
# Source: https://learn.microsoft.com/en-us/graph/api/channel-list-messages
_MOST_REPLIES = 1000
# Delta, says the page, returns messages of the last eight months only.
_EIGHT_MONTHS = timedelta(days=243)
_NEWEST_CHANGE_FIRST = f"{MODIFIED} desc"


def of_user(asked: Asked) -> Iterator[Item]:
    """Yield the messages of all chats that a person is in, oldest change first."""
    after = asked.modified_after()
    for chat in asked.teams.contents.chats_of(asked.path[1], tenant_id=asked.tenant_id):
        yield from _modified(after, _things(asked, (*chat.path, "messages")))


def of_team(asked: Asked) -> Iterator[Item]:
    """Yield the messages and replies of all channels of a team, private and shared ones too, oldest change first."""
    after = asked.modified_after()
    for channel in _things(asked, (*asked.path[:2], "channels")):
        for chain in _chains(asked, channel.path):
            yield from _modified(after, chain)


def of_chat(asked: Asked) -> Iterator[Item]:
    """Yield the messages of a chat.

    Without ``$orderby`` on the same property a filter is ignored, as documented.
    """
    after, order = asked.modified_after(), asked.options.get("orderby")
    if order not in {None, _NEWEST_CHANGE_FIRST}:
        raise bad_query(f"The $orderby query option is not supported here: '{order}'.")
    for thing in _things(asked, asked.path):
        if order is None or _is_after(after, thing):
            yield Item(key=_key(thing), entity=shown(thing.entity, "messages", ()))


def of_channel(asked: Asked) -> Iterator[Item]:
    """Yield the messages of a channel without the replies, or with them inside."""
    for chain in _chains(asked, asked.path[:4]):
        yield Item(key=_key(chain[0]), entity=_with_replies(asked, chain))


def replies_of(asked: Asked) -> Iterator[Item]:
    """Yield the replies to a channel's message."""
    for thing in _things(asked, asked.path):
        yield Item(key=_key(thing), entity=shown(thing.entity, "replies", ()))


def changes_of_channel(asked: Asked) -> Iterator[Item]:
    """Yield the messages of a channel of which the message itself or a reply to it has changed.

    Their key is the running number of the latest change: what changes again comes after what has been read.
    """
    oldest = asked.paging.now() - _EIGHT_MONTHS
    after = max(asked.modified_after() or oldest, oldest)
    for chain in _chains(asked, asked.path[:4]):
        if any(_is_after(after, thing) for thing in chain):
            latest = max(thing.version for thing in chain)
            yield Item(key=(latest,), entity=_TYPED | _with_replies(asked, chain))


def _things(asked: Asked, collection: Path) -> Iterator[Thing]:
    return asked.teams.contents.of(collection, tenant_id=asked.tenant_id)


def _chains(asked: Asked, channel: Path) -> Iterator[list[Thing]]:
    """Yield each message of a channel, followed by the replies to it."""
    for root in _things(asked, (*channel, "messages")):
        yield [root, *_things(asked, (*root.path, "replies"))]


def _with_replies(asked: Asked, chain: list[Thing]) -> Entity:
    """Return a channel's message, with the newest replies to it and a link to the others if they are asked for."""
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


def _modified(after: datetime | None, things: Iterable[Thing]) -> Iterator[Item]:
    for thing in things:
        if _is_after(after, thing):
            entity = _TYPED | shown(thing.entity, thing.path[-2], ())
            yield Item(key=(thing.entity[MODIFIED], "/".join(thing.path)), entity=entity)


def _is_after(after: datetime | None, thing: Thing) -> bool:
    return after is None or datetime.fromisoformat(thing.entity[MODIFIED]) > after


def _key(thing: Thing) -> tuple[str, str]:
    return thing.entity[MODIFIED], thing.path[-1]
