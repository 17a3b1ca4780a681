"""The laws of a chaos run: each of them, broken, is named."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from rich.console import Console

from sandbox.chaos.arrival import Arrival
from sandbox.chaos.books import Balance, Books, Fate
from sandbox.chaos.repeats import Cause
from sandbox.chaos.summary import Summary
from sandbox.graph import Answer, Delivery
from sandbox.run.queue_consumer import Event
from sandbox.teams import Change

WHEN = datetime(2026, 11, 21, tzinfo=UTC)
CHANGE = Change(
    tenant_id="t",
    change_type="created",
    path=("chats", "c", "messages", "1"),
    odata_type="#Microsoft.Graph.chatMessage",
    entity={},
    when=WHEN,
)
EVENT = Event(attributes={"type": "Microsoft.Graph.ChatCreated", "subject": "chats/x"}, data={}, size=1)
BALANCE = Balance(
    fates=Counter({Fate.LIVE: 3, Fate.REDRIVEN: 2}), missing=[], wrong=[], duplicates=Counter(), surplus=7
)


def _delivery(status: int | None, milliseconds: int, seconds: float = 0) -> Delivery:
    answer = Answer(status=status, took=timedelta(milliseconds=milliseconds))
    return Delivery(url="https://127.0.0.1/", answer=answer, when=WHEN + timedelta(seconds=seconds))


SUMMARY = Summary(
    balance=BALANCE,
    length=timedelta(seconds=20),
    books=Books(changes=[CHANGE] * 5, arrivals=[Arrival(event=EVENT, when=WHEN)] * 6),
    troubles=Counter({"Graph: down": 2}),
    deliveries=[
        *(_delivery(202, took, 5 + took / 20) for took in range(1, 101)),
        _delivery(None, 3000, 19.5),
        _delivery(503, 200, 60),
    ],
    timer_runs=4,
    lost_by_graph=0,
    was_slow=False,
    open_ends=[],
)


def _shown(summary: Summary) -> str:
    console = Console(file=StringIO(), width=200)
    summary.show(console)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_a_run_without_fault_says_so() -> None:
    assert SUMMARY.broken == []
    assert "Everything that happened in Teams is accounted for." in _shown(SUMMARY)


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (replace(SUMMARY, balance=replace(BALANCE, missing=[(CHANGE, Fate.LOST)])), "1 changes are missing"),
        (replace(SUMMARY, balance=replace(BALANCE, wrong=[EVENT])), "1 events are of no change"),
        (
            replace(SUMMARY, balance=replace(BALANCE, duplicates=Counter({None: 2}))),
            "2 events came twice for no reason",
        ),
        (replace(SUMMARY, lost_by_graph=3), "Graph has given up 3 notifications"),
        (replace(SUMMARY, was_slow=True), "Graph has found the endpoint slow"),
        (replace(SUMMARY, open_ends=["parked 2"]), "not done with: parked 2"),
        (replace(SUMMARY, books=Books()), "nothing has happened"),
    ],
    ids=["missing", "wrong", "twice", "given up", "slow", "open", "nothing"],
)
def test_a_broken_law_is_named(broken: Summary, words: str) -> None:
    assert len(broken.broken) == 1
    assert words in broken.broken[0]
    assert words in _shown(broken)


def test_what_came_twice_with_a_reason_breaks_no_law_and_is_shown() -> None:
    explained = replace(SUMMARY, balance=replace(BALANCE, duplicates=Counter({Cause.KILLED: 2})))
    assert explained.broken == []
    assert "2 x killed before it was noted" in _shown(explained)


@pytest.mark.parametrize(
    "shown",
    [
        "5: 3 live, 2 redriven, 0 recovered",
        "102: 100 x 202, 1 x 503, 1 x no answer",
        "p50 51 ms, p99 100 ms, p99.9 200 ms, longest 200 ms",
        "Told once more, under another id │ 7",
        "5, in the best ten seconds 10",
        "2 x Graph: down",
    ],
)
def test_the_table_shows(shown: str) -> None:
    assert shown in _shown(SUMMARY)


def test_a_missing_change_is_named_with_its_fate_and_all_that_was_seen_of_the_thing() -> None:
    missing = replace(SUMMARY, balance=replace(BALANCE, missing=[(CHANGE, Fate.UNRECOVERED)]))
    assert "not recovered: created chats('c')/messages('1') at 00:00:00" in _shown(missing)
    assert "    00:00:00.000000  created\n" in _shown(missing)
