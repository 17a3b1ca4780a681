"""Which subscriptions of a tenant have a change to a team, channel or member reported, by the path of the item.

Lists of several subscriptions may have the same items: ``/teams/getAllMembers`` those of ``/teams/{id}/members``.

Source: https://learn.microsoft.com/graph/teams-change-notification-in-microsoft-teams-overview
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import product
from urllib.parse import unquote

from shared.gaps.gap import Gap
from shared.resources.paths import canonical_path

_ALL = "getAll"

type _Pattern = tuple[str | None, ...]
"""Names and ids in turn; None stands for any id."""


class Coverage:
    """The subscriptions whose ``baselines`` are complete: what the snapshot lacks of their lists is a change."""

    def __init__(self, baselines: Iterable[Gap]) -> None:
        self._baselines = {baseline.subscription_key: baseline for baseline in baselines}
        self._by_pattern = defaultdict[_Pattern, list[Gap]](list)
        for baseline in self._baselines.values():
            self._by_pattern[_pattern(baseline.resource)].append(baseline)

    def baseline_of(self, gap: Gap) -> Gap | None:
        """Return the complete baseline that a gap is compared with, if there is one."""
        return self._baselines.get(gap.subscription_key)

    def has_other(self, subscription_key: str, path_parts: Sequence[str], change_type: str) -> bool:
        """Return whether a subscription other than the given one has changes of a type to an item reported.

        ``path_parts`` are the names and ids that lead to the item, in turn and unescaped.
        """
        names_and_ids = [(part, None) if place % 2 else (part,) for place, part in enumerate(path_parts)]
        return any(
            change_type in baseline.change_types and baseline.subscription_key != subscription_key
            for pattern in product(*names_and_ids)
            for baseline in self._by_pattern.get(pattern, ())
        )


def _pattern(resource: str) -> _Pattern:
    """Return what the paths of a subscription's items have in common."""
    parts = list[str | None]()
    for part in canonical_path(resource.partition("?")[0]).split("/"):
        parts += [None, part.removeprefix(_ALL).lower()] if part.startswith(_ALL) else [unquote(part)]
    return tuple(parts) if len(parts) % 2 == 0 else (*parts, None)
