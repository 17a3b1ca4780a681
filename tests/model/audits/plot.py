"""A plot: a history with a day after it, in which audits look back; and the strategy that draws one; in minutes."""

from dataclasses import dataclass, replace

from hypothesis import strategies as st

from tests.model.history import CHATS, HOUR, Act, Blow, History, Stroke, Trouble, What, histories

# An audit looks at what is five hours old, and the first one that has something to look at comes after a day.
_A_DAY_AND_MORE = 26 * HOUR
# What was filled by a backfill is audited a day later.
_AFTER_TROUBLE = 38 * HOUR
_BEFORE_REQUEST = 5 * HOUR
# More people than a sample has.
_CROWDS = (560, 700)
# A message a person would make the crowd's notifications cost more than the audit.
_CROWD_PER_MESSAGE = 10
_KILLS = (Blow.KILLED_SENDING, Blow.KILLED_RUNNING, Blow.ANSWER_LOST, Blow.TWO_RUNS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """For some minutes Graph drops a share of what it has to deliver of the chats from ``chat`` on, in silence."""

    at: int
    minutes: int
    percent: int
    chat: int = 0

    def covers(self, minute: float, chat: int) -> bool:
        """Return whether what comes of a chat at this minute may be dropped."""
        return self.at <= minute < self.at + self.minutes and chat >= self.chat


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """The table of records of a day is lost, with all that is in it; ``days_ago``: which one."""

    at: int
    days_ago: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """An operator asks for an audit of what happened from ``since`` until ``until``."""

    at: int
    since: int
    until: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """``crowd``: people with a chat of their own; ``upgrades``: when the layout of the records changes.

    ``deaths``: when the next process that publishes is killed, after it has answered and before it records that.

    ``refused``: people whose lists Graph refuses, or ``users`` for the list of people.
    """

    history: History
    ends_at: int
    seed: int = 0
    crowd: int = 0
    drops: tuple[Drop, ...] = ()
    losses: tuple[Loss, ...] = ()
    upgrades: tuple[int, ...] = ()
    deaths: tuple[int, ...] = ()
    refused: frozenset[str] = frozenset()
    requests: tuple[Request, ...] = ()

    def may_drop(self, minute: float, chat: int) -> int:
        """Return of how many in a hundred notifications of a chat Graph says nothing at this minute."""
        return max((drop.percent for drop in self.drops if drop.covers(minute, chat)), default=0)


def _drops(minutes: int) -> st.SearchStrategy[Drop]:
    all_the_time = st.builds(
        Drop, at=st.just(0), minutes=st.just(minutes + HOUR), percent=st.sampled_from([2, 10, 40]), chat=st.just(0)
    )
    of_some = st.builds(
        Drop, at=st.just(0), minutes=st.just(minutes + HOUR), percent=st.just(100), chat=st.sampled_from([1, 200, 500])
    )
    # What the receiver's three minutes of silence cost it, between two runs of the timer.
    outage = st.builds(Drop, at=st.integers(10, minutes), minutes=st.integers(1, 30), percent=st.just(100))
    return st.one_of(all_the_time, of_some, outage)


def _kills(minutes: int) -> st.SearchStrategy[Stroke]:
    return st.builds(Stroke, at=st.integers(20, minutes), blow=st.sampled_from(_KILLS), number=st.integers(0, 11))


@st.composite
def _histories(draw: st.DrawFn) -> History:
    history = draw(histories(hours=(2, 2, 3)))
    entries = {draw(st.sampled_from([0, 0, 1])), *history.entries}
    history = replace(history, period=20, life=60, entries=tuple(sorted(entries)))
    if draw(st.booleans()):
        killed = draw(st.lists(_kills(history.minutes), max_size=2)) if draw(st.booleans()) else ()
        return replace(history, troubles=(), skews=(), strokes=tuple(killed))
    if draw(st.integers(0, 3)) == 0:
        hours = draw(st.sampled_from([10, 25]))
        parked = Trouble(at=draw(st.integers(20, history.minutes)), minutes=hours * HOUR, what=What.VAULT)
        return replace(history, troubles=(parked,), skews=())
    return history


def _requests(history: History, ends_at: int) -> st.SearchStrategy[Request]:
    return st.builds(
        lambda at, since, minutes: Request(at=at, since=since, until=min(since + minutes, at - _BEFORE_REQUEST)),
        at=st.integers(history.minutes + _BEFORE_REQUEST, ends_at - HOUR),
        since=st.integers(0, history.minutes - 20),
        minutes=st.integers(20, history.minutes + HOUR),
    )


def with_crowd(plot: Plot) -> Plot:
    """Return the plot with messages of its crowd, all within an hour."""
    history = plot.history
    acts = [
        Act(at=30 + number % HOUR, verb="write", chat=CHATS + number, process=number % history.processes)
        for number in range(0, plot.crowd, _CROWD_PER_MESSAGE)
    ]
    return replace(plot, history=replace(history, acts=(*history.acts, *acts)))


@st.composite
def plots(draw: st.DrawFn) -> Plot:
    """Draw a plot; half of them without any drops, and few with a crowd from which a sample is drawn."""
    history = draw(_histories())
    is_wide = 0 in history.entries and not history.troubles and draw(st.integers(0, 7)) == 0
    crowd = draw(st.sampled_from(_CROWDS)) if is_wide else 0
    ends_at = _AFTER_TROUBLE if history.troubles else _A_DAY_AND_MORE
    minutes, is_rare = history.minutes, st.sampled_from([True, False, False, False, False])
    losses = st.builds(Loss, at=st.integers(20, ends_at - 2 * HOUR), days_ago=st.integers(0, 1))
    people = st.sampled_from(["u9", "u0", "u1", "users"])
    plot = Plot(
        history=history,
        ends_at=ends_at,
        seed=draw(st.integers(0, 2**16)),
        crowd=crowd,
        drops=tuple(draw(st.lists(_drops(minutes), min_size=1, max_size=2))) if draw(st.booleans()) else (),
        losses=(draw(losses),) if draw(is_rare) else (),
        upgrades=(draw(st.integers(20, ends_at - 2 * HOUR)),) if draw(is_rare) else (),
        deaths=tuple(draw(st.lists(st.integers(20, minutes), min_size=1, max_size=2))) if draw(is_rare) else (),
        refused=frozenset(draw(st.sets(people, min_size=1, max_size=2))) if draw(is_rare) else frozenset(),
        requests=tuple(draw(st.lists(_requests(history, ends_at), max_size=2))),
    )
    return with_crowd(plot)
