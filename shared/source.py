"""A place at Graph from which a gap can be filled, as a value.

Source: https://learn.microsoft.com/graph/paging
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

# Source: https://learn.microsoft.com/graph/throttling-limits#microsoft-teams-service-limits (one GET a second of a chat
# or channel; of windows, far more)
OF_ONE_CONVERSATION = timedelta(seconds=1)
OF_MANY = timedelta(milliseconds=50)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A list of what has its times, its pages read with ``spacing`` between; ``is_single``: ``path`` is one item.

    ``instead``: where Graph does not have ``path``.
    """

    key: str
    path: str
    instead: str | None = None
    spacing: timedelta = OF_MANY
    is_single: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """A list that is compared in full; ``place`` are the names and ids that lead to it, as they are.

    ``only``: the id of the one thing that ``path`` leads to, where that is all that is watched. ``listed``: everything
    in it, where that has been read already.
    """

    key: str
    path: str
    place: tuple[str, ...]
    only: str | None = None
    listed: Sequence[Mapping[str, Any]] | None = field(default=None, repr=False)
    spacing: timedelta = OF_MANY


@dataclass(frozen=True, slots=True, kw_only=True)
class Each:
    """A list at ``listed``; ``of`` returns what is to be read of one thing in it, or None for nothing."""

    key: str
    listed: str
    of: Callable[[Mapping[str, Any]], "Source | Collection | Each | None"]


type Node = Source | Collection | Each
