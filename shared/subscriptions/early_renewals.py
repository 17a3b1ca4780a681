"""Renewals that are made while Graph's list is still being read: 10,000 subscriptions have 100 pages, a second each.

Source: https://learn.microsoft.com/graph/throttling-limits#subscription-service-limits (lists and writes apart)
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from shared.subscriptions.tracked import Action, Update, UpdateKind

_BY_ID = frozenset({UpdateKind.RENEW, UpdateKind.ROTATE})


class EarlyRenewals:
    """Those of one account's ``actions`` that need nothing of the list: their rows name what lives.

    They begin with the list's first entry. If Graph refuses the account, it refuses each renewal too, and would cost
    each row a back-off. ``run`` applies actions, and returns the count of each outcome.
    """

    def __init__(self, actions: Iterable[Action], run: Callable[[Sequence[Action]], Counter[str]]) -> None:
        self._renewals = [action for action in actions if isinstance(action, Update) and action.kind in _BY_ID]
        self._run = run
        self._running: Future[Counter[str]] | None = None

    def beside[Entry](self, entries: Iterable[Entry]) -> Iterator[Entry]:
        """Yield the list's entries, and renew meanwhile."""
        for entry in entries:
            if self._running is None and self._renewals:
                with_one_thread = ThreadPoolExecutor(1, thread_name_prefix="early")
                self._running = with_one_thread.submit(self._run, self._renewals)
                with_one_thread.shutdown(wait=False)
            yield entry

    def without(self, actions: Iterable[Action]) -> Sequence[Action]:
        """Return the actions for the rows that are not being renewed already."""
        keys = {action.tracked.key for action in self._renewals} if self._running else set[str]()
        return [action for action in actions if action.tracked.key not in keys]

    def counts(self) -> Counter[str]:
        """Return what became of the renewals, once all have ended."""
        return self._running.result() if self._running else Counter()
