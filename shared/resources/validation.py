"""What Graph allows for a path: its row of the catalogue, and why Graph would refuse a subscription.

Source: https://learn.microsoft.com/graph/teams-change-notification-in-microsoft-teams-overview
"""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from urllib.parse import unquote

from shared.resources.catalogue import CATALOGUE, ResourceType
from shared.resources.paths import canonical_path

_QUOTED = re.compile("'[^']*'")

# What ids look like, where that tells a slip in a name from an id.
_ID_FORMS: Mapping[str, str] = {
    "chat-id": "19:[^/]+",
    "channel-id": "19:[^/]+",
    "team-id": "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
}


def find(resource: str) -> ResourceType | None:
    """Return the catalogue's row for a path to be subscribed to, whatever its spelling and query options."""
    path = canonical_path(resource.partition("?")[0])
    return next((row for row, pattern in _PATTERNS.get(path.count("/"), ()) if pattern.fullmatch(path)), None)


def is_beta(resource: str) -> bool:
    """Return whether only Graph's beta endpoint knows the path."""
    row = find(resource)
    return row is not None and row.beta


def faults(
    resource: str, *, change_types: frozenset[str], include_resource_data: bool, fetch: bool, delegated: bool
) -> Iterator[str]:
    """Return why Graph would refuse this app such a subscription, each as a sentence that says what to change.

    ``fetch`` and ``delegated``: see ``shared.subscriptions.desired.Desired``.
    """
    row = find(resource)
    if row is None:
        yield f"{resource} is no Teams path that can be subscribed to{_hint(resource)}"
        return
    if delegated and not row.permissions.delegated:
        yield f"{row.path} is not for a signed-in user: leave delegated out"
    if not delegated and not row.permissions.application:
        yield f"{row.path} is for a signed-in user only: set delegated, and run: python -m cli login"
    if not change_types <= row.change_types:
        yield f"{row.path} reports {' and '.join(sorted(row.change_types))} only: mend changeType"
    if include_resource_data and not row.resource_data:
        yield f"{row.path} has no resource data: leave includeResourceData out"
    if fetch and not row.fetchable:
        yield f"{row.path} cannot be fetched, Graph has no GET for it: leave fetch out"
    if row.resource_data_only and not include_resource_data:
        yield f"{row.path} comes with resource data only: set includeResourceData"
    unknown = _options(resource) - row.options
    if unknown:
        allowed = ", ".join(sorted(row.options)) or "none"
        yield f"{row.path} does not take the option {', '.join(sorted(unknown))} (it takes: {allowed})"
    if row.max_filtered is not None and not 0 < _named_in_filter(resource) <= row.max_filtered:
        yield f"{row.path} needs ?$filter=id in ('<user id>', ...) with 1 to {row.max_filtered} of them"


def _pattern(template: str) -> re.Pattern[str]:
    parts = re.split(r"\{([^}]*)\}", template.strip("/"))
    texts, names = parts[::2], parts[1::2]
    ids = [_ID_FORMS.get(name, "[^/]+") for name in names]
    return re.compile(
        "".join(re.escape(text) + form for text, form in zip(texts, [*ids, ""], strict=True)), re.IGNORECASE
    )


def _options(resource: str) -> frozenset[str]:
    query = resource.partition("?")[2]
    return frozenset(part.partition("=")[0].removeprefix("$") for part in query.split("&") if part)


def _named_in_filter(resource: str) -> int:
    """Return how many texts in quotes the query options hold, of which only the filter has any."""
    return len(_QUOTED.findall(unquote(resource.partition("?")[2])))


def _hint(resource: str) -> str:
    near = difflib.get_close_matches(f"/{resource.strip('/')}", [row.path for row in CATALOGUE], n=1)
    return f"; did you mean {near[0]}?" if near else ""


def _by_depth(rows: Iterable[ResourceType]) -> Mapping[int, Sequence[tuple[ResourceType, re.Pattern[str]]]]:
    """Return the rows with their patterns, by the number of slashes in a path: no id holds one."""
    patterns: dict[int, list[tuple[ResourceType, re.Pattern[str]]]] = {}
    for row in rows:
        patterns.setdefault(row.path.strip("/").count("/"), []).append((row, _pattern(row.path)))
    return patterns


# Paths without ids first: an id could be spelt like the name in its place.
_PATTERNS = _by_depth(sorted(CATALOGUE, key=lambda row: row.path.count("{")))
