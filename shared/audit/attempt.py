"""One attempt at an audit in a run: it goes on with the draw, then reads list after list, and saves how far it is.

Source: https://learn.microsoft.com/graph/api/user-list and https://learn.microsoft.com/graph/api/teams-list
"""

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from shared.audit.audit import Audit, AuditState
from shared.audit.draw import Chance, begun_again, with_page
from shared.audit.list_check import ListCheck, PublishMissing
from shared.errors import Conflict, NotFound, Problem
from shared.gaps.backfill import is_id
from shared.gaps.gap import Gap, Step
from shared.gaps.graph_queries import ForEachQuery, Query, TimeWindowQuery, query_for
from shared.gaps.list_walk import GraphRefusal, read_page
from shared.gaps.turns import Reads
from shared.graph.client import Page
from shared.limits import OutOfTime
from shared.timing import Clock

_LOG = logging.getLogger(__name__)

# What a run that is killed has to do again.
_SAVE_EVERY = timedelta(seconds=10)


class _HourIsOver(Exception):
    """The audit has had its time."""


@dataclass(slots=True, kw_only=True)
class Attempt:
    """An audit in this run, with its progress in ``audit``; ``gaps``: what each subscription may have missed.

    ``finish`` ends the audit with what was found, and ``refuse`` with a reason why nothing can be.
    """

    audit: Audit
    gaps: Mapping[str, Gap]
    client_id: str
    clock: Clock
    chance: Chance
    publish_missing: PublishMissing
    save: Callable[[Audit], Audit]
    finish: Callable[[Audit], None]
    refuse: Callable[[Audit, str], None]
    counts: Counter[str]
    units: int = field(default=0, init=False)
    _check: ListCheck = field(init=False)
    _saved_at: datetime = field(init=False)

    @property
    def tenant_id(self) -> str:
        """Return the tenant whose Graph it reads."""
        return self.audit.tenant_id

    def reads(self) -> Reads[None]:
        """Go on with the audit, and save how far it is; every problem is handled."""
        try:
            yield from self._run()
        except Conflict:
            # Another run has it in hand.
            return
        except Problem as problem:
            if not isinstance(problem, OutOfTime):
                _LOG.warning("tenant %s: the audit of %s is interrupted: %s", self.tenant_id, self.audit.path, problem)
                self.counts["interrupted"] += 1
            self._save_if_possible()

    def _run(self) -> Reads[None]:
        self._check = ListCheck(
            client_id=self.client_id, now=self.clock.now, publish_missing=self.publish_missing, count=self._count
        )
        # Another run that has the same row in hand fails here.
        self._save()
        try:
            if self.audit.state is AuditState.DRAWING:
                yield from self._draw()
            while self.audit.lists and not self.audit.is_refused_altogether:
                yield from self._next_list()
        except _HourIsOver:
            self.finish(self.audit)
        except (GraphRefusal, NotFound) as problem:
            self.refuse(self.audit, str(problem))
        else:
            self._conclude()

    def _conclude(self) -> None:
        if self.audit.is_refused_altogether:
            self.refuse(self.audit, self.audit.reason or "")
        else:
            self.finish(self.audit)

    # --- The sample

    def _draw(self) -> Reads[None]:
        query = query_for(next(iter(self.gaps.values())))
        if isinstance(query, ForEachQuery):
            yield from self._draw_from(query)
        else:
            self._progress(with_page(self.audit, self.gaps, None, self.chance))

    def _draw_from(self, query: ForEachQuery) -> Reads[None]:
        while self.audit.state is AuditState.DRAWING:
            page = yield from self._page_to_draw_from(query)
            self._raise_if_over()
            ids = [item["id"] for item in page.items if is_id(item.get("id"))]
            self._progress(with_page(self.audit, ids, page.next_path, self.chance))

    def _page_to_draw_from(self, query: ForEachQuery) -> Reads[Page]:
        if self.audit.page is not None:
            try:
                return (yield from read_page(query, self.audit.page))
            except (GraphRefusal, NotFound):
                # Graph forgets the links to its pages after a while.
                self.audit = begun_again(self.audit)
        return (yield from read_page(query, query.list_path))

    # --- The lists

    def _next_list(self) -> Reads[None]:
        self._raise_if_over()
        list_id = self.audit.lists[0]
        query, gaps = self._query(list_id)
        if query is not None:
            try:
                yield from self._check.reads(query, gaps, self.audit.position, self._note_position)
            except GraphRefusal as problem:
                self.counts["refused"] += 1
                self._progress(self.audit.after_refusal(str(problem)))
                return
            except NotFound:
                # A user without Teams, or a chat that was deleted: nothing is missing of it.
                pass
            self.audit = replace(self.audit, read=self.audit.read + 1)
            self.counts["lists"] += 1
        self._progress(self.audit.without_first_list())

    def _query(self, list_id: str) -> tuple[TimeWindowQuery | None, Sequence[Gap]]:
        """Return how to read a list, and what its subscriptions may have missed; None if it is not checked any more."""
        # What may be missing for longest asks for enough.
        gaps = tuple(self.gaps.values())
        query: Query | None = query_for(min(gaps, key=lambda gap: gap.since))
        if isinstance(query, ForEachQuery):
            query = query.query_for({"id": list_id})
        else:
            gaps = (self.gaps[list_id],) if list_id in self.gaps else ()
            query = query_for(gaps[0]) if gaps else None
        return (query if isinstance(query, TimeWindowQuery) else None), gaps

    # --- Progress

    def _count(self, checked: int, missing: int) -> None:
        self.audit = replace(self.audit, checked=self.audit.checked + checked, missing=self.audit.missing + missing)
        self.counts["checked"] += checked
        self.counts["missing"] += missing

    def _note_position(self, position: tuple[Step, ...]) -> None:
        self.audit = replace(self.audit, position=position)
        self.units += 1
        self._raise_if_over()
        if self.clock.now() - self._saved_at >= _SAVE_EVERY:
            self._save()

    def _progress(self, audit: Audit) -> None:
        self.audit = audit
        self.units += 1
        self._save()

    def _save(self) -> None:
        self.audit = self.save(self.audit)
        self._saved_at = self.clock.now()

    def _save_if_possible(self) -> None:
        try:
            self._save()
        except Problem as problem:
            _LOG.warning("tenant %s: how far the audit is cannot be saved: %s", self.tenant_id, problem)

    def _raise_if_over(self) -> None:
        if self.clock.now() >= self.audit.ends_at:
            raise _HourIsOver
