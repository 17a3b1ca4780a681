"""What does a request for a list ask for? What the Teams service does not know of its query options, it refuses.

Source: https://learn.microsoft.com/en-us/graph/query-parameters
"""

import re
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from urllib.parse import quote, urlencode

from multidict import MultiMapping

from sandbox.graph.errors import Refused
from sandbox.graph.reading.link_tokens import Paging
from sandbox.teams import Entity, Path, Teams

type Key = tuple[str | int, ...]

MODIFIED = "lastModifiedDateTime"
TOKENS = frozenset({"skiptoken", "deltatoken"})
_MODIFIED_AFTER = re.compile(
    rf"{MODIFIED} gt (\d{{4}}-\d\d-\d\d[Tt]\d\d:\d\d(:\d\d(\.\d{{1,12}})?)?([Zz]|[+-]\d\d:\d\d))", re.ASCII
)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One item of a list, and the key that its place there depends on."""

    key: Key
    entity: Entity = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request for a list: in which tenant, of what, with which options (names without the ``$``)."""

    teams: Teams
    tenant_id: str
    path: Path
    options: Mapping[str, str]
    address: str
    """The URL of the request without its query."""
    paging: Paging

    @property
    def bound(self) -> dict[str, object]:
        """What a token of this request can be used for."""
        return {"path": list(self.path), "tenant": self.tenant_id}

    @property
    def expanded(self) -> frozenset[str]:
        """The navigation properties that are asked for."""
        return _names(self.options.get("expand", ""))

    def modified_after(self) -> datetime | None:
        """Return the exclusive bound of the filter; None without a filter.

        Raises:
            Refused: with 400, the filter is another one.
        """
        text = self.options.get("filter")
        if text is None:
            return None
        match = _MODIFIED_AFTER.fullmatch(text.strip())
        try:
            return datetime.fromisoformat(match[1].upper()) if match else _no_filter(text)
        except ValueError:
            return _no_filter(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One list: its address, who may read it, which options it takes, and where its items come from."""

    template: str
    items: Callable[[Asked], Iterable[Item]]
    permissions: tuple[str, ...]
    """Of applications: the app reads nothing in the name of a user."""
    throttle: str
    options: frozenset[str] = frozenset()
    per_resource: int = 0
    """How many segments of the path name what the throttle counts by; 0 for nothing."""
    page: int = 100
    """How many items are on a page unless ``$top`` says otherwise."""
    most: int = 999
    """The largest ``$top``."""
    newest_first: bool = False
    expandable: frozenset[str] = frozenset()
    context: str | None = None
    """The type in ``@odata.context``; None where that names the path."""
    is_delta: bool = False


def read_options(query: MultiMapping[str], row: Listing) -> dict[str, str]:
    """Return the options by lower-case name, without the ``$`` that may be left out.

    Raises:
        Refused: with 400, an option is not for this list, or is there twice.
    """
    found: dict[str, str] = {}
    for spelled, value in query.items():
        name = spelled.removeprefix("$").lower()
        if name not in row.options | TOKENS or (name == "deltatoken" and not row.is_delta):
            # Source: https://learn.microsoft.com/en-us/aspnet/web-api/overview/odata-support-in-aspnet-web-api
            raise bad_query(
                f"Query option '{spelled.removeprefix('$')}' is not allowed. To allow it, set the "
                "'AllowedQueryOptions' property on EnableQueryAttribute or QueryValidationSettings."
            )
        if name in found:
            raise bad_query(
                f"Query option '{spelled}' was specified more than once, but it must be specified at most once."
            )
        found[name] = value
    if "expand" in found and not _names(found["expand"]) <= row.expandable:
        raise bad_query(f"The property '{found['expand']}' cannot be used in the $expand query option.")
    return found


def page_size(options: Mapping[str, str], row: Listing) -> int:
    """Return how many items the caller wants on a page.

    Raises:
        Refused: with 400, ``$top`` is no number from 1 to the most that there may be.
    """
    text = options.get("top")
    if text is None:
        return row.page
    if not (text.isascii() and text.isdecimal() and len(text) < len("1000000000")):
        raise bad_query(
            f"Invalid value '{text}' for $top query option found. "
            "The $top query option requires a non-negative integer value."
        )
    if int(text) > row.most:
        # Source: https://github.com/microsoftgraph/msgraph-sdk-powershell/issues/1248
        raise bad_query(
            f"The limit of '{row.most}' for Top query has been exceeded. "
            f"The value from the incoming request is '{int(text)}'."
        )
    if int(text) == 0:
        raise bad_query(
            "Invalid value '0' for $top query option found. The $top query option requires a positive integer."
        )
    return int(text)


def shown(entity: Entity, collection: str, expanded: Container[str]) -> Entity:
    """Return an entity without the navigation properties that were not asked for."""
    hidden = _NAVIGATION.get(collection, frozenset())
    return {name: value for name, value in entity.items() if name not in hidden or name in expanded}


def selected(entity: Entity, options: Mapping[str, str]) -> Entity:
    """Return the properties that ``$select`` names, and the annotations; everything if there is no ``$select``.

    Raises:
        Refused: with 400, the entity has no such property.
    """
    if "select" not in options:
        return entity
    names = _names(options["select"])
    unknown = sorted(names - entity.keys())
    if unknown:
        message = f"Parsing OData Select and Expand failed: Could not find a property named '{unknown[0]}'."
        raise Refused(400, "BadRequest", message)
    return {name: value for name, value in entity.items() if name in names or name.startswith("@")}


def as_query(options: Mapping[str, str], **tokens: str) -> str:
    """Return the query of a link that asks with the same options, and with the tokens."""
    pairs = {name: value for name, value in options.items() if name not in TOKENS} | tokens
    return urlencode([(f"${name}", value) for name, value in pairs.items()], quote_via=quote, safe="$'(),:/")


def bad_query(message: str) -> Refused:
    """Return the refusal of a query that can never succeed as it is."""
    return Refused(400, "BadRequest", f"The query specified in the URI is not valid. {message}")


def _no_filter(text: str) -> datetime:
    raise bad_query(f"The $filter query option is not supported here: '{text}'.")


def _names(text: str) -> frozenset[str]:
    return frozenset(name.strip() for name in text.split(","))
