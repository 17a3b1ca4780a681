"""Backfills take turns at Graph, at the pace that it allows, until a run ends.

A backfill is a generator: it yields the next ``Read`` and is sent the page. Its turn lasts until a unit of its work is
complete. While it waits for its pace, a pause or an answer, others go on: a tenant that is throttled or silent, and a
list that may be read once a second, delay nobody else.

Source: https://learn.microsoft.com/graph/throttling-limits#microsoft-teams-service-limits
"""

from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from shared.errors import Problem, Unavailable
from shared.gaps.graph_queries import DEFAULT_SPACING
from shared.graph.client import Page
from shared.limits import LONGEST_PAUSE, OutOfTime
from shared.timing import Clock, Deadline

# The pages of a list in memory are those of this many backfills.
_MAX_TURNS = 32
# A tenant that does not answer occupies no more threads than this.
_MAX_READS_OF_TENANT = 4
MAX_READS = 16
_PAUSE_AFTER_SILENCE = timedelta(minutes=1)
_LONGEST_WAIT = timedelta(seconds=1)
_MAX_PACES = 10_000
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


class GraphLists(Protocol):
    """Graph in one tenant; both methods raise Unavailable, Misconfigured, Refused, and NotFound for a 404."""

    def get_page(self, path: str) -> Page:
        """Return a page of a list."""
        ...

    def get_item(self, path: str) -> Mapping[str, Any]:
        """Return one item, with its id."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """A request for the page at ``path``; ``spacing`` is the time between requests of one ``key`` in a tenant.

    ``is_single``: ``path`` is one item, which is sent as a page of its own.
    """

    key: str
    path: str
    spacing: timedelta = DEFAULT_SPACING
    is_single: bool = False


type Reads[T] = Generator[Read, Page, T]
"""Yields reads, is sent a page for each, and returns; a failed read is raised where it was yielded."""


class Work(Protocol):
    """One backfill; ``units`` grows with each unit of its work that is complete."""

    @property
    def tenant_id(self) -> str:
        """Return the tenant whose Graph it reads."""
        ...

    @property
    def units(self) -> int:
        """Return how many units are complete."""
        ...

    def reads(self) -> Reads[None]:
        """Do the work; every Problem is handled, also OutOfTime, which ends a run."""
        ...


@dataclass(slots=True, kw_only=True, eq=False)
class _Turn:
    """A backfill that has begun, with the read that it waits for; the lowest ``number`` goes first."""

    work: Work
    reads: Reads[None]
    read: Read
    number: int
    units: int
    answer: Future[Page] | None = None
    deadline: Deadline | None = None


@dataclass(slots=True, kw_only=True)
class Turns:
    """One run: ``graph`` is Graph in a tenant, with ``tenant_spacing`` between requests of ``call_timeout`` at most."""

    graph: Callable[[str], GraphLists]
    clock: Clock
    ends: datetime
    pool: Executor
    call_timeout: timedelta
    tenant_spacing: timedelta = DEFAULT_SPACING
    # By tenant; a next run that is given the same continues these pauses.
    paused_until: dict[str, datetime] = field(default_factory=dict)
    _turns: list[_Turn] = field(default_factory=list, init=False)
    _abandoned: list[Future[Page]] = field(default_factory=list, init=False)
    _free_at: dict[tuple[str, str | None, timedelta], datetime] = field(default_factory=dict, init=False)
    _last_number: int = field(default=0, init=False)

    def run(self, works: Iterable[Work]) -> None:
        """Let every work proceed, in their order and then in turns, until all are done or the run ends."""
        waiting = iter(works)
        while self.clock.now() < self.ends:
            self._admit(waiting)
            if not self._turns:
                return
            if not self._collect() and not self._start_next():
                self._wait()
        # What was read is not read again.
        self._collect()
        for turn in list(self._turns):
            self._go_on(turn, OutOfTime("the run ends before the backfill: the next run continues"))

    def _admit(self, waiting: Iterator[Work]) -> None:
        while len(self._turns) < _MAX_TURNS and self.clock.now() < self.ends:
            work = next(waiting, None)
            if work is None:
                return
            if self.clock.now() >= self.paused_until.get(work.tenant_id, _LONG_AGO):
                reads = work.reads()
                if (read := next(reads, None)) is not None:
                    turn = _Turn(work=work, reads=reads, read=read, number=self._next_number(), units=work.units)
                    self._turns.append(turn)

    def _next_number(self) -> int:
        self._last_number += 1
        return self._last_number

    # --- Answers

    def _collect(self) -> bool:
        """Hand on the answers that have come, or that did not come in time; return whether there were any."""
        waiting = [(turn, turn.answer) for turn in self._turns if turn.answer is not None]
        answered = [(turn, answer) for turn, answer in waiting if answer.done() or _is_over(turn)]
        for turn, answer in answered:
            # Another one's answer may have ended this turn.
            if turn in self._turns:
                self._hand_on(turn, answer)
        return bool(answered)

    def _hand_on(self, turn: _Turn, answer: Future[Page]) -> None:
        turn.answer = None
        if not answer.done():
            self._abandoned.append(answer)
            self._go_on(turn, Unavailable("Graph does not answer"))
            self._leave_alone(turn.work.tenant_id, _PAUSE_AFTER_SILENCE)
            return
        try:
            page = answer.result()
        except Problem as problem:
            self._hand_on_problem(turn, problem)
        else:
            self._go_on(turn, page)

    def _hand_on_problem(self, turn: _Turn, problem: Problem) -> None:
        pause = problem.retry_after if isinstance(problem, Unavailable) else None
        if pause is not None and pause <= LONGEST_PAUSE:
            # The read is repeated after the pause.
            self._free_at[_pace(turn)] = self.clock.now() + pause
            return
        self._go_on(turn, problem)
        if pause is not None:
            self._leave_alone(turn.work.tenant_id, pause)

    def _leave_alone(self, tenant_id: str, pause: timedelta) -> None:
        self.paused_until[tenant_id] = self.clock.now() + pause
        for turn in [turn for turn in self._turns if turn.work.tenant_id == tenant_id]:
            if turn.answer is not None:
                self._abandoned.append(turn.answer)
            self._go_on(turn, OutOfTime("Graph leaves the requests of this tenant unanswered: a later run continues"))

    def _go_on(self, turn: _Turn, answer: Page | Problem) -> None:
        """Let a backfill proceed to its next read."""
        turn.answer = None
        try:
            turn.read = turn.reads.throw(answer) if isinstance(answer, Problem) else turn.reads.send(answer)
        except StopIteration:
            self._turns.remove(turn)
            return
        if turn.units != turn.work.units:
            turn.units, turn.number = turn.work.units, self._next_number()

    # --- Requests

    def _start_next(self) -> bool:
        """Send the next read that is ready; return whether there was one."""
        now = self.clock.now()
        ready = [turn for turn in self._startable() if self._ready_at(turn) <= now]
        if not ready:
            return False
        turn = min(ready, key=lambda turn: turn.number)
        for pace in ((turn.work.tenant_id, None, self.tenant_spacing), _pace(turn)):
            self._free_at[pace] = now + pace[2]
        if len(self._free_at) > _MAX_PACES:
            self._free_at = {pace: moment for pace, moment in self._free_at.items() if moment > now}
        turn.deadline = Deadline.after(self.call_timeout)
        turn.answer = self.pool.submit(self._perform, turn.work.tenant_id, turn.read)
        return True

    def _perform(self, tenant_id: str, read: Read) -> Page:
        graph = self.graph(tenant_id)
        return Page(items=(graph.get_item(read.path),), next_path=None) if read.is_single else graph.get_page(read.path)

    def _startable(self) -> list[_Turn]:
        busy = Counter(turn.work.tenant_id for turn in self._turns if turn.answer is not None)
        self._abandoned = [answer for answer in self._abandoned if not answer.done()]
        if busy.total() + len(self._abandoned) >= MAX_READS:
            return []
        idle = (turn for turn in self._turns if turn.answer is None)
        return [turn for turn in idle if busy[turn.work.tenant_id] < _MAX_READS_OF_TENANT]

    def _ready_at(self, turn: _Turn) -> datetime:
        of_tenant = self._free_at.get((turn.work.tenant_id, None, self.tenant_spacing), _LONG_AGO)
        return max(of_tenant, self._free_at.get(_pace(turn), _LONG_AGO))

    def _wait(self) -> None:
        now = self.clock.now()
        moment = min([now + _LONGEST_WAIT, self.ends, *map(self._ready_at, self._startable())])
        answers = [turn.answer for turn in self._turns if turn.answer is not None]
        if answers:
            wait(
                answers,
                timeout=min((moment - now).total_seconds(), *map(_seconds_left, self._turns)),
                return_when=FIRST_COMPLETED,
            )
        else:
            self.clock.sleep_until(moment)


def _pace(turn: _Turn) -> tuple[str, str | None, timedelta]:
    return turn.work.tenant_id, turn.read.key, turn.read.spacing


def _seconds_left(turn: _Turn) -> float:
    return float("inf") if turn.answer is None or turn.deadline is None else turn.deadline.seconds_left()


def _is_over(turn: _Turn) -> bool:
    return _seconds_left(turn) == 0
