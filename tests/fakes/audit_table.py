"""The table of audits, in memory."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace

from shared.audit.audit import Audit
from shared.errors import Conflict


class InMemoryAuditTable:
    """Keeps the contract of ``shared.audit.audit_table``: an ETag for each version of a row, Conflict for a stale one.

    ``before_saving`` is called with each audit.
    """

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], Audit] = {}
        self.before_saving: Callable[[Audit], object] = lambda _audit: None
        self._etags = itertools.count()

    def load(self, tenant_id: str) -> Sequence[Audit]:
        return [row for (tenant, _), row in self.rows.items() if tenant == tenant_id]

    def save(self, audit: Audit) -> Audit:
        self.before_saving(audit)
        known = self.rows.get((audit.tenant_id, audit.key))
        if (known.etag if known else None) != audit.etag:
            raise Conflict("another run has changed the row of the audit")
        self.rows[audit.tenant_id, audit.key] = saved = replace(audit, etag=f"e{next(self._etags)}")
        return saved
