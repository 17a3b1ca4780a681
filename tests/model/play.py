"""Plays a history: what people do, how Graph delivers it, what goes wrong, and the timer, in the order of time."""

import heapq
import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from math import ceil

from shared.gaps.gap import DONE_STATES
from shared.subscriptions.delivery import AFTER_OUTAGE
from tests.fakes.subscription_values import MINUTE, NOW
from tests.model.delivery import DROPPED, RETRIES, Notification, body_of, drops, lifecycle_item, notification_of
from tests.model.graph import Life
from tests.model.history import HOUR, Act, Blow, History, Stroke, What
from tests.model.teams import Change
from tests.model.world import Mutation, World, is_leased, unchanged
from tests.sender import body

_TO_LIFE = {Blow.KILLED_RUNNING, Blow.ANSWER_LOST, Blow.TWO_RUNS}
_EVENTS = {Blow.TOLD: "subscriptionRemoved", Blow.MISSED: "missed"}
# Of a message, Graph is late by a minute at most, and of a member by an hour.
# Source: https://learn.microsoft.com/graph/change-notifications-overview#latency
_LATEST_MESSAGE = 1
# A pause after a failure is an hour at most, and so is the time between two backfills of a resource.
_LONGEST_PAUSE = HOUR


@dataclass(kw_only=True)
class Play:
    """One history, played to its end, with all that the laws look at.

    ``untried``: sentences about parked POSTs whose turn did not come. ``settled_at``: the minute at which all is well.
    ``bound``: how many runs the last gap may take from then on.
    """

    history: History
    mutation: Mutation = unchanged
    world: World = field(init=False)
    notifications: list[Notification] = field(default_factory=list)
    untried: list[str] = field(default_factory=list)
    settled_at: int = field(init=False)
    bound: int = field(default=0, init=False)
    _overdue: Counter[str] = field(default_factory=Counter, init=False)
    _agenda: list[tuple[float, int, Callable[[], object]]] = field(default_factory=list, init=False)
    _numbers: Iterator[int] = field(default_factory=itertools.count, init=False)
    _blow: Stroke | None = field(default=None, init=False)
    _next_run: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.world = self._new_world()
        self.settled_at = self.history.ends_at + 1

    def _new_world(self) -> World:
        return World(history=self.history, mutation=self.mutation)

    def play(self) -> None:
        """Play the history, and then let the app put everything in order."""
        history = self.history
        for act in history.all_acts():
            self._at(act.at, partial(self._act, act))
        for stroke in history.strokes:
            self._at(stroke.at, partial(self._strike, stroke))
        for trouble in history.troubles:
            if trouble.what is What.RECORDS:
                # A process that cannot read the table leaves it alone for seconds, which here is no time.
                self._at(trouble.at + trouble.minutes, self.world.restart)
        self._run_times(self.settled_at // history.period + 1)
        self._play_until(self.settled_at)
        self._settle()
        self._end()

    def _settle(self) -> None:
        """Run as often as it may take, and no longer."""
        if not self.history.is_calm:
            # Graph sends for the last time, pauses end, and the run that ends the last outage comes.
            self._run_times(ceil(_LONGEST_PAUSE / self.history.period) + 2)
            self.bound = self._runs_to_close()
            self._run_times(self.bound)

    def _end(self) -> None:
        """Send the last copies."""
        self._play_until(self.world.minute + 5 * HOUR)

    def _run_times(self, count: int) -> None:
        for _ in range(count):
            self._at(self._next_run * self.history.period + 0.5, partial(self._run, self._next_run))
            self._next_run += 1
        self._play_until((self._next_run - 1) * self.history.period + 1)

    def _runs_to_close(self) -> int:
        """Return within how many runs every gap ends: those of one subscription begin an hour after each other."""
        storage = self.world.storage
        # A second comparison of lists comes hours later, and is no gap.
        gaps = (gap for gap in storage.gaps.rows.values() if not gap.is_recheck)
        left = Counter(gap.subscription_key for gap in gaps if gap.state not in DONE_STATES)
        left.update(row.key for row in storage.subscriptions.tracked() if row.missed_interval is not None)
        if not left:
            return 0
        # A gap ends before it is read back, and a failed attempt is followed by a pause.
        minutes = AFTER_OUTAGE / MINUTE + _LONGEST_PAUSE + max(left.values()) * HOUR
        return ceil(minutes / self.history.period) + 2

    # --- The agenda

    def _at(self, minute: float, act: Callable[[], object]) -> None:
        heapq.heappush(self._agenda, (minute, next(self._numbers), act))

    def _play_until(self, minute: float) -> None:
        while self._agenda and self._agenda[0][0] <= minute:
            due, _, act = heapq.heappop(self._agenda)
            self.world.clock.sleep_until(NOW + due * MINUTE)
            act()
        self.world.clock.sleep_until(NOW + minute * MINUTE)

    # --- What people do, and Graph sends

    def _act(self, act: Act) -> None:
        for change in self.world.teams.act(act, self.world.clock.now()):
            for id_, life in self._reporting(change):
                for state in (change.item, change.twin)[: 1 if change.twin is None else 2]:
                    self._send(act, notification_of(change, state, id_, life, act))

    def _reporting(self, change: Change) -> Iterable[tuple[str, Life]]:
        graph = self.world.graph
        living = ((id_, graph.living(id_)) for id_ in graph.living_ids())
        return [(id_, life) for id_, life in living if life is not None and life.reports(change)]

    def _send(self, act: Act, notification: Notification) -> None:
        self.notifications.append(notification)
        if notification.life.token_until < self.world.clock.now():
            notification.fate = "its token had expired"
            return
        late = min(act.late, _LATEST_MESSAGE) if notification.change.is_message else act.late
        self._at(act.at + late, partial(self._deliver, notification))
        if act.again is not None:
            self._at(act.at + late + act.again, partial(self._repeat, notification))

    def _deliver(self, notification: Notification) -> None:
        world, minute = self.world, self.world.minute
        if world.graph.living(notification.subscription_id) is None:
            notification.fate = "its subscription had ended"
        elif drops(self.history, minute):
            notification.fate = DROPPED
        elif not self._post(notification):
            self._try_later(notification)

    def _try_later(self, notification: Notification) -> None:
        if notification.tries >= len(RETRIES):
            notification.fate = "Graph gave it up after four hours"
            return
        pause = RETRIES[notification.tries]
        notification.tries += 1
        notification.process = (notification.process + 1) % self.history.processes
        began = (notification.change.at - NOW) / MINUTE
        self._at(max(began + pause, self.world.minute + 0.1), partial(self._deliver, notification))

    def _repeat(self, notification: Notification) -> None:
        """Send it once more, if it was taken, to the other process."""
        if notification.received and self.world.graph.living(notification.subscription_id):
            notification.process = (notification.process + 1) % self.history.processes
            self._post(notification)

    def _post(self, notification: Notification) -> bool:
        world, number, fetch = self.world, notification.process, notification.fetch
        sent = body_of(notification)
        if notification.at_once and not notification.received:
            other = (number + 1) % self.history.processes
            world.also = lambda: notification.received.append(world.post(other, sent, fetch)[0])
        received_at, is_accepted = world.post(number, sent, fetch)
        world.also = None
        # What was answered late or not at all may be published all the same.
        notification.received.append(received_at) if is_accepted else notification.refused.append(received_at)
        return is_accepted

    # --- What goes wrong

    def _strike(self, stroke: Stroke) -> None:
        world = self.world
        living = world.graph.living_ids()
        if stroke.blow is Blow.ROTATED:
            world.rotate_key()
        elif stroke.blow is Blow.KILLED_SENDING:
            world.to_kill.add(stroke.number % self.history.processes)
        elif stroke.blow in _TO_LIFE:
            self._blow = stroke
        elif living:
            id_ = living[stroke.number % len(living)]
            properties = world.graph.account.stored[id_]
            if stroke.blow is not Blow.MISSED:
                world.graph.remove(id_)
            if stroke.blow in _EVENTS:
                world.post(0, body(lifecycle_item(_EVENTS[stroke.blow], id_, properties)))

    # --- The timer

    def _run(self, number: int) -> None:
        world = self.world
        if world.is_wrong(What.TIMER):
            return
        blow, self._blow = self._blow, None
        before = {post.name: post for post in world.storage.parked.waiting()}
        began_at = world.clock.now()
        kind, at = (blow.blow, blow.number + 1) if blow else (None, 0)
        is_complete = world.run_timer(number % self.history.processes, kind, at)
        if not is_complete or kind is not None or world.is_wrong(What.PARKED):
            return
        for post in world.storage.parked.waiting():
            name, was = post.name, before.get(post.name)
            is_due = was is not None and (was.retry_at is None or was.retry_at <= began_at)
            is_left = was is not None and is_due and was.attempts == post.attempts
            is_free = not (world.is_wrong(What.LEASED) and is_leased(post.received_at))
            self._overdue[name] = self._overdue[name] + 1 if is_left and is_free else 0
            if self._overdue[name] > 1:
                self.untried.append(f"parked POST of {post.received_at:%H:%M} was not tried in two runs of its turn")


def played(history: History, mutation: Mutation = unchanged) -> Play:
    """Return a history that has been played."""
    play = Play(history=history, mutation=mutation)
    play.play()
    return play
