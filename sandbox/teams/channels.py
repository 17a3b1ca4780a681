"""Channels of the simulated Teams, and who is in the private and shared ones.

Source: https://learn.microsoft.com/en-us/graph/api/resources/channel
"""

from collections.abc import Sequence
from typing import Literal
from urllib.parse import quote

from sandbox.teams import ids
from sandbox.teams.members import membership
from sandbox.teams.sharing import Sharing
from sandbox.teams.store import Store, timestamp
from sandbox.teams.values import Context, Entity, Path, User

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
