"""Every single fault outside: what Graph is told and how soon, what is stored, and that all is well afterwards."""

import logging
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import quantiles
from typing import Any

import pytest

from sandbox.chaos.plan import all_kinds
from sandbox.chaos.stores import Stores
from sandbox.teams import Path
from tests.end_to_end.bursts import Answer, Fate, Kind, Line, Post, drained, fates, posts
from tests.end_to_end.deployed import SUBSCRIPTIONS, Deployed
from tests.end_to_end.single_faults import ROWS, Row
from tests.eventually import eventually
from tests.fakes.time_limits import PATIENCE_SECONDS
from tests.sender import OTHER_TENANT, TENANT, Sender

pytestmark = [pytest.mark.slow, pytest.mark.chaos]

_LOG = logging.getLogger(__name__)
_RUN = re.compile(r"Executed 'Functions\.RenewSubscriptions' \((\w+)")
_NORMAL: Mapping[Kind, Fate] = dict.fromkeys(Kind, Fate.PUBLISHED) | {Kind.FORGED: Fate.GONE}


@dataclass(kw_only=True)
class Scene:
    """The app, which renews at every run and publishes each change once; ``events`` so far, by their subject."""

    app: Deployed
    graph: Sender
    line: Line
    messages: Iterator[Path]
    events: dict[str, list[Mapping[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    answers: list[Answer] = field(default_factory=list)
    refused: list[Post] = field(default_factory=list)

    def suffer(self, row: Row) -> Sequence[Post]:
        """Return what was posted while the fault lasted, after a look at the answers and at what was stored."""
        since = len(self.app.host.lines)
        self._meet(row)
        with row.trouble(self.app):
            if row.run is not None:
                self.app.background.run(self._hurry())
                row.run(self.app)
            sent = posts(self.graph, self.messages)
            answers = self.line.send(sent)
        self._consume()
        self.answers += answers
        self.refused += [post for post, answer in zip(sent, answers, strict=True) if answer.status in {503, None}]
        for kind, found in fates(self.app, sent, answers, self.events).items():
            passes = {_NORMAL[kind]} if row.may_pass else set()
            why = [line for line in self.app.host.lines[since:] if "refused" in line]
            assert found <= passes | {row.fates.get(kind, _NORMAL[kind])}, (row.whom, row.what, kind, why)
        assert max(answer.seconds for answer in answers) < PATIENCE_SECONDS, (row.whom, row.what)
        return sent

    def heal(self, *, timers: int = 1) -> None:
        """Do what time does: Graph sends again what was refused, pauses end, and the timer runs."""
        self.app.background.run(self._hurry())
        self.app.world.graph_service.requests.clear()
        assert {answer.status for answer in self.line.send(self.refused)} <= {202}
        self.refused.clear()
        self._run(timers)
        self._consume()

    def is_renewed(self) -> bool:
        """Return whether each wanted subscription lives once, and was renewed or made since all was well."""
        alive = self.app.world.graph.subscriptions()
        wanted = [(tenant, entry["resource"]) for tenant in (TENANT, OTHER_TENANT) for entry in SUBSCRIPTIONS]
        writes = [each for each in self.app.world.graph_service.requests if each.method in {"PATCH", "POST"}]
        return sorted((each.tenant_id, each.resource) for each in alive) == sorted(wanted) and len(writes) >= len(alive)

    def _meet(self, row: Row) -> None:
        match row.stranger:
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

    async def _hurry(self) -> None:
        async with Stores.open(self.app.world.azurite.connection_string) as stores:
            await stores.hurry()


@pytest.fixture(scope="module")
def scene(deployment: Deployed) -> Iterator[Scene]:
    deployment.as_it_was()
    deployment.background.run(deployment.forget_subscriptions())
    messages = iter(_messages(deployment))
    deployment.restart(DEDUPLICATE_FOR="", RENEW_AFTER="PT0.001S")
    made = Scene(app=deployment, graph=deployment.sender(), line=Line(deployment), messages=messages)
    # The first answers come from a process that imports, fetches keys and makes its queue.
    assert eventually(lambda: all(answer.status == 202 for answer in made.line.send(posts(made.graph, messages))))
    made.heal()
    yield made
    made.line.close()
    deployment.restart(DEDUPLICATE_FOR="0", RENEW_AFTER="")
    seconds = [answer.seconds for answer in made.answers if answer.status is not None]
    *_, last = quantiles(seconds, n=1000)
    _LOG.info("%s answers: p99.9 %.2f s, slowest %.2f s", len(seconds), last, max(seconds))


def _messages(app: Deployed) -> Sequence[Path]:
    """Return messages that stand in a chat, written before anybody subscribes."""
    teams = app.world.teams
    people = [teams.add_user(TENANT, name) for name in ("Adele Vance", "Alex Wilber")]
    chat = teams.chats.create(people)
    return [teams.messages.send(chat, people[0], f"Message {number}") for number in range(len(ROWS) + 20)]


def test_every_kind_of_trouble_has_its_row() -> None:
    assert not set(all_kinds()) - {(row.whom, row.what) for row in ROWS}


@pytest.mark.parametrize("whom", dict.fromkeys(row.whom for row in ROWS))
def test_single_faults_cost_no_change_and_heal(scene: Scene, whom: str) -> None:
    scene.app.as_it_was()
    rows = [row for row in ROWS if row.whom == whom]
    sent = [scene.suffer(row) for row in rows]
    scene.heal(timers=rows[-1].timers)
    assert scene.app.kept("parked") == []
    assert scene.is_renewed()
    for row, burst in zip(rows, sent, strict=True):
        for post in burst:
            _check_events(row, post, scene.events[post.subject])


def _check_events(row: Row, post: Post, events: Sequence[Mapping[str, Any]]) -> None:
    live = [event for event in events if "recovered" not in event]
    if post.kind is Kind.FORGED or row.fates.get(post.kind) is Fate.KEPT:
        assert live == []
        return
    ids = {event["id"] for event in live}
    # What was refused may have got through all the same, and what tells of a subscription is known by when it came.
    is_told_anew = post.kind is Kind.TOLD and row.fates.get(post.kind) is Fate.REFUSED
    assert len(ids) == 1 or (len(ids) == 2 and is_told_anew), (row.whom, row.what, post.kind)
    assert len(live) == len(ids) or row.twice, (row.whom, row.what, post.kind)
    for event in live:
        assert post.content is None or event["data"]["content"] == post.content
        assert post.kind is not Kind.FETCHED or event["data"]["content"]["id"] == post.subject.rpartition("/")[2]
