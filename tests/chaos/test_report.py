"""The laws of a chaos run: each of them, broken, is named."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from sandbox.clock import Clock
from sandbox.graph import Answer, Delivery
from sandbox.ledger import Ledger
from sandbox.run.queue_consumer import Event
from tests.chaos.duplicates import Lost, Outage
from tests.chaos.report import Report
from tests.sandbox.deliveries import CHANGE, SUBSCRIPTION, WHEN, delivery

DATA = {"tenantId": "t", "subscriptionId": "s", "resource": "chats('c')/messages('1')", "changeType": "created"}


def _event(*, id_: str = "1", **data: Any) -> Event:
    attributes = {"type": "Microsoft.Graph.ChatMessageCreated", "subject": "chats/c/messages/1"}
    dated = attributes | {"id": id_, "time": WHEN.isoformat()}
    return Event(attributes=dated, data=DATA | {"content": CHANGE.entity} | data, size=1)


def _post(status: int | None, milliseconds: int, seconds: float) -> Delivery:
    answer = Answer(status=status, took=timedelta(milliseconds=milliseconds))
    return Delivery(url="https://127.0.0.1/", answer=answer, when=WHEN + timedelta(seconds=seconds))


def _ledger(*events: Event) -> Ledger:
    ledger = Ledger(Clock())
    ledger.delivered(replace(delivery(), answer=Answer(status=202, took=timedelta(milliseconds=1)), when=WHEN))
    for post in (
        *(_post(202, took, 5 + took / 20) for took in range(2, 101)),
        _post(None, 3000, 19.5),
        _post(503, 200, 60),
    ):
        ledger.delivered(post)
    for event in events:
        ledger.arrived(event, WHEN)
    return ledger


REPORT = Report(
    ledger=_ledger(_event(), _event(id_="2")),
    outages=[],
    length=timedelta(seconds=20),
    faults=Counter({"Graph: down": 2}),
    timer_runs=4,
    met={"items of strangers": 3, "lists that forgot": 0},
    strange_ids=["other"],
    asked_again=[],
    lost_by_graph=0,
    was_slow=False,
    unfinished=[],
    load=7.25,
    cores=2,
)
KNOWN = replace(SUBSCRIPTION, created_at=WHEN, renewed_at=WHEN + timedelta(minutes=1))
TWICE = replace(REPORT, ledger=_ledger(_event(), _event()))


def _shown(report: Report) -> str:
    output = StringIO()
    report.show(Console(file=output, width=200))
    return output.getvalue()


def test_report_of_a_run_that_broke_no_law_says_so() -> None:
    assert REPORT.broken == []
    assert "Everything that happened in Teams is accounted for." in _shown(REPORT)


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (replace(REPORT, ledger=_ledger()), "1 changes are missing"),
        (replace(REPORT, ledger=_ledger(_event(), _event(id_="2", content={}))), "1 events are of no change"),
        (TWICE, "1 events came twice without a cause"),
        (replace(REPORT, strange_ids=["s"]), "2 events come from a stranger's subscription"),
        (replace(REPORT, asked_again=[KNOWN]), "the app has asked 1 times for a subscription that it knew"),
        (replace(REPORT, lost_by_graph=3), "Graph has given up 3 notifications"),
        (replace(REPORT, was_slow=True), "Graph has found the endpoint slow"),
        (replace(REPORT, unfinished=["parked 2"]), "unfinished: parked 2"),
        (replace(REPORT, ledger=Ledger(Clock())), "nothing has happened"),
    ],
    ids=["missing", "wrong", "twice", "strange", "known", "given up", "slow", "unfinished", "nothing"],
)
def test_broken_law_is_named(broken: Report, words: str) -> None:
    assert len(broken.broken) == 1
    assert words in broken.broken[0]
    assert words in _shown(broken)


def test_duplicate_with_a_cause_breaks_no_law_and_is_shown() -> None:
    caused = replace(TWICE, outages=[Outage(lost=Lost.PROCESS, since=WHEN, until=WHEN)])
    assert caused.broken == []
    assert "1 x killed before it was recorded" in _shown(caused)


@pytest.mark.parametrize("lost", [Lost.PROCESS, Lost.TABLE, Lost.GRAPH])
def test_subscription_that_was_made_in_an_outage_may_be_asked_for_again(lost: Lost) -> None:
    outages = [Outage(lost=lost, since=WHEN, until=WHEN)]
    created = replace(KNOWN, renewed_at=None)
    assert replace(REPORT, outages=outages, asked_again=[created]).broken == []
    assert len(replace(REPORT, outages=outages, asked_again=[KNOWN]).broken) == 1


@pytest.mark.parametrize(
    "shown",
    [
        "1: 1 live, 0 redriven, 0 recovered",
        "102: 100 x 202, 1 x 503, 1 x no answer",
        "p50 51 ms, p99 100 ms, p99.9 200 ms, longest 200 ms",
        "Repeated, another id │ 1",
        "5, in the best ten seconds 10",
        "2 x Graph: down",
        "3 x items of strangers ",
        "Load of the machine  │ 7.2 on 2 cores",
    ],
)
def test_table_shows(shown: str) -> None:
    assert shown in _shown(REPORT)


def test_missing_change_is_shown_with_its_outcome_and_history() -> None:
    shown = _shown(replace(REPORT, ledger=_ledger()))
    assert "lost: created chats('c')/messages('1') at 00:00:00" in shown
    assert "    00:00:00.000000  created\n" in shown
