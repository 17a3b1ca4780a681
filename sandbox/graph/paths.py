"""How is a resource path spelled? Every published spelling in, segments and what fits a template out.

``/chats/{id}/messages``, ``chats('{id}')/messages`` and ``/chats('{id}')/messages?$search=word`` name one collection.
Source: https://learn.microsoft.com/en-us/graph/api/resources/subscription
"""

import re
from collections.abc import Mapping
from urllib.parse import unquote

_GUID = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
# What an id has to look like; names that are missing here take anything.
_IDS = {
    "chat": re.compile(r"19:[^/#]+@(thread\.v2|thread\.skype|unq\.gbl\.spaces)"),
    "channel": re.compile(r"19:[^/#]+@thread\.(tacv2|skype)"),
    "team": re.compile(_GUID),
    "user": re.compile(_GUID),
    "app": re.compile(_GUID),
    "joinWebUrl": re.compile(r"https://.+"),
    "*organizers": re.compile(rf"\['{_GUID}'(,\s*'{_GUID}')*\]"),
}
# chats('19:…'), onlineMeetings(joinWebUrl='…'), …(organizerIds=['…']): a collection and the key of one of its things.
_KEYED = re.compile(r"(?P<name>[A-Za-z]+)\((?:[A-Za-z]+=)?(?:'?(?P<key>[^()'\[\]]+)'?|(?P<list>\[[^()\[\]]*\]))\)")


def segments(path: str) -> tuple[str, ...]:
    """Return the segments of a path without its query, keys as segments of their own, percent-decoded."""
    found: list[str] = []
    for segment in path.strip("/").split("/"):
        keyed = _KEYED.fullmatch(segment)
        found += [keyed["name"], keyed["key"] or keyed["list"]] if keyed else [segment]
    return tuple(unquote(segment) for segment in found)


def options(query: str) -> dict[str, str]:
    """Return the query options of a resource by name, without the ``$`` that the documentation puts or omits."""
    pairs = (option.partition("=") for option in query.split("&") if option)
    return {unquote(name).removeprefix("$"): unquote(value) for name, _, value in pairs}


def bind(template: str, path: tuple[str, ...]) -> dict[str, str] | None:
    """Return what the names of ``chats/{chat}`` stand for in a path; None if the path does not fit."""
    wanted = template.split("/")
    if len(wanted) != len(path):
        return None
    bound: dict[str, str] = {}
    for pattern, segment in zip(wanted, path, strict=True):
        if not pattern.startswith("{"):
            if pattern.casefold() != segment.casefold():
                return None
        elif not _looks_right(pattern[1:-1], segment):
            return None
        else:
            bound[pattern[1:-1]] = segment
    return bound


def fill(template: str, bound: Mapping[str, str]) -> str:
    """Return a template with its names replaced: the one spelling by which subscriptions are compared.

    Names with an asterisk stay: what they stand for chooses among the things of one and the same path.
    """
    return "/".join(
        bound[part[1:-1]] if part.startswith("{") and part[1] != "*" else part for part in template.split("/")
    )


def odata(path: tuple[str, ...]) -> str:
    """Return a path as notifications spell it: ``chats('id')/messages('id')``."""
    pairs = zip(path[::2], path[1::2], strict=True)
    return "/".join(f"{collection}('{key}')" for collection, key in pairs)


def _looks_right(name: str, segment: str) -> bool:
    return bool(segment) and (name not in _IDS or _IDS[name].fullmatch(segment) is not None)
