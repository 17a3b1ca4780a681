"""Who and what there is in a tenant: teams, channels, chats, members and users.

Sources: https://learn.microsoft.com/en-us/graph/api/teams-list, https://learn.microsoft.com/en-us/graph/api/channel-list,
https://learn.microsoft.com/en-us/graph/api/team-list-allchannels, https://learn.microsoft.com/en-us/graph/api/chat-list,
https://learn.microsoft.com/en-us/graph/api/channel-list-members, https://learn.microsoft.com/en-us/graph/api/user-list
"""

from collections.abc import Iterable, Iterator
from urllib.parse import quote

from sandbox.graph.access import shown
from sandbox.graph.listing.filters import matching
from sandbox.graph.listing.options import selected
from sandbox.graph.listing.row import Asked, Item
from sandbox.teams import Entity, Path, User

# A list of teams has all properties of each, says the page, and fills in only these.
_POPULATED = frozenset({"id", "displayName", "description", "visibility"})
_MEMBER = {"@odata.type": "#microsoft.graph.aadUserConversationMember"}
_NOT_KEPT = ("givenName", "jobTitle", "mobilePhone", "officeLocation", "preferredLanguage", "surname")


def teams(asked: Asked) -> Iterator[Item]:
    """Yield the teams of the tenant, with most of their properties null."""
    found = asked.teams.contents.of(("teams",), tenant_id=asked.who.tenant_id)
    bare = [{name: value if name in _POPULATED else None for name, value in each.entity.items()} for each in found]
    yield from _chosen(asked, bare, "displayName")


def chats(asked: Asked) -> Iterator[Item]:
    """Yield the chats that a person is in."""
    found = asked.teams.contents.chats_of(asked.user_id(), tenant_id=asked.who.tenant_id)
    yield from _chosen(asked, [shown(chat.entity, "chats", asked.expanded) for chat in found], "chatType", "topic")


def channels(asked: Asked) -> Iterator[Item]:
    """Yield the channels of a team that the caller can see."""
    yield from _chosen(asked, [entity for _, entity in _own_channels(asked)], "membershipType", "displayName")


def all_channels(asked: Asked) -> Iterator[Item]:
    """Yield the channels of a team, and those that other teams share with it."""
    both = (*_own_channels(asked), *asked.teams.contents.incoming_channels(asked.path[:2]))
    found = [{"@odata.id": _address(path, entity)} | entity for path, entity in both]
    yield from _chosen(asked, found, "membershipType", "displayName")


def members(asked: Asked) -> Iterator[Item]:
    """Yield the memberships of a chat or team."""
    found = asked.teams.contents.of(asked.path, tenant_id=asked.who.tenant_id)
    yield from _chosen(asked, [_MEMBER | member.entity for member in found], "userId", "displayName", "email")


def channel_members(asked: Asked) -> Iterator[Item]:
    """Yield the direct memberships of a channel."""
    found = asked.teams.contents.members_of_channel(asked.path[:4], tenant_id=asked.who.tenant_id)
    yield from _chosen(asked, [_MEMBER | member for member in found], "userId", "displayName", "email")


def all_members(asked: Asked) -> Iterator[Item]:
    """Yield the memberships of a channel, and of those who are in it by being in a team that shares it."""
    found = [_MEMBER | member for member in _everybody_in(asked, asked.path[:4])]
    yield from _chosen(asked, found, "userId", "displayName", "email")


def users(asked: Asked) -> Iterator[Item]:
    """Yield the people of the tenant, with the properties that a list has by default."""
    found = [_user(user) for user in asked.teams.contents.users(asked.who.tenant_id)]
    yield from _chosen(asked, found, "displayName", "mail", "userPrincipalName")


def can_see(asked: Asked, path: Path) -> bool:
    """Return whether the caller may look into a chat, team or channel: an app always, a user where one is a member."""
    user_id = asked.who.user_id
    if user_id is None:
        return True
    if path[2:3] == ("channels",) and len(path) > len(("teams", "{team}", "channels")):
        return any(member["userId"] == user_id for member in _everybody_in(asked, path[:4]))
    return asked.teams.can_see(path, user_id=user_id)


def _everybody_in(asked: Asked, channel: Path) -> Iterable[Entity]:
    contents = asked.teams.contents
    return (*contents.members_of_channel(channel, tenant_id=asked.who.tenant_id), *contents.indirect_members(channel))


def _own_channels(asked: Asked) -> Iterator[tuple[Path, Entity]]:
    for channel in asked.teams.contents.of((*asked.path[:2], "channels"), tenant_id=asked.who.tenant_id):
        # "Teams members can't see private or shared channels that they aren't members of in the response for this API."
        if can_see(asked, channel.path):
            yield channel.path, channel.entity


def _address(channel: Path, entity: Entity) -> str:
    team, place = channel[1], quote(channel[3], safe="")
    return f"https://graph.microsoft.com/v1.0/tenants/{entity['tenantId']}/teams/{team}/channels/{place}"


def _chosen(asked: Asked, entities: list[Entity], *filterable: str) -> Iterator[Item]:
    for entity in matching(asked.options.get("filter"), entities, filterable):
        yield Item(key=(entity["id"],), entity=selected(entity, asked.options))


def _user(user: User) -> Entity:
    known = {"displayName": user.display_name, "mail": user.email, "userPrincipalName": user.email, "id": user.id}
    return {"businessPhones": [], **known, **dict.fromkeys(_NOT_KEPT)}
