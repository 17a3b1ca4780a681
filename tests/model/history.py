"""A history: what people do in Teams, what goes wrong meanwhile, and the strategy that draws one; in minutes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from hypothesis import strategies as st

HOUR = 60
CHATS, PEOPLE, MESSAGES = 2, 2, 4


class What(StrEnum):
    """What goes wrong for a while."""

    DOWN = "the endpoint cannot be reached"
    SICK = "handshakes are answered, POSTs are not"
    TIMER = "the timer does not run"
    GRAPH = "Graph's subscriptions answer 503"
    READS = "Graph's resources answer 503"
    LISTS = "Graph's list of subscriptions is empty"
    VAULT = "the vault is down"
    SINK = "the queue is down"
    RECORDS = "the table published is down"
    PARKED = "the container parked is down"
    ROWS = "the table subscriptions is down"
    GAPS = "the table gaps is down"
    KNOWN = "the table known is down"
    LEASED = "the blobs in parked are leased"


class Blow(StrEnum):
    """What goes wrong in a moment; ``number`` says with which subscription, process or call."""

    REMOVED = "Graph removes a subscription and tells nobody"
    TOLD = "Graph removes a subscription and says so"
    MISSED = "Graph says that it missed something"
    KILLED_SENDING = "a process is killed after it has sent an event, before it records it"
    KILLED_RUNNING = "a run of the timer is killed in one of its calls"
    ANSWER_LOST = "a run's call is carried out, but its answer is lost"
    TWO_RUNS = "two runs of the timer overlap"
    ROTATED = "the key of the client states is rotated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What somebody does, and how Graph delivers it: ``late`` minutes, and perhaps ``again`` so many minutes later.

    ``at_once``: two processes receive it in the same moment. ``twofold``: Graph sends two states under one version.
    """

    at: int
    verb: str
    chat: int = 0
    who: int = 0
    late: int = 0
    again: int | None = None
    process: int = 0
    at_once: bool = False
    twofold: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Something is wrong from ``at`` for some minutes."""

    at: int
    minutes: int
    what: What

    def covers(self, minute: float) -> bool:
        """Return whether it is wrong at this minute."""
        return self.at <= minute < self.at + self.minutes


@dataclass(frozen=True, slots=True, kw_only=True)
class Stroke:
    """Something happens at once."""

    at: int
    blow: Blow
    number: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Skew:
    """A process's own clock is wrong for some minutes, by ``by`` minutes."""

    at: int
    minutes: int
    by: int
    process: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """``entries``: numbers in ``ENTRIES``; ``period``: minutes between runs; ``life``: of Graph's tokens at worst.

    ``pulse``: beside ``acts``, somebody does something every so many minutes; 0: nobody does.
    """

    minutes: int
    period: int = 5
    life: int = 60
    processes: int = 1
    validates: bool = False
    pulse: int = 0
    entries: tuple[int, ...]
    acts: tuple[Act, ...] = ()
    troubles: tuple[Trouble, ...] = ()
    strokes: tuple[Stroke, ...] = ()
    skews: tuple[Skew, ...] = ()

    def all_acts(self) -> Sequence[Act]:
        """Return what somebody does, and what is done every few minutes."""
        every = max(self.pulse, self.minutes // _MOST_PULSES)
        times = range(3, self.minutes, every) if self.pulse else ()
        pulses = (
            Act(
                at=at,
                verb=_PULSE[number % len(_PULSE)],
                chat=number // len(_PULSE) % CHATS,
                who=number,
                process=number % self.processes,
                twofold=number % 3 == 2,
            )
            for number, at in enumerate(times)
        )
        return (*self.acts, *pulses)

    @property
    def ends_at(self) -> int:
        """Return the minute from which nothing is wrong any more."""
        troubles = (each.at + each.minutes for each in self.troubles)
        skews = (each.at + each.minutes for each in self.skews)
        return max([self.minutes, *troubles, *skews])

    @property
    def is_calm(self) -> bool:
        """Return whether nothing goes wrong."""
        return not (self.troubles or self.strokes or self.skews)

    def is_wrong(self, what: What, minute: float) -> bool:
        """Return whether something is wrong at this minute."""
        return any(trouble.what is what and trouble.covers(minute) for trouble in self.troubles)

    def skew(self, process: int, minute: float) -> int:
        """Return by how many minutes a process's own clock is wrong."""
        wrong = (each for each in self.skews if each.process == process)
        return next((each.by for each in wrong if each.at <= minute < each.at + each.minutes), 0)


_MOST_PULSES = 40
_PULSE = ("write", "join", "write", "edit", "leave", "edit", "write", "delete")
_VERBS = ("write", "write", "write", "edit", "edit", "delete", "join", "leave", "join", "leave")


# Most are short, and a few last for two days.
_HOURS = (2, 2, 2, 2, 3, 3, 3, 3, 3, 4, 4, 4, 5, 5, 6, 6, 8, 12, 48)
# What most rules are about.
_COMMON = (
    *[What.DOWN] * 6,
    What.SICK,
    What.SICK,
    What.TIMER,
    What.TIMER,
    What.SINK,
    What.SINK,
    What.VAULT,
    What.GRAPH,
    What.GRAPH,
)


def _rarely[T](value: st.SearchStrategy[T], usual: T) -> st.SearchStrategy[T]:
    return st.one_of(st.just(usual), st.just(usual), st.just(usual), value)


@st.composite
def _acts(draw: st.DrawFn, minutes: int, processes: int) -> Act:
    return Act(
        at=draw(st.integers(0, minutes)),
        verb=draw(st.sampled_from(_VERBS)),
        chat=draw(st.integers(0, CHATS - 1)),
        who=draw(st.integers(0, MESSAGES - 1)),
        late=draw(_rarely(st.integers(1, HOUR), 0)),
        again=draw(_rarely(st.one_of(st.none(), st.integers(0, 2), st.integers(3, 235)), None)),
        process=draw(st.integers(0, processes - 1)),
        at_once=processes > 1 and draw(_rarely(st.just(True), False)),  # noqa: FBT003  a value of the strategy
        twofold=draw(_rarely(st.just(True), False)),  # noqa: FBT003  likewise
    )


@st.composite
def _troubles(draw: st.DrawFn, minutes: int) -> Trouble:
    what = draw(st.sampled_from([*What, *_COMMON]))
    length = draw(st.one_of(st.integers(1, 25), st.integers(12, 90), st.integers(12, 90), st.integers(HOUR, 5 * HOUR)))
    return Trouble(at=draw(st.integers(20, minutes)), minutes=length, what=what)


def _strokes(minutes: int) -> st.SearchStrategy[Stroke]:
    return st.builds(
        Stroke,
        at=st.integers(20, minutes),
        blow=st.sampled_from([*Blow, Blow.REMOVED, Blow.REMOVED]),
        number=st.integers(0, 11),
    )


def _skews(minutes: int) -> st.SearchStrategy[Skew]:
    by = st.sampled_from([-60, 60, -10, 10])
    length = st.integers(5, 3 * HOUR)
    return st.builds(Skew, at=st.integers(0, minutes), minutes=length, by=by, process=st.integers(0, 1))


@st.composite
def histories(draw: st.DrawFn, *, hours: Sequence[int] = _HOURS) -> History:
    """Draw a history of one of so many hours; one in five goes without trouble."""
    minutes = HOUR * draw(st.sampled_from(hours))
    processes = draw(st.integers(1, 2))
    period = 10 if minutes > 3 * HOUR else draw(st.sampled_from([10, 5, 10]))
    drawn = History(
        minutes=minutes,
        period=period,
        life=draw(st.sampled_from([60, 45, 33] if period < 10 else [60, 45])),
        processes=processes,
        entries=tuple(sorted(draw(st.sets(st.integers(0, 4), min_size=1, max_size=4)))),
        pulse=draw(st.sampled_from([0, 17, 7, 7, 7])),
        acts=tuple(sorted(draw(st.lists(_acts(minutes, processes), max_size=12)), key=_at)),
    )
    if draw(st.integers(0, 4)) == 0:
        return drawn
    return replace(
        drawn,
        validates=draw(st.booleans()),
        troubles=tuple(sorted(draw(st.lists(_troubles(minutes), min_size=1, max_size=4)), key=_at)),
        strokes=tuple(sorted(draw(st.lists(_strokes(minutes), max_size=3)), key=_at)),
        skews=tuple(draw(st.lists(_skews(minutes), max_size=1))),
    )


def _at(each: Act | Trouble | Stroke) -> int:
    return each.at


def outage_spans(history: History) -> Sequence[tuple[int, int]]:
    """Return when the endpoint cannot be reached, in spans that do not touch."""
    spans: list[tuple[int, int]] = []
    for trouble in history.troubles:
        if trouble.what is What.DOWN:
            start, end = trouble.at, trouble.at + trouble.minutes
            if spans and start <= spans[-1][1]:
                spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
            else:
                spans.append((start, end))
    return spans
