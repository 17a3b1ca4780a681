"""Who and what is in a list of places and people? Teams, channels, chats, members and users.

Sources: https://learn.microsoft.com/en-us/graph/api/teams-list, https://learn.microsoft.com/en-us/graph/api/channel-list,
https://learn.microsoft.com/en-us/graph/api/chat-list, https://learn.microsoft.com/en-us/graph/api/channel-list-members,
https://learn.microsoft.com/en-us/graph/api/user-list
"""

from collections.abc import Iterable, Iterator

from sandbox.graph.reading.query import Asked, Item, selected, shown
from sandbox.teams import Entity

# A list of teams has all properties of each, says the page, and fills in only these.
_POPULATED = frozenset({"id", "displayName", "description", "visibility"})
_MEMBER = {"@odata.type": "#microsoft.graph.aadUserConversationMember"}


def teams(asked: Asked) -> Iterator[Item]:
    """Yield the teams of the tenant, with most of their properties null."""
    found = asked.teams.contents.of(("teams",), tenant_id=asked.tenant_id)
    bare = ({name: value if name in _POPULATED else None for name, value in each.entity.items()} for each in found)
    return _listed(asked, bare)


def chats(asked: Asked) -> Iterator[Item]:
    """Yield the chats that a person is in."""
    found = asked.teams.contents.chats_of(asked.path[1], tenant_id=asked.tenant_id)
    return _listed(asked, (shown(chat.entity, "chats", asked.expanded) for chat in found))


def channels(asked: Asked) -> Iterator[Item]:
    """Yield the channels of a team."""
    return _listed(asked, (each.entity for each in asked.teams.contents.of(asked.path, tenant_id=asked.tenant_id)))


def members(asked: Asked) -> Iterator[Item]:
    """Yield the memberships of a chat or team."""
    found = asked.teams.contents.of(asked.path, tenant_id=asked.tenant_id)
    return _listed(asked, (_MEMBER | member.entity for member in found))


def channel_members(asked: Asked) -> Iterator[Item]:
    """Yield the direct memberships of a channel."""
    found = asked.teams.contents.members_of_channel(asked.path[:4], tenant_id=asked.tenant_id)
    return _listed(asked, (_MEMBER | member for member in found))


def users(asked: Asked) -> Iterator[Item]:
    """Yield the people of the tenant."""
    for user in asked.teams.contents.users(asked.tenant_id):
        entity = {
            "id": user.id,
            "displayName": user.display_name,
            "mail": user.email,
            "userPrincipalName": user.email,
        }
        yield from _listed(asked, [entity])


def _listed(asked: Asked, entities: Iterable[Entity]) -> Iterator[Item]:
    for entity in entities:
        yield Item(key=(entity["id"],), entity=selected(entity, asked.options))
