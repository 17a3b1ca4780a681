"""What there is in the simulated Teams, by collection: who and what a list would have in it.

Source: https://learn.microsoft.com/en-us/graph/api/resources/teams-api-overview
"""

from collections.abc import Iterator

from sandbox.teams.store import Store
from sandbox.teams.values import Entity, Path, Thing, User


class Contents:
    """The collections of every tenant; to a tenant that does not have one, it is empty."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def of(self, collection: Path, *, tenant_id: str) -> Iterator[Thing]:
        """Yield what is directly in a collection such as ``("chats", id, "messages")``, the oldest first."""
        return self._store.things_in(collection, tenant_id=tenant_id)

    def users(self, tenant_id: str) -> tuple[User, ...]:
        """Return the people of a tenant, in the order in which they came."""
        return self._store.users_of(tenant_id)

    def chats_of(self, user_id: str, *, tenant_id: str) -> Iterator[Thing]:
        """Yield the chats that a person is a member of."""
        for chat in self.of(("chats",), tenant_id=tenant_id):
            if user_id in self._store.members_of(chat.path[1]):
                yield chat

    def members_of_channel(self, channel: Path, *, tenant_id: str) -> tuple[Entity, ...]:
        """Return the direct memberships of a channel, which for a standard one are those of its team."""
        is_standard = self._store.require(channel)["membershipType"] == "standard"
        members = (*(channel[:2] if is_standard else channel), "members")
        return tuple(thing.entity for thing in self.of(members, tenant_id=tenant_id))
