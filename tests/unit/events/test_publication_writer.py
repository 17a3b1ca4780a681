"""Records of published events are written soon, a partition at a time, and a row that exists costs no other one."""

import itertools
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

import pytest

from shared.errors import Misconfigured, Problem, Unavailable
from shared.events.publication import PublicationRow
from shared.events.publication_writer import PublicationWriter
from tests.eventually import eventually
from tests.fakes.publish_once_fixture import NOW, Table

KEYS = [f"{digit}{number:031x}" for digit in "0a" for number in range(3)]


@dataclass
class Writes(Table):
    """A table that remembers the keys of each transaction."""

    batches: list[tuple[str, ...]] = field(default_factory=list)

    def write(self, rows: Sequence[PublicationRow], day: date) -> int | None:
        self.batches.append(tuple(row.name for row in rows))
        return super().write(rows, day)


def _writer(table: Table, now: datetime = NOW) -> PublicationWriter:
    return PublicationWriter(table.write, now=lambda: now)


def test_rows_of_one_partition_are_one_transaction() -> None:
    table = Writes()
    writer = _writer(table)
    with writer.invocation():
        for key in KEYS:
            writer.add(key, "x")
    assert eventually(writer.is_idle)
    assert table.batches == [tuple(KEYS[:3]), tuple(KEYS[3:])]


def test_transaction_has_a_hundred_rows_at_most() -> None:
    table = Writes()
    writer = _writer(table)
    with writer.invocation():
        for number in range(250):
            writer.add(f"a{number}", "x")
    assert eventually(writer.is_idle)
    assert [len(batch) for batch in table.batches] == [100, 100, 50]


def test_rows_of_one_key_are_merged() -> None:
    table = Writes()
    writer = _writer(table)
    with writer.invocation():
        for entry in ("one", "two", "one"):
            writer.add("a0", entry)
    assert eventually(writer.is_idle)
    assert table.batches == [("a0", "a0-two")]


@pytest.mark.slow
def test_row_waits_for_a_quarter_of_a_second_while_invocations_run() -> None:
    table = Writes()
    writer = _writer(table)
    with writer.invocation():
        began = time.monotonic()
        writer.add("a0", "x")
        assert eventually(writer.is_idle)
        assert 0.2 < time.monotonic() - began < 2


def test_end_of_the_last_invocation_ends_the_waiting() -> None:
    table = Table()
    writer = _writer(table)
    began = time.monotonic()
    for number in range(8):
        with writer.invocation():
            writer.add(f"a{number}", "x")
        assert eventually(writer.is_idle)
    assert (len(table.rows), time.monotonic() - began < 8 * 0.25) == (8, True)


@pytest.mark.parametrize("existing", [(), (1,), (0, 2), (0, 1, 2), tuple(range(20))], ids=len)
def test_row_that_exists_is_written_beside_it_and_the_others_as_they_are(existing: tuple[int, ...]) -> None:
    table = Table()
    keys = [f"a{number}" for number in range(20)]
    for number in existing:
        table.write([PublicationRow(key=keys[number], entry="theirs", is_first=True)], NOW.date())
    writer = _writer(table)
    with writer.invocation():
        for key in keys:
            writer.add(key, "ours")
    assert eventually(writer.is_idle)
    for number, key in enumerate(keys):
        assert table.entries(key) == ({"theirs", "ours"} if number in existing else {"ours"})
    names = {name for _, _, name in table.rows}
    assert names == {*keys, *(f"{keys[number]}-ours" for number in existing)}


@pytest.mark.parametrize(
    ("problem", "written"),
    [(Unavailable("no answer"), [*KEYS[3:], *KEYS[:3]]), (Misconfigured("no role"), KEYS[3:])],
    ids=["silent", "refused"],
)
def test_next_invocation_writes_what_a_silent_table_did_not_take(problem: Problem, written: list[str]) -> None:
    calls = itertools.count()

    def trouble(_call: str) -> None:
        if next(calls) == 0:
            raise problem

    table = Table(trouble=trouble)
    writer = _writer(table)
    with writer.invocation():
        for key in KEYS:
            writer.add(key, "x")
    assert eventually(writer.is_idle)
    # The other partitions are written all the same.
    assert [name for _, _, name in table.rows] == KEYS[3:]
    with writer.invocation():
        pass
    assert eventually(writer.is_idle)
    assert [name for _, _, name in table.rows] == written


@pytest.mark.slow
def test_rows_of_one_key_are_all_written_after_an_outage() -> None:
    problems: list[Problem] = [Unavailable("no answer")]

    def trouble(_call: str) -> None:
        if problems:
            raise problems.pop()

    table = Table(trouble=trouble)
    writer = _writer(table)
    with writer.invocation():
        writer.add("a0", "one")
        assert eventually(writer.is_idle)
        writer.add("a0", "two")
        with writer.invocation():
            pass
    assert eventually(writer.is_idle)
    assert table.entries("a0") == {"one", "two"}


@pytest.mark.slow
def test_rows_that_wait_for_the_end_of_an_outage_are_bounded() -> None:
    is_down = threading.Event()
    is_down.set()

    def trouble(_call: str) -> None:
        if is_down.is_set():
            raise Unavailable("no answer")

    table = Table(trouble=trouble)
    writer = _writer(table)
    for part in range(3):
        for number in range(9_000):
            writer.add(f"a{part}-{number}", "x")
        assert eventually(writer.is_idle)
    is_down.clear()
    with writer.invocation():
        pass
    assert eventually(writer.is_idle)
    assert len(table.rows) == 20_000


@pytest.mark.slow
def test_rows_that_wait_for_a_slow_table_are_bounded() -> None:
    started, go_on = threading.Event(), threading.Event()

    def trouble(_call: str) -> None:
        started.set()
        go_on.wait(20)

    table = Table(trouble=trouble)
    writer = _writer(table)
    with writer.invocation():
        writer.add("first", "x")
    assert started.wait(20)
    for number in range(20_010):
        writer.add(f"a{number}", "x")
    go_on.set()
    assert eventually(writer.is_idle)
    assert len(table.rows) == 20_001


def test_row_is_in_the_table_of_the_day_in_utc() -> None:
    table = Table()
    writer = _writer(table, datetime.fromisoformat("2026-11-21T23:30:00-02:00"))
    with writer.invocation():
        writer.add("a0", "x")
    assert eventually(writer.is_idle)
    assert [day for day, _, _ in table.rows] == [datetime(2026, 11, 22, tzinfo=UTC).date()]
