"""The ``$filter`` of a subscription: which filters a kind of resource takes, and what gets through one.

Comparisons of one property with texts, joined by ``or``; each article allows its own properties and operators.
Sources: https://learn.microsoft.com/en-us/graph/teams-changenotifications-chatmessage,
https://learn.microsoft.com/en-us/graph/teams-changenotifications-appinstallation,
https://learn.microsoft.com/en-us/graph/api/subscription-post-subscriptions (call records),
https://learn.microsoft.com/en-us/graph/aiinteraction-changenotifications-overview
"""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

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


def is_legal(entity: str, text: str) -> bool:
    """Return whether subscriptions to a kind of resource may have a filter."""
    pattern = _LEGAL.get(entity)
    return pattern is not None and pattern.fullmatch(text) is not None


def lets_through(text: str, entity: str, change: Change) -> bool:
    """Return whether a change passes a legal filter."""
    return _PASSES[entity](text, change)


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
