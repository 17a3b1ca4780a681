"""Which teams are there, and who is in them? Teams are groups of people, with channels.

Source: https://learn.microsoft.com/en-us/graph/api/resources/team
"""

from collections.abc import Sequence

from sandbox.teams import ids
from sandbox.teams.channels import Channels
from sandbox.teams.members import membership
from sandbox.teams.store import Store, timestamp
from sandbox.teams.values import Entity, Path, User

# What a new team may do, as the service sets it.
_SETTINGS: Entity = {
    "memberSettings": {
        "allowCreateUpdateChannels": True,
        "allowDeleteChannels": True,
        "allowAddRemoveApps": True,
        "allowCreateUpdateRemoveTabs": True,
        "allowCreateUpdateRemoveConnectors": True,
        "allowCreatePrivateChannels": True,
    },
    "guestSettings": {"allowCreateUpdateChannels": False, "allowDeleteChannels": False},
    "messagingSettings": {
        "allowUserEditMessages": True,
        "allowUserDeleteMessages": True,
        "allowOwnerDeleteMessages": True,
        "allowTeamMentions": True,
        "allowChannelMentions": True,
    },
    "funSettings": {
        "allowGiphy": True,
        "giphyContentRating": "moderate",
        "allowStickersAndMemes": True,
        "allowCustomMemes": True,
    },
}


class TeamsOfTenant:
    """The teams of every tenant."""

    def __init__(self, store: Store, channels: Channels) -> None:
        self._store = store
        self._channels = channels
        self._threads: dict[Path, str] = {}

    def create(self, owner: User, display_name: str) -> Path:
        """Return the path of a new team, which starts with its owner and the channel "General"."""
        path: Path = ("teams", self._store.ids.guid())
        self._store.admit(path, owner.tenant_id)
        self._threads[path] = self._store.ids.thread("thread.tacv2")
        self._store.put("created", path, self._team(path, display_name))
        self._channels.create(path, "General")
        self.add_member(path, owner, roles=("owner",))
        return path

    def rename(self, team: Path, display_name: str) -> None:
        """Give a team another name.

        Raises:
            LookupError: there is no such team.
        """
        self._store.put("updated", team, self._store.require(team) | {"displayName": display_name})

    def delete(self, team: Path) -> None:
        """Delete a team with its channels and memberships, for which no changes of their own are reported.

        Raises:
            LookupError: there is no such team.
        """
        self._store.remove(team)

    def add_member(self, team: Path, user: User, *, roles: Sequence[str] = ()) -> Path:
        """Return the path of a new membership.

        Raises:
            LookupError: there is no such team.
        """
        self._store.require(team)
        # Decoded, the ids of team memberships start with "0##1##".
        member_id = ids.member("0", "1", self._store.tenant_of(team), self._threads[team], user.id)
        entity = membership(user, member_id, roles=roles)
        path = self._store.put("created", (*team, "members", member_id), entity)
        self._channels.sharing.report_indirectly("created", path, entity)
        return path

    def set_roles(self, member: Path, roles: Sequence[str]) -> None:
        """Change what a member may do: ``("owner",)``, ``("guest",)`` or nothing.

        Raises:
            LookupError: there is no such membership.
        """
        entity = self._store.require(member) | {"roles": list(roles)}
        self._store.put("updated", member, entity)
        self._channels.sharing.report_indirectly("updated", member, entity)

    def remove_member(self, member: Path) -> None:
        """End a membership.

        Raises:
            LookupError: there is no such membership.
        """
        entity = self._store.require(member)
        self._store.remove(member)
        self._channels.sharing.report_indirectly("deleted", member, entity)

    def _team(self, path: Path, display_name: str) -> Entity:
        thread, tenant_id = self._threads[path], self._store.tenant_of(path)
        # Notifications leave discoverySettings and classSettings out.
        return {
            "id": path[1],
            "createdDateTime": timestamp(self._store.now()),
            "displayName": display_name,
            "description": display_name,
            "internalId": thread,
            "classification": None,
            "specialization": "none",
            "visibility": "private",
            "webUrl": f"https://teams.microsoft.com/l/team/{thread}/conversations?groupId={path[1]}&tenantId={tenant_id}",
            "tenantId": tenant_id,
            "isArchived": False,
            "isMembershipLimitedToOwners": False,
            **_SETTINGS,
        }
