"""The log of what Graph and strangers post: a line for each POST of ours, and counts of everything else.

The notification URL is public. Strangers must not write the log: whatever is no collection of notifications, or is not
signed by this app, is counted, in at most one line a minute. A blank follows each ``key=value``, so that a query finds
its end.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import timedelta
from threading import Lock

from shared.errors import Malformed, Misconfigured, TenantNotServed, TooLarge
from shared.receiving.item_publisher import ItemProblem
from shared.receiving.receive import Receipt

_LOG = logging.getLogger(__name__)

_SECONDS_BETWEEN_LINES = 60.0
_MAX_REMEMBERED = 1000


class PostLog:
    """The log of one process."""

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = Lock()
        self._strangers: Counter[str] = Counter()
        self._largest = 0
        self._next_at: dict[str, float] = {}

    def received(self, receipt: Receipt, *, size: int, took: timedelta) -> None:
        """Log the line of a POST of ``size`` bytes, and why some of its items were not published."""
        if receipt.dropped:
            self._count("client_state", size=size, items=receipt.dropped)
        if receipt.dropped == receipt.received:
            return
        parked, quarantined = receipt.parked, receipt.quarantined
        reasons = ",".join(f"{reason}:{count}" for reason, count in {**parked, **quarantined}.items())
        _LOG.log(
            logging.WARNING if reasons else logging.INFO,
            "post received=%d published=%d parked=%d quarantined=%d dropped=%d ms=%d %s",
            receipt.received,
            receipt.published,
            sum(parked.values()),
            sum(quarantined.values()),
            receipt.dropped,
            took / timedelta(milliseconds=1),
            f"reasons={reasons} " if reasons else "",
        )
        self._explain(receipt.problems.values())

    def refused(self, problem: Malformed, *, size: int) -> None:
        """Count a POST that is no collection of notifications."""
        self._count("too_large" if isinstance(problem, TooLarge) else "malformed", size=size)

    def _explain(self, problems: Iterable[ItemProblem]) -> None:
        """Log each problem, in one line a minute however many items have it."""
        for problem in {str(problem): problem for problem in problems}.values():
            is_for_operator = isinstance(problem, Misconfigured | TenantNotServed)
            level = logging.ERROR if is_for_operator else logging.WARNING
            if self._is_due(str(problem)):
                _LOG.log(level, "%s: %s", "parked until this is fixed" if is_for_operator else problem.reason, problem)

    def _count(self, reason: str, *, size: int, items: int = 1) -> None:
        with self._lock:
            self._strangers[reason] += items
            self._largest = max(self._largest, size)
        if not self._is_due("strangers"):
            return
        with self._lock:
            counts = "".join(f"{name}={count} " for name, count in sorted(self._strangers.items()))
            largest, self._largest = self._largest, 0
            self._strangers.clear()
        _LOG.warning("strangers %slargest_bytes=%d ", counts, largest)

    def _is_due(self, text: str) -> bool:
        """Return whether the line ``text`` was not logged within a minute, and count it as logged."""
        with self._lock:
            now = self._monotonic()
            if self._next_at.get(text, float("-inf")) > now:
                return False
            if len(self._next_at) >= _MAX_REMEMBERED:
                self._next_at.clear()
            self._next_at[text] = now + _SECONDS_BETWEEN_LINES
            return True
