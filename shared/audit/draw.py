"""A sample of the lists of a path, drawn page by page: each list is as likely to be in it as any other.

Source: Algorithm R in https://doi.org/10.1145/3147.3165
"""

from collections.abc import Iterable, MutableSequence
from dataclasses import replace
from typing import Protocol

from shared.audit.audit import Audit, AuditState

MAX_LISTS = 500


class Chance(Protocol):
    """A source of random numbers, such as ``secrets.SystemRandom``."""

    def randrange(self, stop: int, /) -> int:
        """Return a number from 0 to ``stop`` - 1."""
        ...

    def shuffle(self, values: MutableSequence[str], /) -> None:
        """Put ``values`` in a random order."""
        ...


def with_page(audit: Audit, ids: Iterable[str], next_page: str | None, chance: Chance) -> Audit:
    """Return the audit after one more page of ids; after the last one, its lists are ready to be read.

    They are in a random order, so that an hour that ends early cuts off none rather than others.
    """
    lists, of = list(audit.lists), audit.of
    for id_ in ids:
        of += 1
        if len(lists) < MAX_LISTS:
            lists.append(id_)
        elif (place := chance.randrange(of)) < MAX_LISTS:
            lists[place] = id_
    if next_page is None:
        chance.shuffle(lists)
    state = AuditState.READING if next_page is None else AuditState.DRAWING
    return replace(audit, lists=tuple(lists), of=of, page=next_page, state=state)


def begun_again(audit: Audit) -> Audit:
    """Return the audit with nothing drawn, for a list whose next page Graph has forgotten."""
    return replace(audit, lists=(), of=0, page=None)
