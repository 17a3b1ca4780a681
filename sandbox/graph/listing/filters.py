"""The filters that lists take: windows of time for messages, comparisons with texts for everything else.

Sources: https://learn.microsoft.com/en-us/graph/api/chats-getallmessages,
https://learn.microsoft.com/en-us/graph/api/chat-list-messages, https://learn.microsoft.com/en-us/graph/api/team-list-members
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sandbox.graph.errors import Refused
from sandbox.graph.listing.options import invalid
from sandbox.teams import Entity

_CLAUSE = re.compile(r"(?P<property>\w+) (?P<operator>[a-z]{2}) (?P<moment>\S+)")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d(:\d\d(\.\d{1,12})?)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_TEXT = r"'((?:[^']|'')*)'"
_EQUALS = rf"(?:microsoft\.graph\.aadUserConversationMember/)?(\w+) eq {_TEXT}"
_STARTS = rf"startswith\((\w+), ?{_TEXT}\)"
_COMPARISON = re.compile(f"{_EQUALS}|{_STARTS}")
_COMPARISONS = re.compile(rf"\(?(?:{_EQUALS}|{_STARTS})(?: or (?:{_EQUALS}|{_STARTS}))*\)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One comparison of a message's time."""

    property: str
    operator: str
    moment: datetime

    def holds(self, entity: Entity) -> bool:
        """Return whether a message meets it; both bounds are exclusive."""
        time = datetime.fromisoformat(entity[self.property])
        return time > self.moment if self.operator == "gt" else time < self.moment


def window(text: str | None, allowed: Collection[tuple[str, str]]) -> tuple[Condition, ...]:
    """Return the comparisons of a filter, joined by ``and``, each of them one of the allowed (property, operator).

    Raises:
        Refused: with 400, this is no such filter.
    """
    return () if text is None else tuple(_condition(clause, allowed) for clause in text.strip().split(" and "))


def holds(conditions: Sequence[Condition], entity: Entity) -> bool:
    """Return whether a message meets all conditions."""
    return all(condition.holds(entity) for condition in conditions)


def matching(text: str | None, entities: Collection[Entity], allowed: Collection[str]) -> list[Entity]:
    """Return the entities that pass comparisons of allowed properties with texts, joined by ``or``.

    Raises:
        Refused: with 400, this is no such filter.
    """
    if text is None:
        return list(entities)
    found = [match.groups() for match in _COMPARISON.finditer(text)]
    if _COMPARISONS.fullmatch(text) is None or any((name or prefixed) not in allowed for name, _, prefixed, _ in found):
        raise _no_filter(text)
    return [entity for entity in entities if any(_passes(groups, entity) for groups in found)]


def _condition(clause: str, allowed: Collection[tuple[str, str]]) -> Condition:
    match = _CLAUSE.fullmatch(clause.strip())
    if match is None or (match["property"], match["operator"]) not in allowed or not _MOMENT.fullmatch(match["moment"]):
        raise _no_filter(clause)
    try:
        moment = datetime.fromisoformat(match["moment"].upper())
    except ValueError as exc:
        raise _no_filter(clause) from exc
    return Condition(property=match["property"], operator=match["operator"], moment=moment)


def _passes(groups: tuple[str | None, ...], entity: Entity) -> bool:
    name, text, prefixed, prefix = groups
    if name is not None and text is not None:
        return bool(entity[name] == _unquoted(text))
    value = entity[prefixed or ""]
    return isinstance(value, str) and value.casefold().startswith(_unquoted(prefix or "").casefold())


def _unquoted(text: str) -> str:
    return text.replace("''", "'")


def _no_filter(text: str) -> Refused:
    return invalid(f"The $filter query option is not supported here: '{text}'.")
