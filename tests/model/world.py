"""The world of a history: the processes of the app, their storage, Teams and Graph, on one clock."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from shared.errors import Unavailable
from shared.events.cloud_events import CloudEvent
from shared.notifications.probe import Verdict, probe_body
from shared.subscriptions.delivery import EndpointAnswer
from shared.subscriptions.desired import DesiredSubscription, desired_from_json
from tests.fakes.calls import Killed
from tests.fakes.clocks import SettableClock
from tests.fakes.subscription_values import MINUTE, NOW, URL
from tests.flows.intercepted_calls import InterceptedTable
from tests.model.graph import Lists, Subscriptions
from tests.model.history import Blow, History, What
from tests.model.process import Ports, Process, recorder
from tests.model.runs import Interception, Run
from tests.model.stores import Sent, Storage
from tests.model.teams import Teams, chat_id
from tests.sender import PREVIOUS_STATE_KEY, STATE_KEY, TENANT, client_state

_ALL = "created,updated,deleted"
ENTRIES: Sequence[Mapping[str, Any]] = (
    {"resource": "/chats/getAllMessages", "changeType": _ALL, "includeResourceData": True},
    {"resource": f"/chats/{chat_id(0)}/messages", "changeType": "created,updated", "includeResourceData": True},
    {"resource": f"/chats/{chat_id(0)}/messages", "changeType": _ALL},
    {"resource": "/chats/getAllMembers", "changeType": "created,deleted", "includeResourceData": True},
    {"resource": f"/chats/{chat_id(0)}/members", "changeType": "created,deleted"},
)

type Mutation = Callable[[Ports], None]
"""Takes a rule of the app away, by other ports than the real ones."""


def unchanged(_ports: Ports) -> None:
    """Leave the app as it is."""


@dataclass(kw_only=True)
class World:
    """All that there is while a history is played. ``excused``: ids of events that may come twice, each with why."""

    history: History
    mutation: Mutation = unchanged
    clock: SettableClock = field(default_factory=SettableClock)
    storage: Storage = field(default_factory=Storage)
    excused: dict[str, str] = field(default_factory=dict)
    to_kill: set[int] = field(default_factory=set)
    also: Callable[[], None] | None = None
    """What the other process receives in the moment in which the next event is sent."""
    teams: Teams = field(init=False)
    graph: Subscriptions = field(init=False)
    processes: list[Process] = field(init=False)

    def __post_init__(self) -> None:
        self.teams = Teams(begins=self.clock.now())
        self.calls = Interception(is_wrong=self.is_wrong, overlap=self._overlap)
        self._keys = [STATE_KEY, PREVIOUS_STATE_KEY]
        self._times = itertools.count(1)
        self._running = 0
        self.graph = Subscriptions(
            clock=self.clock,
            token_life=self.history.life * MINUTE,
            validates=self.history.validates,
            is_up=lambda: not self.is_wrong(What.DOWN),
            check=lambda: self.calls.check(What.GRAPH),
            is_list_empty=lambda: self.is_wrong(What.LISTS),
        )
        self._wire()
        self.restart()

    def _wire(self) -> None:
        storage, check = self.storage, self.calls.check
        storage.parked.check = lambda: check(What.PARKED)
        storage.parked.claimable = lambda post: check(What.LEASED) if is_leased(post.received_at) else None
        storage.gaps.check = lambda: check(What.GAPS)
        storage.snapshot.check = lambda: check(What.KNOWN)
        storage.records.clock = self.clock.now
        storage.records.trouble = self._of_records

    @property
    def minute(self) -> float:
        """Return the minutes since the beginning."""
        return (self.clock.now() - NOW) / MINUTE

    def is_wrong(self, what: What) -> bool:
        """Return whether something is wrong at this moment."""
        return self.history.is_wrong(what, self.minute)

    def own_now(self, number: int) -> datetime:
        """Return the time by a process's own clock."""
        return self.clock.now() + self.history.skew(number, self.minute) * MINUTE

    # --- Processes

    def restart(self) -> None:
        """Start all processes anew."""
        self.processes = [self._process(number) for number in range(self.history.processes)]

    def rotate_key(self) -> None:
        """Sign with the other key; both are in the settings."""
        self._keys.reverse()
        self.restart()

    def post(self, number: int, body: bytes, fetch: str | None = None) -> tuple[datetime, bool]:
        """Return by which time a process received a POST, and whether it answered 202."""
        # No two POSTs come in one microsecond.
        received_at = self.own_now(number) + timedelta(microseconds=next(self._times))
        if self.is_wrong(What.DOWN) or self.is_wrong(What.SICK):
            return received_at, False
        before = len(self.storage.sunk)
        try:
            return received_at, self.processes[number].post(body, received_at=received_at, fetch=fetch)
        except Killed:
            self._end(number, self.storage.sunk[before:])
            return received_at, False

    def run_timer(self, number: int, blow: Blow | None = None, at: int = 0) -> bool:
        """Run the timer of a process; return whether the run came to its end."""
        outer, self.calls.run = self.calls.run, Run(blow=blow, at=at)
        before, self._running = len(self.storage.sunk), number
        try:
            self.processes[number].run()
        except Killed:
            self._end(number, self.storage.sunk[before:])
            return False
        finally:
            self.calls.run = outer
        return True

    def _end(self, number: int, sent: Sequence[Sent]) -> None:
        """End a process: what it has sent may not be recorded."""
        self.excused |= {each.event.id: "its process was killed" for each in sent if each.process == number}
        self.processes[number] = self._process(number)

    def _overlap(self) -> None:
        """Run the timer of another process, or of a second one, in the middle of a run."""
        before = len(self.storage.sunk)
        self.run_timer((self._running + 1) % len(self.processes))
        self.excused |= {each.event.id: "two runs sent it at once" for each in self.storage.sunk[before:]}

    def _process(self, number: int) -> Process:
        return Process(ports=self._ports(number), desired=self._desired(), keys=tuple(self._keys))

    def _ports(self, number: int) -> Ports:
        storage, lists = self.storage, self._lists()
        ports = Ports(
            clock=self.clock,
            own_now=lambda: self.own_now(number),
            storage=storage,
            table=InterceptedTable(table=storage.subscriptions, intercept=self._of_rows),
            records=storage.records,
            parked=storage.parked,
            park=storage.parked.store,
            graph=self.graph,
            lists=lists,
            get=lists.read,
            sink=lambda events, _deadline, sent: self._send(number, events, sent),
            vault=lambda: self.calls.check(What.VAULT),
            endpoint=lambda: self._endpoint(number),
            gap_recorder=recorder(storage),
            period=self.history.period * MINUTE,
        )
        self.mutation(ports)
        return ports

    def _lists(self) -> Lists:
        return Lists(teams=self.teams, check=lambda: self.calls.check(What.READS))

    def _desired(self) -> Sequence[DesiredSubscription]:
        entries = [dict(ENTRIES[number]) for number in self.history.entries]
        return desired_from_json({"subscriptions": entries}, tenant_ids=[TENANT])

    def _of_rows[T](self, call: Callable[[], T], /) -> T:
        return self.calls.call(What.ROWS, call)

    def _of_records(self, call: str) -> None:
        if call == "read":
            self.calls.check(What.RECORDS)
        # Records are written in the background: if they were hit, or counted, the order would be a matter of chance.
        elif self.is_wrong(What.RECORDS):
            raise Unavailable(f"no answer: {What.RECORDS}")

    def _endpoint(self, number: int) -> EndpointAnswer:
        """Return what a call of the app's own URL says, which a process of the app answers."""
        asked_at = self.clock.now()
        probe = probe_body(client_state=client_state(), tenant_id=TENANT)
        is_reached = not (self.is_wrong(What.DOWN) or self.is_wrong(What.SICK))
        is_taken = is_reached and self.processes[number].post(probe, received_at=self.own_now(number), fetch=None)
        return EndpointAnswer(url=URL, verdict=Verdict.YES if is_taken else Verdict.NO, asked_at=asked_at)

    def _send(self, number: int, events: Sequence[CloudEvent], sent: Callable[[CloudEvent], None]) -> None:
        for event in events:
            self.calls.check(What.SINK)
            self.storage.sunk.append(Sent(event=event, at=self.clock.now(), process=number))
            if self.is_wrong(What.RECORDS):
                self.excused[event.id] = "the table published was down"
            if self.calls.run is None and number in self.to_kill:
                self.to_kill.discard(number)
                raise Killed
            if self.calls.run is None and self.also is not None:
                also, self.also = self.also, None
                self.excused |= {each.id: "two processes received it at once" for each in events}
                also()
            sent(event)


def is_leased(received_at: datetime) -> bool:
    """Return whether somebody leases blobs of this time of receipt."""
    return received_at.microsecond % 2 == 1
