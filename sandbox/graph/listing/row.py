"""What a list of Graph's is: its address, who may read it, which options it takes, and where its things come from."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from sandbox.graph.callers import Caller
from sandbox.graph.errors import Refused
from sandbox.graph.listing.paging import Paging
from sandbox.teams import Entity, Path, Teams

type Key = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing in a list, and the key that its place there depends on."""

    key: Key
    entity: Entity = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request for a list: whose data, by whom, of what, with which options (names without the ``$``)."""

    teams: Teams
    who: Caller
    path: Path
    options: Mapping[str, str]
    address: str
    """The URL of the request without its query."""
    paging: Paging

    @property
    def bound(self) -> dict[str, object]:
        """What a token of this request's can be used for."""
        return {"path": list(self.path), "tenant": self.who.tenant_id}

    @property
    def expanded(self) -> frozenset[str]:
        """The navigation properties that are asked for."""
        return frozenset(name.strip() for name in self.options.get("expand", "").split(",") if name.strip())

    def user_id(self) -> str:
        """Return the id of the person whom the path names by id or user principal name.

        Raises:
            Refused: with 404, the tenant has nobody of that name.
        """
        user = self.teams.contents.user(self.path[1], tenant_id=self.who.tenant_id)
        if user is None:
            raise Refused(404, "Request_ResourceNotFound", f"Resource '{self.path[1]}' does not exist.")
        return user.id


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One list. Where nobody of a kind may read it, the permissions of that kind are empty."""

    template: str
    items: Callable[[Asked], Iterable[Item]]
    application: tuple[str, ...]
    delegated: tuple[str, ...]
    throttle: str
    options: frozenset[str]
    per_resource: int = 0
    """How many segments of the path name what the throttle counts by; 0 for nothing."""
    page: int = 100
    """How many things are on a page unless ``$top`` says otherwise."""
    most: int = 999
    """The largest ``$top``."""
    newest_first: bool = False
    expandable: frozenset[str] = frozenset()
    context: str | None = None
    """The type in ``@odata.context``; None where that names the path."""
    counted: bool = True
    """Whether the answer has ``@odata.count``, the number of things on the page."""
    is_delta: bool = False
