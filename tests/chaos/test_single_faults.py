"""Every single fault outside: the answer to Graph and its time, what is stored, and full recovery afterwards."""

import logging
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import quantiles
from typing import Any

import pytest

from sandbox.teams import Path
from tests.chaos.bursts import Answer, Connections, Fate, Kind, Post, drained, fates, posts
from tests.chaos.plan import all_kinds
from tests.chaos.single_faults import ROWS, Row
from tests.chaos.storage import Storage
from tests.end_to_end.deployed import SUBSCRIPTIONS, Deployed, deployed
from tests.eventually import eventually
from tests.fakes.time_limits import PATIENCE_SECONDS
from tests.sender import OTHER_TENANT, TENANT, Sender

pytestmark = [pytest.mark.slow, pytest.mark.chaos, pytest.mark.xdist_group("single_faults")]

_LOG = logging.getLogger(__name__)
_RUN = re.compile(r"Executed 'Functions\.RenewSubscriptions' \((\w+)")
_NORMAL: Mapping[Kind, Fate] = dict.fromkeys(Kind, Fate.PUBLISHED) | {Kind.FORGED: Fate.DROPPED}


@dataclass(kw_only=True)
class Experiment:
    """The app, which renews at every run and publishes each change once; ``events`` so far, by their subject."""

    app: Deployed
    graph: Sender
    connections: Connections
    messages: Iterator[Path]
    events: dict[str, list[Mapping[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    answers: list[Answer] = field(default_factory=list)
    refused: list[Post] = field(default_factory=list)

    def inject(self, row: Row) -> Sequence[Post]:
        """Return what was posted during the fault, after checking the answers and what was stored."""
        since = len(self.app.host.lines)
        self._renew(row)
        with row.fault(self.app):
            if row.run is not None:
                self.app.background.run(self._end_pauses())
                row.run(self.app)
            sent = posts(self.graph, self.messages)
            answers = self.connections.send(sent)
        self._consume()
        self.answers += answers
        self.refused += [post for post, answer in zip(sent, answers, strict=True) if answer.status in {503, None}]
        for kind, found in fates(self.app, sent, answers, self.events).items():
            passes = {_NORMAL[kind]} if row.may_pass else set()
            why = [line for line in self.app.host.lines[since:] if "refused" in line]
            assert found <= passes | {row.fates.get(kind, _NORMAL[kind])}, (row.whom, row.what, kind, why)
        assert max(answer.seconds for answer in answers) < PATIENCE_SECONDS, (row.whom, row.what)
        return sent

    def recover(self, *, timers: int = 1) -> None:
        """Do what time does: Graph sends again what was refused, pauses end, and the timer runs."""
        self.app.background.run(self._end_pauses())
        self.app.world.graph_service.requests.clear()
        assert {answer.status for answer in self.connections.send(self.refused)} <= {202}
        self.refused.clear()
        self._run(timers)
        self._consume()

    def is_renewed(self) -> bool:
        """Return whether each desired subscription exists once, and was renewed or created after the fault."""
        alive = self.app.world.graph.subscriptions()
        wanted = [(tenant, entry["resource"]) for tenant in (TENANT, OTHER_TENANT) for entry in SUBSCRIPTIONS]
        writes = [each for each in self.app.world.graph_service.requests if each.method in {"PATCH", "POST"}]
        return sorted((each.tenant_id, each.resource) for each in alive) == sorted(wanted) and len(writes) >= len(alive)

    def _renew(self, row: Row) -> None:
        match row.renewed:
            case "certificate":
                self.graph = self.app.sender()
            case "signing key":
                self.app.world.entra.rotate_signing_key()

    def _consume(self) -> None:
        for event in drained(self.app):
            self.events[event["subject"]].append(event)

    def _run(self, timers: int) -> None:
        before = len(self._runs())
        for _ in range(timers):
            self.app.background.run(self.app.world.fire_timer(self.app.host.url))
        assert eventually(lambda: len(self._runs()) == before + timers, seconds=30)
        assert self._runs()[before:] == ["Succeeded"] * timers

    def _runs(self) -> list[str]:
        return [match[1] for match in map(_RUN.search, self.app.host.lines) if match]

    async def _end_pauses(self) -> None:
        async with Storage.open(self.app.world.azurite.connection_string) as storage:
            await storage.end_pauses()


@pytest.fixture(scope="module")
def experiment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Experiment]:
    with deployed(tmp_path_factory.mktemp("world")) as app:
        messages = iter(_messages(app))
        app.restart(DEDUPLICATE_FOR="", RENEW_AFTER="PT0.001S")
        connections = Connections(app)
        made = Experiment(app=app, graph=app.sender(), connections=connections, messages=messages)
        # The first answers come from a process that imports, fetches keys and makes its queue.
        assert eventually(lambda: all(each.status == 202 for each in connections.send(posts(made.graph, messages))))
        made.recover()
        yield made
        connections.close()
        seconds = [answer.seconds for answer in made.answers if answer.status is not None]
        *_, last = quantiles(seconds, n=1000)
        _LOG.info("%s answers: p99.9 %.2f s, slowest %.2f s", len(seconds), last, max(seconds))


def _messages(app: Deployed) -> Sequence[Path]:
    """Return messages of a chat, written before there are subscriptions."""
    teams = app.world.teams
    people = [teams.add_user(TENANT, name) for name in ("Adele Vance", "Alex Wilber")]
    chat = teams.chats.create(people)
    return [teams.messages.send(chat, people[0], f"Message {number}") for number in range(len(ROWS) + 20)]


def test_every_kind_of_fault_has_its_row() -> None:
    assert not set(all_kinds()) - {(row.whom, row.what) for row in ROWS}


@pytest.mark.parametrize("whom", dict.fromkeys(row.whom for row in ROWS))
def test_single_faults_lose_no_change_and_recover(experiment: Experiment, whom: str) -> None:
    experiment.app.reset()
    rows = [row for row in ROWS if row.whom == whom]
    sent = [experiment.inject(row) for row in rows]
    experiment.recover(timers=rows[-1].timers)
    assert experiment.app.stored("parked") == []
    assert experiment.is_renewed()
    for row, burst in zip(rows, sent, strict=True):
        for post in burst:
            _check_events(row, post, experiment.events[post.subject])


def _check_events(row: Row, post: Post, events: Sequence[Mapping[str, Any]]) -> None:
    live = [event for event in events if "recovered" not in event]
    if post.kind is Kind.FORGED or row.fates.get(post.kind) is Fate.QUARANTINED:
        assert live == []
        return
    ids = {event["id"] for event in live}
    # A refused POST may have been published, and the id of a lifecycle event has the time of its POST.
    has_new_id = post.kind is Kind.LIFECYCLE and row.fates.get(post.kind) is Fate.REFUSED
    assert len(ids) == 1 or (len(ids) == 2 and has_new_id), (row.whom, row.what, post.kind)
    assert len(live) == len(ids) or row.twice, (row.whom, row.what, post.kind)
    for event in live:
        assert post.content is None or event["data"]["content"] == post.content
        assert post.kind is not Kind.FETCHED or event["data"]["content"]["id"] == post.subject.rpartition("/")[2]
