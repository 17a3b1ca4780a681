"""The table of gaps, in memory."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace

from shared.errors import Conflict
from shared.gaps.gap import Gap


class InMemoryGapTable:
    """Keeps the contract of ``shared.gaps.gap_table``: an ETag for each version of a row, Conflict for a stale one."""

    def __init__(self, *rows: Gap) -> None:
        self.rows: dict[tuple[str, str], Gap] = {}
        self.before_saving: Callable[..., None] = lambda: None
        self.before_removing: Callable[..., None] = lambda: None
        self._etags = itertools.count()
        for row in rows:
            self.save(row)

    def load(self, tenant_id: str) -> Sequence[Gap]:
        return [row for (tenant, _), row in self.rows.items() if tenant == tenant_id]

    def save(self, gap: Gap) -> Gap:
        self.before_saving()
        self._check(gap)
        self.rows[gap.tenant_id, gap.key] = saved = replace(gap, etag=f"e{next(self._etags)}")
        return saved

    def create_all(self, gaps: Sequence[Gap]) -> None:
        for gap in gaps:
            self._check(gap)
        for gap in gaps:
            self.save(gap)

    def delete(self, gap: Gap) -> None:
        self.before_removing()
        self._check(gap)
        del self.rows[gap.tenant_id, gap.key]

    def _check(self, row: Gap) -> None:
        known = self.rows.get((row.tenant_id, row.key))
        if (known.etag if known else None) != row.etag:
            raise Conflict("another run has changed the row of the gap")
