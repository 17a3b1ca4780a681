"""The table ``status``, in memory; its Timestamps are by the test's clock."""

import itertools
from collections.abc import Callable
from dataclasses import replace

from shared.errors import Conflict, Problem
from shared.subscriptions.deployment_status import DeploymentStatus, Owner, StatusState
from shared.timing import Clock


class InMemoryStatusTable:
    """Keeps the contract of ``shared.subscriptions.status_table``: an ETag for each version of a row, Conflict for a
    stale one. ``before_saving`` is called with each row, and may save another.
    """

    def __init__(
        self, clock: Clock, *, before_saving: Callable[[DeploymentStatus | Owner], object] = lambda _row: None
    ) -> None:
        self.rows: dict[str, DeploymentStatus | Owner] = {}
        self.down: Problem | None = None
        self.before_saving = before_saving
        self._clock = clock
        self._etags = itertools.count()

    def load(self) -> StatusState:
        self._answer()
        rows = tuple(self.rows.values())
        owner = self.rows.get("owner")
        assert owner is None or isinstance(owner, Owner)
        return StatusState(deployments=tuple(row for row in rows if isinstance(row, DeploymentStatus)), owner=owner)

    def save[Row: (DeploymentStatus, Owner)](self, row: Row) -> Row:
        self._answer()
        self.before_saving(row)
        self._check(row)
        saved = replace(row, etag=f"e{next(self._etags)}")
        if isinstance(saved, Owner):
            self.rows["owner"] = replace(saved, written_at=self._clock.now())
        else:
            self.rows[saved.deployment_id] = saved
        return saved

    def delete(self, row: DeploymentStatus) -> None:
        self._answer()
        if row.deployment_id in self.rows:
            self._check(row)
            del self.rows[row.deployment_id]

    def _answer(self) -> None:
        if self.down is not None:
            raise self.down

    def _check(self, row: DeploymentStatus | Owner) -> None:
        known = self.rows.get("owner" if isinstance(row, Owner) else row.deployment_id)
        if (known.etag if known else None) != row.etag:
            raise Conflict("another process has changed a row of the table status since it was read")
