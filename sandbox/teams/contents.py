"""What there is in the simulated Teams, by collection: who and what a list would have in it.

Source: https://learn.microsoft.com/en-us/graph/api/resources/teams-api-overview
"""

from collections.abc import Iterator

from sandbox.teams.sharing import Sharing
from sandbox.teams.store import Store
from sandbox.teams.values import Entity, Path, Thing, User


class Contents:
    """The collections of every tenant; to a tenant that does not have one, it is empty."""

    def __init__(self, store: Store, sharing: Sharing) -> None:
        self._store = store
        self._sharing = sharing

    def of(self, collection: Path, *, tenant_id: str) -> Iterator[Thing]:
        """Yield what is directly in a collection such as ``("chats", id, "messages")``, the oldest first."""
        return self._store.things_in(collection, tenant_id=tenant_id)

    def users(self, tenant_id: str) -> tuple[User, ...]:
        """Return the people of a tenant, in the order in which they came."""
        return self._store.users_of(tenant_id)

    def user(self, name: str, *, tenant_id: str) -> User | None:
        """Return the person of that id or user principal name."""
        known = (user for user in self._store.users_of(tenant_id) if name in {user.id, user.email})
        return next(known, None)

    def chats_of(self, user_id: str, *, tenant_id: str) -> Iterator[Thing]:
        """Yield the chats that a person is a member of."""
        for chat in self.of(("chats",), tenant_id=tenant_id):
            if user_id in self._store.members_of(chat.path[1]):
                yield chat

    def incoming_channels(self, team: Path) -> Iterator[tuple[Path, Entity]]:
        """Yield the channels that other teams share with a team."""
        for channel in self._sharing.shared_with(team):
            entity = self._store.get(channel, tenant_id=self._store.tenant_of(channel))
            if entity is not None:
                yield channel, entity

    def members_of_channel(self, channel: Path, *, tenant_id: str) -> tuple[Entity, ...]:
        """Return the direct memberships of a channel, which for a standard one are those of its team."""
        is_standard = self._store.require(channel)["membershipType"] == "standard"
        members = (*(channel[:2] if is_standard else channel), "members")
        return tuple(thing.entity for thing in self.of(members, tenant_id=tenant_id))

    def indirect_members(self, channel: Path) -> tuple[Entity, ...]:
        """Return the memberships of those who are in a channel by being in a team that shares it."""
        return self._sharing.indirect_members(channel)
