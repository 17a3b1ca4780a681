"""The query options of a request for a list, read as the Teams service reads them: what it does not know it refuses.

Source: https://learn.microsoft.com/en-us/graph/query-parameters
"""

from collections.abc import Mapping
from urllib.parse import quote, urlencode

from multidict import MultiMapping

from sandbox.graph.errors import Refused
from sandbox.graph.listing.row import Listing
from sandbox.teams import Entity

TOKENS = frozenset({"skiptoken", "deltatoken"})
_ODATA = {"top", "skip", "filter", "orderby", "expand", "select", "count", "search"} | TOKENS


def read(query: MultiMapping[str], row: Listing) -> dict[str, str]:
    """Return the options by lower-case name, without the ``$`` that may be left out.

    Raises:
        Refused: with 400, an option is not for this list, or is there twice.
    """
    found: dict[str, str] = {}
    for spelled, value in query.items():
        name = spelled.removeprefix("$").lower()
        if name not in row.options:
            # Source: https://learn.microsoft.com/en-us/aspnet/web-api/overview/odata-support-in-aspnet-web-api
            raise invalid(
                f"Query option '{spelled.removeprefix('$')}' is not allowed. To allow it, set the "
                "'AllowedQueryOptions' property on EnableQueryAttribute or QueryValidationSettings."
            )
        if name in found:
            raise invalid(
                f"Query option '{spelled}' was specified more than once, but it must be specified at most once."
            )
        found[name] = value
    _check_expand(found, row)
    return found


def size(options: Mapping[str, str], row: Listing) -> int:
    """Return how many things the caller wants on a page.

    Raises:
        Refused: with 400, ``$top`` is no number from 1 to the most that there may be.
    """
    asked = whole_number(options, "top", otherwise=row.page)
    if asked > row.most:
        # Source: https://github.com/microsoftgraph/msgraph-sdk-powershell/issues/1248
        raise invalid(
            f"The limit of '{row.most}' for Top query has been exceeded. "
            f"The value from the incoming request is '{asked}'."
        )
    if asked == 0:
        raise invalid(
            "Invalid value '0' for $top query option found. The $top query option requires a positive integer."
        )
    return asked


def whole_number(options: Mapping[str, str], name: str, *, otherwise: int) -> int:
    """Return the number that an option gives.

    Raises:
        Refused: with 400, it is none, or has ten digits or more.
    """
    text = options.get(name)
    if text is None:
        return otherwise
    if not (text.isascii() and text.isdecimal() and len(text) < len("1000000000")):
        raise invalid(
            f"Invalid value '{text}' for ${name} query option found. "
            f"The ${name} query option requires a non-negative integer value."
        )
    return int(text)


def selected(entity: Entity, options: Mapping[str, str]) -> Entity:
    """Return the properties that ``$select`` names, and the annotations; everything if there is no ``$select``.

    Raises:
        Refused: with 400, the entity has no such property.
    """
    if "select" not in options:
        return entity
    names = {name.strip() for name in options["select"].split(",")}
    unknown = sorted(names - entity.keys())
    if unknown:
        raise Refused(
            400,
            "BadRequest",
            f"Parsing OData Select and Expand failed: Could not find a property named '{unknown[0]}'.",
        )
    return {name: value for name, value in entity.items() if name in names or name.startswith("@")}


def as_query(options: Mapping[str, str], **tokens: str) -> str:
    """Return the query of a link that asks with the same options, and with the tokens."""
    pairs = [(f"${name}" if name in _ODATA else name, value) for name, value in options.items() if name not in TOKENS]
    pairs += [(f"${name}", value) for name, value in tokens.items()]
    return urlencode(pairs, quote_via=quote, safe="$'(),:/")


def invalid(message: str) -> Refused:
    """Return the refusal of a query that can never succeed as it is."""
    return Refused(400, "BadRequest", f"The query specified in the URI is not valid. {message}")


def _check_expand(found: Mapping[str, str], row: Listing) -> None:
    for name in found.get("expand", "").split(","):
        if "expand" in found and name.strip() not in row.expandable:
            raise invalid(f"The property '{name}' cannot be used in the $expand query option.")
