"""What there is in the simulated Teams, by path, and the telling of every change."""

import copy
from collections.abc import Callable
from datetime import UTC, datetime

from sandbox.clock import Clock
from sandbox.teams.ids import Ids
from sandbox.teams.values import Change, ChangeType, Entity, Path, User

# The spelling differs from kind to kind in Microsoft's own samples, and live.
# Source: https://learn.microsoft.com/en-us/graph/teams-change-notification-in-microsoft-teams-overview
ODATA_TYPES = {
    "chats": "#microsoft.graph.chat",
    "messages": "#Microsoft.Graph.chatMessage",
    "replies": "#Microsoft.Graph.chatMessage",
    "teams": "#Microsoft.Graph.Team",
    "channels": "#Microsoft.Graph.Channel",
    "members": "#Microsoft.Graph.aadUserConversationMember",
}


class Store:
    """Entities by path; what leaves the simulated Teams (views, changes) is a copy."""

    def __init__(self, clock: Clock, *, seed: int) -> None:
        self.ids = Ids(seed)
        self._listeners: list[Callable[[Change], None]] = []
        self._clock = clock
        self._entities: dict[Path, Entity] = {}
        self._tenants: dict[Path, str] = {}
        self._users: dict[str, User] = {}

    def listen(self, listener: Callable[[Change], None]) -> None:
        """Have every change from here on told to ``listener``."""
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
        """Say which tenant a chat or team belongs to, and with it everything below."""
        self._tenants[path[:2]] = tenant_id

    def tenant_of(self, path: Path) -> str:
        """Return the tenant of anything in a chat or team.

        Raises:
            KeyError: there is no such chat or team.
        """
        return self._tenants[path[:2]]

    def require(self, path: Path) -> Entity:
        """Return an entity, which operations replace and never change.

        Raises:
            LookupError: there is none at this path (any more).
        """
        if path not in self._entities:
            raise LookupError(f"nothing at {'/'.join(path)}")
        return self._entities[path]

    def get(self, path: Path, *, tenant_id: str) -> Entity | None:
        """Return a copy of an entity if the tenant has it."""
        if self._tenants.get(path[:2]) != tenant_id or path not in self._entities:
            return None
        return copy.deepcopy(self._entities[path])

    def exists(self, path: Path, *, tenant_id: str) -> bool:
        """Return whether the tenant has the thing or the person."""
        if path[0] == "users":
            user = self._users.get(path[1])
            return user is not None and user.tenant_id == tenant_id
        return self._tenants.get(path[:2]) == tenant_id and path in self._entities

    def members_of(self, chat_id: str) -> tuple[str, ...]:
        """Return the user ids of a chat's members."""
        return tuple(member["userId"] for member in self._entities.get(("chats", chat_id), {}).get("members", ()))

    def put(self, change_type: ChangeType, path: Path, entity: Entity) -> Path:
        """Keep an entity as it looks after a change, tell the listeners, and return its path."""
        self._entities[path] = entity
        self._tell(change_type, path, entity)
        return path

    def remove(self, path: Path) -> None:
        """Forget an entity and all that is below it, and tell the listeners of the entity itself.

        Raises:
            LookupError: there is none at this path (any more).
        """
        entity = self.require(path)
        for below in [other for other in self._entities if other[: len(path)] == path]:
            del self._entities[below]
        self._tell("deleted", path, entity)

    def _tell(self, change_type: ChangeType, path: Path, entity: Entity) -> None:
        change = Change(
            tenant_id=self.tenant_of(path),
            change_type=change_type,
            path=path,
            odata_type=ODATA_TYPES[path[-2]],
            entity=copy.deepcopy(entity),
            when=self._clock.now(),
        )
        for listener in self._listeners:
            listener(change)


def timestamp(when: datetime) -> str:
    """Return a time as the Teams service writes it: UTC, milliseconds, ``Z``."""
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")
