"""Which subscriptions a change belongs to: the catalogue's rows as a look-up instead of a search.

Source: https://learn.microsoft.com/en-us/graph/teams-change-notification-in-microsoft-teams-overview
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping

from sandbox.graph.catalogue import CATALOGUE
from sandbox.graph.filters import lets_through
from sandbox.graph.paths import bind, fill, segments
from sandbox.graph.resource_type import ResourceType
from sandbox.graph.subscription import Subscription
from sandbox.teams import Change

_TEXTS = re.compile("'([^']*)'")


def _rows_by_cover() -> Mapping[tuple[int, str], list[tuple[str, str]]]:
    rows = defaultdict(list)
    for row in CATALOGUE:
        for cover in row.covers:
            rows[cover.count("/") + 1, cover.partition("/")[0]].append((cover, row.template))
    return rows


_ROWS_BY_COVER = _rows_by_cover()


def named_in(row: ResourceType, key: str) -> Iterator[tuple[str, ...]]:
    """Yield the path of every chat, team, channel and person that a subscription's path names."""
    parts = tuple(key.split("/"))
    for index, pattern in enumerate(row.template.split("/")):
        if pattern in {"{chat}", "{team}", "{channel}", "{user}"} and parts[0] in {"chats", "teams", "users"}:
            yield parts[: index + 1]


def keys_of(change: Change) -> Iterator[str]:
    """Yield the path of every subscription that would hear of a change, in its one spelling."""
    for cover, template in _ROWS_BY_COVER.get((len(change.path), change.path[0]), ()):
        bound = bind(cover, change.path)
        if bound is not None:
            yield from _keys(template, bound, change)


def _keys(template: str, bound: Mapping[str, str], change: Change) -> Iterator[str]:
    # A user's chats are the chats that the user is in, an app's those that it is installed in.
    missing = next((name for name in ("user", "app") if f"{{{name}}}" in template and name not in bound), None)
    if missing is None:
        yield fill(template, bound)
        return
    for value in change.context.get(missing, ()):
        yield fill(template, {**bound, missing: value})


def passes(subscription: Subscription, change: Change) -> bool:
    """Return whether a change that belongs to a subscription's path gets through its options, and is told at all."""
    options, row = subscription.options, subscription.resource_type
    if "search" in options:
        word = options["search"].strip("\"'").casefold()
        if word not in change.entity["body"]["content"].casefold():
            return False
    if "filter" in options and not lets_through(options["filter"], row.entity, change):
        return False
    return _is_told(row, options, change) and _has_organizer(subscription, change)


def _is_told(row: ResourceType, options: Mapping[str, str], change: Change) -> bool:
    if row.entity == "teamsAppInstallation":
        return not _is_kept_quiet(options, change)
    if row.template == "teams/getAllChannels/getAllMembers":
        return change.context["membershipType"] == ("private",)
    if change.path[-2] == "allMembers":
        suppressed = options.get("suppressNotificationWhenSharedUnsharedWithTeam") == "true"
        indirect = options.get("notifyOnIndirectMembershipUpdate") == "true"
        return indirect and not (suppressed and change.context["reason"] == ("team",))
    return True


def _is_kept_quiet(options: Mapping[str, str], change: Change) -> bool:
    # Whoever has only the consent of single resources loses it with the installation, and hears of no deletion.
    # Source: https://learn.microsoft.com/en-us/graph/teams-changenotifications-appinstallation
    if change.change_type == "deleted":
        return options.get("useResourceSpecificConsentBasedAuthorization") == "true"
    # Source: https://developer.microsoft.com/en-us/graph/known-issues (change notifications, updates in chats)
    return change.change_type == "updated" and change.context["scope"] == ("groupChat",)


def _has_organizer(subscription: Subscription, change: Change) -> bool:
    if "{*organizers}" not in subscription.resource_type.template:
        return True
    wanted = _TEXTS.findall(segments(subscription.resource.partition("?")[0])[-1])
    return not set(wanted).isdisjoint(change.context.get("organizer", ()))
