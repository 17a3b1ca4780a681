"""Which channels are there, and who is in them? Members of their own, and of the teams that they are shared with.

Sources: https://learn.microsoft.com/en-us/graph/api/resources/channel,
https://learn.microsoft.com/en-us/graph/teams-changenotifications-channelmembership
"""

from collections.abc import Sequence
from typing import Literal
from urllib.parse import quote

from sandbox.teams import ids
from sandbox.teams.members import membership
from sandbox.teams.store import Store, timestamp
from sandbox.teams.values import ChangeType, Context, Entity, Path, User

# What the suppression of notifications has to know: whether a person or a whole team has come or gone.
_BY_TEAM: Context = {"reason": ("team",)}
_BY_PERSON: Context = {"reason": ("person",)}


class Sharing:
    """Which channels are shared with which teams."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._channels: dict[Path, list[Path]] = {}

    def share(self, channel: Path, team: Path) -> Path:
        """Return the path of a share; the team's members are reported as indirect members of the channel.

        Raises:
            LookupError: there is no such channel or team.
            ValueError: the channel is not a shared one.
        """
        if self._store.require(channel)["membershipType"] != "shared":
            raise ValueError("only shared channels can be shared with a team")
        shared = {
            "isHostTeam": False,
            "id": team[1],
            "tenantId": self._store.tenant_of(team),
            "displayName": self._store.require(team)["displayName"],
        }
        self._channels.setdefault(team, []).append(channel)
        path = self._store.put("created", (*channel, "sharedWithTeams", team[1]), shared)
        self._report_all("created", channel, team)
        return path

    def unshare(self, share: Path) -> None:
        """End a share; the team's members are reported as gone from the channel.

        Raises:
            LookupError: there is no such share.
        """
        channel, team = share[:4], ("teams", share[-1])
        self._store.remove(share)
        self._channels[team].remove(channel)
        self._report_all("deleted", channel, team)

    def report_indirectly(self, change_type: ChangeType, member: Path, entity: Entity) -> None:
        """Report a change to a team's member again, in every channel that is shared with the team."""
        for channel in self._channels.get(member[:2], ()):
            if self._store.exists(channel, tenant_id=self._store.tenant_of(channel)):
                self._report(change_type, channel, (member, entity), _BY_PERSON)

    def _report_all(self, change_type: ChangeType, channel: Path, team: Path) -> None:
        for entity in self._store.members_of_team(team):
            self._report(change_type, channel, ((*team, "members", entity["id"]), entity), _BY_TEAM)

    def _report(self, change_type: ChangeType, channel: Path, member: tuple[Path, Entity], reason: Context) -> None:
        entity = self._indirect(channel, *member)
        path = (*channel, "allMembers", entity["id"])
        self._store.report(self._store.change(change_type, path, entity, context=reason))

    def _indirect(self, channel: Path, path: Path, entity: Entity) -> Entity:
        tenant_id, team_id = self._store.tenant_of(path[:2]), path[1]
        # Decoded, the ids of indirect memberships start with "0##4##".
        member_id = ids.member("0", "4", self._store.tenant_of(channel), f"{team_id}_{channel[-1]}", entity["userId"])
        # The article spells it with these very slashes.
        origin = f"tenants/('{tenant_id}')teams('{team_id}')/members/('{path[-1]}')"
        return {"@microsoft.graph.originalSourceMembershipUrl": origin} | entity | {"id": member_id}


type MembershipType = Literal["standard", "private", "shared"]


class Channels:
    """The channels of every team."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.sharing = Sharing(store)

    def create(self, team: Path, display_name: str, *, membership_type: MembershipType = "standard") -> Path:
        """Return the path of a new channel.

        Raises:
            LookupError: there is no such team.
        """
        self._store.require(team)
        path = (*team, "channels", self._store.ids.thread("thread.tacv2"))
        return self._store.put("created", path, self._channel(path, display_name, membership_type))

    def rename(self, channel: Path, display_name: str) -> None:
        """Give a channel another name.

        Raises:
            LookupError: there is no such channel.
        """
        self._store.put("updated", channel, self._store.require(channel) | {"displayName": display_name})

    def delete(self, channel: Path) -> None:
        """Delete a channel with its messages and memberships.

        Raises:
            LookupError: there is no such channel.
        """
        self._store.remove(channel)

    def add_member(self, channel: Path, user: User, *, roles: Sequence[str] = ()) -> Path:
        """Return the path of a new membership.

        Raises:
            LookupError: there is no such channel.
            ValueError: a standard channel has the members of its team, and none of its own.
        """
        membership_type = self._store.require(channel)["membershipType"]
        if membership_type == "standard":
            raise ValueError("members join a standard channel by joining its team")
        # Decoded, the ids of memberships start with "0##2##" in private channels, with "0##3##" in shared ones.
        kind = "2" if membership_type == "private" else "3"
        member_id = ids.member("0", kind, self._store.tenant_of(channel), channel[-1], user.id)
        path, entity = (*channel, "members", member_id), membership(user, member_id, roles=roles)
        return self._store.put("created", path, entity, context=self._context(channel))

    def set_roles(self, member: Path, roles: Sequence[str]) -> None:
        """Change what a member may do: ``("owner",)`` or nothing.

        Raises:
            LookupError: there is no such membership.
        """
        entity = self._store.require(member) | {"roles": list(roles)}
        self._store.put("updated", member, entity, context=self._context(member[:4]))

    def remove_member(self, member: Path) -> None:
        """End a membership.

        Raises:
            LookupError: there is no such membership.
        """
        self._store.remove(member, context=self._context(member[:4]))

    def _context(self, channel: Path) -> Context:
        return {"membershipType": (self._store.require(channel)["membershipType"],)}

    def _channel(self, path: Path, display_name: str, membership_type: MembershipType) -> Entity:
        tenant_id = self._store.tenant_of(path)
        link = f"{quote(path[-1], safe='')}/{quote(display_name)}?groupId={path[1]}&tenantId={tenant_id}"
        return {
            "id": path[-1],
            "createdDateTime": timestamp(self._store.now()),
            "displayName": display_name,
            "description": None,
            "isFavoriteByDefault": None,
            # Notifications leave a channel's address out.
            "email": None,
            "tenantId": tenant_id,
            "webUrl": f"https://teams.microsoft.com/l/channel/{link}",
            "membershipType": membership_type,
            "isArchived": False,
        }
