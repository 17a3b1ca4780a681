"""Validation of a subscription: the path's row in the catalogue, and the reasons why Graph would refuse it.

Source: https://learn.microsoft.com/graph/teams-change-notification-in-microsoft-teams-overview
"""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from urllib.parse import unquote

from shared.resources.catalogue import CATALOGUE, ResourceType
from shared.resources.paths import canonical_path

_QUOTED = re.compile("'[^']*'")

# The format of ids, so that a misspelled name is not taken for an id.
_ID_FORMS: Mapping[str, str] = {
    "chat-id": "19:[^/]+",
    "channel-id": "19:[^/]+",
    "team-id": "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
}


def find_resource_type(resource: str) -> ResourceType | None:
    """Return the catalogue's row for the path of a subscription, in any spelling and with any query options."""
    path = canonical_path(resource.partition("?")[0])
    return next(
        (resource_type for resource_type, pattern in _PATTERNS.get(path.count("/"), ()) if pattern.fullmatch(path)),
        None,
    )


def is_beta(resource: str) -> bool:
    """Return whether only Graph's beta endpoint has the path."""
    resource_type = find_resource_type(resource)
    return resource_type is not None and resource_type.beta


def validation_errors(
    resource: str, *, change_types: frozenset[str], include_resource_data: bool, fetch: bool, delegated: bool
) -> Iterator[str]:
    """Return the reasons why Graph would refuse a subscription; each is a sentence that says what to change.

    ``fetch`` and ``delegated``: see ``shared.subscriptions.desired.DesiredSubscription``.
    """
    rules = find_resource_type(resource)
    if rules is None:
        yield f"{resource} is not a Teams path that an app can subscribe to{_suggestion(resource)}"
        return
    if delegated and not rules.permissions.delegated:
        yield f"{rules.path} does not work for a signed-in user: remove delegated"
    if not delegated and not rules.permissions.application:
        yield f"{rules.path} works only for a signed-in user: set delegated, and run: python -m cli login"
    if not change_types <= rules.change_types:
        yield f"{rules.path} reports only {' and '.join(sorted(rules.change_types))}: fix changeType"
    if include_resource_data and not rules.resource_data:
        yield f"{rules.path} has no resource data: remove includeResourceData"
    if fetch and not rules.fetchable:
        yield f"{rules.path} cannot be fetched, because Graph has no GET for it: remove fetch"
    if rules.resource_data_only and not include_resource_data:
        yield f"{rules.path} works only with resource data: set includeResourceData"
    unknown = _options(resource) - rules.options
    if unknown:
        allowed = ", ".join(sorted(rules.options)) or "none"
        yield f"{rules.path} does not accept the option {', '.join(sorted(unknown))} (it accepts: {allowed})"
    if rules.max_filtered is not None and not 0 < _count_filter_values(resource) <= rules.max_filtered:
        yield f"{rules.path} needs ?$filter=id in ('<user id>', ...) with 1 to {rules.max_filtered} ids"


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


def _count_filter_values(resource: str) -> int:
    """Return the number of quoted strings in the query; only the filter has any."""
    return len(_QUOTED.findall(unquote(resource.partition("?")[2])))


def _suggestion(resource: str) -> str:
    matches = difflib.get_close_matches(
        f"/{resource.strip('/')}", [resource_type.path for resource_type in CATALOGUE], n=1
    )
    return f"; did you mean {matches[0]}?" if matches else ""


def _by_depth(resource_types: Iterable[ResourceType]) -> Mapping[int, Sequence[tuple[ResourceType, re.Pattern[str]]]]:
    """Return the rows and their patterns by the number of slashes in a path, as no id contains one."""
    patterns: dict[int, list[tuple[ResourceType, re.Pattern[str]]]] = {}
    for resource_type in resource_types:
        patterns.setdefault(resource_type.path.strip("/").count("/"), []).append(
            (resource_type, _pattern(resource_type.path))
        )
    return patterns


# Paths without ids come first, because a name also matches the pattern of an id.
_PATTERNS = _by_depth(sorted(CATALOGUE, key=lambda resource_type: resource_type.path.count("{")))
