"""The simulated Microsoft Teams: people write, rename, join and leave; every change is reported to the listeners.

Source: https://learn.microsoft.com/en-us/graph/api/resources/teams-api-overview
"""

from collections.abc import Callable

from sandbox.clock import Clock
from sandbox.teams.channels import Channels
from sandbox.teams.chats import Chats
from sandbox.teams.messages import Messages
from sandbox.teams.samples import Samples
from sandbox.teams.store import Contents, Store
from sandbox.teams.teams import TeamsOfTenant
from sandbox.teams.values import Change, Entity, Path, Thing, User

__all__ = ["Change", "Entity", "Path", "Teams", "Thing", "User"]


class Teams:
    """The Teams of one or more tenants; things are addressed by path, such as ``("chats", id, "messages", id)``.

    Its operations belong in the event loop of the services: a listener is called before an operation returns.
    The same seed gives the same ids; times come from the clock.
    """

    def __init__(self, clock: Clock, *, seed: int = 0) -> None:
        self._store = Store(clock, seed=seed)
        self.chats = Chats(self._store)
        self.messages = Messages(self._store)
        self.channels = Channels(self._store)
        self.teams = TeamsOfTenant(self._store, self.channels)
        self.samples = Samples(self._store)
        self.contents = Contents(self._store)

    def listen(self, listener: Callable[[Change], None]) -> None:
        """Call ``listener`` with every change from here on."""
        self._store.listen(listener)

    def add_tenant(self) -> str:
        """Return the id of a tenant without any people."""
        return self._store.ids.guid()

    def add_user(self, tenant_id: str, display_name: str) -> User:
        """Return a person of the tenant; joining an organisation is no change of Teams."""
        return self._store.add_user(tenant_id, display_name)

    def get(self, path: Path, *, tenant_id: str) -> Entity | None:
        """Return what Graph answers a GET of ``path`` with; None if the tenant has no such thing (any more).

        A deleted message is still there, with ``deletedDateTime`` and without its text: Teams deletes softly.
        """
        return self._store.get(path, tenant_id=tenant_id)

    def exists(self, path: Path, *, tenant_id: str) -> bool:
        """Return whether the tenant has the thing; ``("users", id)`` asks for a person."""
        return self._store.exists(path, tenant_id=tenant_id)

    def can_see(self, path: Path, *, user_id: str) -> bool:
        """Return whether a person is a member of the chat or team that a path leads into; a person sees only oneself.

        Raises:
            ValueError: the path leads elsewhere.
        """
        match path:
            case ("chats", chat_id, *_):
                return user_id in self._store.members_of(chat_id)
            case ("teams", team_id, *_):
                return any(member["userId"] == user_id for member in self._store.members_of_team(("teams", team_id)))
            case ("users", person_id, *_):
                return user_id == person_id
        raise ValueError(f"not in a chat or team, and no person: {'/'.join(path)}")
