"""What a caller of Graph's GETs may do, and what of a thing an answer shows.

Sources: https://learn.microsoft.com/en-us/graph/permissions-overview, https://learn.microsoft.com/en-us/graph/query-parameters
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from types import MappingProxyType

from sandbox.graph.callers import Caller
from sandbox.graph.errors import Refused
from sandbox.teams import Entity

_MESSAGE = frozenset({"replies", "hostedContents"})
# Notifications carry these (mostly empty); a GET leaves them out unless it asks for them with $expand.
_NAVIGATION: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "chats": frozenset(
            {"members", "messages", "installedApps", "tabs", "permissionGrants", "operations", "pinnedMessages"}
        ),
        "messages": _MESSAGE,
        "replies": _MESSAGE,
    }
)


def require(who: Caller, permissions: Sequence[str]) -> None:
    """Look whether a token holds one of the permissions; without any, nobody of this kind may.

    Raises:
        Refused: with 403; it names what is needed and what there is.
    """
    if who.may(permissions):
        return
    kind, held = ("role", who.roles) if who.user_id is None else ("scope", who.scopes)
    if not permissions:
        context = "application-only" if who.user_id is None else "delegated"
        raise Refused(403, "Forbidden", f"Requested API is not supported in {context} context.")
    raise Refused(
        403,
        "Forbidden",
        f"Missing {kind} permissions on the request. API requires one of '{', '.join(permissions)}'. "
        f"{kind.capitalize()}s on the request '{_listed(held)}'.",
    )


def shown(entity: Entity, collection: str, expanded: Container[str]) -> Entity:
    """Return a thing without the navigation properties that nobody asked for."""
    hidden = _NAVIGATION.get(collection, frozenset())
    return {name: value for name, value in entity.items() if name not in hidden or name in expanded}


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
