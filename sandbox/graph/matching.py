"""Which subscriptions report a change? Those to its path, looked up in the catalogue, whose options it passes.

A ``$filter`` compares one property with texts, joined by ``or``; each article allows its own properties and operators.
Sources: https://learn.microsoft.com/en-us/graph/teams-change-notification-in-microsoft-teams-overview,
https://learn.microsoft.com/en-us/graph/teams-changenotifications-chatmessage,
https://learn.microsoft.com/en-us/graph/teams-changenotifications-appinstallation,
https://learn.microsoft.com/en-us/graph/api/subscription-post-subscriptions (call records),
https://learn.microsoft.com/en-us/graph/aiinteraction-changenotifications-overview
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from sandbox.graph.catalogue import CATALOGUE
from sandbox.graph.paths import bind, fill, segments
from sandbox.graph.resource_type import ResourceType
from sandbox.graph.subscription import Subscription
from sandbox.teams import Change

_TEXT = "'[^']*'"
_TEXTS = re.compile("'([^']*)'")


def _pattern(comparison: str) -> re.Pattern[str]:
    return re.compile(rf"\(?{comparison}( or {comparison})*\)?")


_LEGAL: Mapping[str, re.Pattern[str]] = MappingProxyType(
    {
        "chatMessage": re.compile(rf"mentions/any\((\w+):\s*\1/mentioned/user/id eq {_TEXT}\)"),
        "teamsAppInstallation": _pattern("scopeInfo/scope eq '(?:personal|team|groupChat)'"),
        "callRecord": _pattern(rf"participants/any\(p:\s*p/id (?:eq {_TEXT}|in \({_TEXT}(?:,\s*{_TEXT})*\))\)"),
        # Of the interaction's own properties; those of what is in it, such as from/user/id, are refused.
        "presence": re.compile(rf"id in \({_TEXT}(?:,\s*{_TEXT}){{0,649}}\)"),
        "aiInteraction": _pattern(rf"\w+ (?:eq|ne) {_TEXT}"),
    }
)


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
    """Yield the path of every subscription that a change belongs to, in its one spelling."""
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


def reports(subscription: Subscription, change: Change) -> bool:
    """Return whether a subscription reports a change that belongs to its path: by its change types and its options."""
    options, row = subscription.options, subscription.resource_type
    if change.change_type not in subscription.change_types:
        return False
    if "search" in options:
        word = options["search"].strip("\"'").casefold()
        if word not in change.entity["body"]["content"].casefold():
            return False
    if "filter" in options and not _PASSES[row.entity](options["filter"], change):
        return False
    return _is_reported(row, options, change) and _has_organizer(subscription, change)


def _is_reported(row: ResourceType, options: Mapping[str, str], change: Change) -> bool:
    if row.entity == "teamsAppInstallation":
        return not _is_suppressed(options, change)
    if row.template == "teams/getAllChannels/getAllMembers":
        return change.context["membershipType"] == ("private",)
    if change.path[-2] == "allMembers":
        suppressed = options.get("suppressNotificationWhenSharedUnsharedWithTeam") == "true"
        indirect = options.get("notifyOnIndirectMembershipUpdate") == "true"
        return indirect and not (suppressed and change.context["reason"] == ("team",))
    return True


def _is_suppressed(options: Mapping[str, str], change: Change) -> bool:
    # An app with only the consent of single resources loses it with the installation, and is not notified of deletions.
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


def is_legal_filter(entity: str, text: str) -> bool:
    """Return whether subscriptions to a kind of resource may have a filter."""
    pattern = _LEGAL.get(entity)
    return pattern is not None and pattern.fullmatch(text) is not None


def _mentioned(text: str, change: Change) -> bool:
    mentioned = {mention["mentioned"]["user"]["id"] for mention in change.entity["mentions"]}
    return not mentioned.isdisjoint(_TEXTS.findall(text))


def _in_context(name: str) -> Callable[[str, Change], bool]:
    return lambda text, change: not set(change.context.get(name, ())).isdisjoint(_TEXTS.findall(text))


def _named(text: str, change: Change) -> bool:
    return change.entity["id"] in _TEXTS.findall(text)


def _compared(text: str, change: Change) -> bool:
    comparisons = re.findall(rf"(\w+) (eq|ne) {_TEXTS.pattern}", text)
    return any((change.entity.get(name) == value) is (operator == "eq") for name, operator, value in comparisons)


_PASSES: Mapping[str, Callable[[str, Change], bool]] = MappingProxyType(
    {
        "chatMessage": _mentioned,
        "teamsAppInstallation": _in_context("scope"),
        "callRecord": _in_context("user"),
        "presence": _named,
        "aiInteraction": _compared,
    }
)
