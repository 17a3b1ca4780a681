"""What is there in the simulated Teams, by path and by collection? Every change to it is reported.

Source: https://learn.microsoft.com/en-us/graph/api/resources/teams-api-overview
"""

import copy
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType

from sandbox.clock import Clock
from sandbox.teams.ids import Ids
from sandbox.teams.values import Change, ChangeType, Context, Entity, Path, Thing, User

# The spelling differs from kind to kind in Microsoft's own samples, and live.
# Source: https://learn.microsoft.com/en-us/graph/teams-change-notification-in-microsoft-teams-overview
ODATA_TYPES = {
    "chats": "#microsoft.graph.chat",
    "messages": "#Microsoft.Graph.chatMessage",
    "replies": "#Microsoft.Graph.chatMessage",
    "teams": "#Microsoft.Graph.Team",
    "channels": "#Microsoft.Graph.Channel",
    "members": "#Microsoft.Graph.aadUserConversationMember",
    "allMembers": "#Microsoft.Graph.aadUserConversationMember",
    "sharedWithTeams": "#Microsoft.Graph.sharedWithChannelTeamInfo",
}


class Store:
    """Entities by path; what leaves the simulated Teams (views, changes) is a copy."""

    def __init__(self, clock: Clock, *, seed: int) -> None:
        self.ids = Ids(seed)
        self._listeners: list[Callable[[Change], None]] = []
        self._clock = clock
        self._entities: dict[Path, Entity] = {}
        # What is directly in a collection, and the running number of what happened to each thing last.
        self._collections: dict[Path, dict[Path, None]] = {}
        self._versions: dict[Path, int] = {}
        self._latest = 0
        self._tenants: dict[Path, str] = {}
        self._users: dict[str, User] = {}
        self._apps: dict[Path, set[str]] = {}

    def listen(self, listener: Callable[[Change], None]) -> None:
        """Call ``listener`` with every change from here on."""
        self._listeners.append(listener)

    def now(self) -> datetime:
        """Return the time in UTC, in the whole milliseconds that Teams keeps."""
        now = self._clock.now().astimezone(UTC)
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    def add_user(self, tenant_id: str, display_name: str) -> User:
        """Return a person who is known from here on."""
        mailbox = ".".join(display_name.lower().split())
        user = User(
            id=self.ids.guid(), tenant_id=tenant_id, display_name=display_name, email=f"{mailbox}@contoso.example"
        )
        self._users[user.id] = user
        return user

    def admit(self, path: Path, tenant_id: str) -> None:
        """Say which tenant a thing belongs to, and with it everything below."""
        self._tenants[path] = tenant_id

    def tenant_of(self, path: Path) -> str:
        """Return the tenant of a thing.

        Raises:
            KeyError: neither it nor what it is part of is known.
        """
        return self._tenants[next((part for part in _prefixes(path) if part in self._tenants), path)]

    def require(self, path: Path) -> Entity:
        """Return an entity, which operations replace and never change.

        Raises:
            LookupError: nothing is at this path (any more).
        """
        if path not in self._entities:
            raise LookupError(f"nothing at {'/'.join(path)}")
        return self._entities[path]

    def get(self, path: Path, *, tenant_id: str) -> Entity | None:
        """Return a copy of an entity if the tenant has it."""
        return copy.deepcopy(self._entities[path]) if self._has(path, tenant_id) else None

    def exists(self, path: Path, *, tenant_id: str) -> bool:
        """Return whether the tenant has the thing or the person."""
        if path[0] == "users":
            user = self._users.get(path[1])
            return user is not None and user.tenant_id == tenant_id
        return self._has(path, tenant_id)

    def members_of(self, chat_id: str) -> tuple[str, ...]:
        """Return the user ids of a chat's members."""
        return tuple(member["userId"] for member in self._entities.get(("chats", chat_id), {}).get("members", ()))

    def members_of_team(self, team: Path) -> tuple[Entity, ...]:
        """Return the memberships of a team, the oldest first."""
        return tuple(self._entities[path] for path in self._collections.get((*team, "members"), ()))

    def install(self, app_id: str, chat: Path) -> None:
        """Have an app in a chat."""
        self._apps.setdefault(chat, set()).add(app_id)

    def put(
        self, change_type: ChangeType, path: Path, entity: Entity, *, context: Context = MappingProxyType({})
    ) -> Path:
        """Keep an entity as it looks after a change, report the change, and return its path."""
        self._latest += 1
        self._entities[path], self._versions[path] = entity, self._latest
        self._collections.setdefault(path[:-1], {})[path] = None
        self.report(self.change(change_type, path, entity, context=context))
        return path

    def remove(self, path: Path, *, context: Context = MappingProxyType({})) -> None:
        """Forget an entity and all that is below it, and report the deletion of the entity itself.

        Raises:
            LookupError: nothing is at this path (any more).
        """
        entity = self.require(path)
        for below in [other for other in self._entities if other[: len(path)] == path]:
            del self._entities[below], self._versions[below], self._collections[below[:-1]][below]
        self.report(self.change("deleted", path, entity, context=context))

    def change(self, change_type: ChangeType, path: Path, entity: Entity, *, context: Context) -> Change:
        """Return a change that happens at this moment.

        Raises:
            KeyError: the tenant of the path is unknown.
        """
        if path[0] == "chats":
            context = {**context, "user": self.members_of(path[1]), "app": tuple(sorted(self._apps.get(path[:2], ())))}
        return Change(
            tenant_id=self.tenant_of(path),
            change_type=change_type,
            path=path,
            odata_type=ODATA_TYPES[path[-2]],
            entity=entity,
            when=self._clock.now(),
            context=context,
        )

    def report(self, change: Change) -> None:
        """Call the listeners with a change, with a copy of the entity."""
        reported = replace(change, entity=copy.deepcopy(change.entity))
        for listener in self._listeners:
            listener(reported)

    def things_in(self, collection: Path, *, tenant_id: str) -> Iterator[Thing]:
        """Yield what a tenant has directly in a collection such as ``("chats",)``, the oldest first."""
        for path in self._collections.get(collection, ()):
            if self._has(path, tenant_id):
                yield Thing(path=path, entity=self._entities[path], version=self._versions[path])

    def users_of(self, tenant_id: str) -> tuple[User, ...]:
        """Return the people of a tenant, in the order in which they came."""
        return tuple(user for user in self._users.values() if user.tenant_id == tenant_id)

    def _has(self, path: Path, tenant_id: str) -> bool:
        return path in self._entities and self.tenant_of(path) == tenant_id


def _prefixes(path: Path) -> Iterator[Path]:
    return (path[:length] for length in range(len(path), 0, -1))


def timestamp(when: datetime) -> str:
    """Return a time as the Teams service writes it: UTC, milliseconds, ``Z``."""
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")


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
