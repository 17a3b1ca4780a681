"""Shared channels: with which teams, and who is in them only by being in one of those teams.

Source: https://learn.microsoft.com/en-us/graph/teams-changenotifications-channelmembership
"""

from sandbox.teams import ids
from sandbox.teams.store import Store
from sandbox.teams.values import ChangeType, Context, Entity, Path

# What the suppression of notifications has to know: whether a person or a whole team has come or gone.
_BY_TEAM: Context = {"reason": ("team",)}
_BY_PERSON: Context = {"reason": ("person",)}


class Sharing:
    """Which channels are shared with which teams."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._channels: dict[Path, list[Path]] = {}

    def share(self, channel: Path, team: Path) -> Path:
        """Return the path of a share; the team's members are told of as indirect members of the channel.

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
        self._tell_of_all("created", channel, team)
        return path

    def unshare(self, share: Path) -> None:
        """End a share; the team's members are told of as gone from the channel.

        Raises:
            LookupError: there is no such share.
        """
        channel, team = share[:4], ("teams", share[-1])
        self._store.remove(share)
        self._channels[team].remove(channel)
        self._tell_of_all("deleted", channel, team)

    def tell_indirectly(self, change_type: ChangeType, member: Path, entity: Entity) -> None:
        """Tell of a change to a team's member once more, in every channel that is shared with the team."""
        for channel in self._channels.get(member[:2], ()):
            if self._store.exists(channel, tenant_id=self._store.tenant_of(channel)):
                self._tell(change_type, channel, (member, entity), _BY_PERSON)

    def _tell_of_all(self, change_type: ChangeType, channel: Path, team: Path) -> None:
        for entity in self._store.members_of_team(team):
            self._tell(change_type, channel, ((*team, "members", entity["id"]), entity), _BY_TEAM)

    def _tell(self, change_type: ChangeType, channel: Path, member: tuple[Path, Entity], reason: Context) -> None:
        told = self._indirect(channel, *member)
        self._store.tell(self._store.change(change_type, (*channel, "allMembers", told["id"]), told, context=reason))

    def _indirect(self, channel: Path, path: Path, entity: Entity) -> Entity:
        tenant_id, team_id = self._store.tenant_of(path[:2]), path[1]
        # Decoded, the ids of indirect memberships start with "0##4##".
        member_id = ids.member("0", "4", self._store.tenant_of(channel), f"{team_id}_{channel[-1]}", entity["userId"])
        # The article spells it with these very slashes.
        origin = f"tenants/('{tenant_id}')teams('{team_id}')/members/('{path[-1]}')"
        return {"@microsoft.graph.originalSourceMembershipUrl": origin} | entity | {"id": member_id}
