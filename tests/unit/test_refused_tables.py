"""A table that refuses the app (a role is missing) stops no more than one that does not answer."""

import itertools
import logging
from collections.abc import Callable

import pytest

from shared.errors import Misconfigured
from shared.events.cloud_events import CloudEvent
from tests.fakes.publish_once_fixture import Table, Worker, message
from tests.fakes.reconcile_fixture import BASIC, RICH, ReconcileFixture
from tests.sender import TENANT
from tests.unit.gaps import test_snapshot_recorder as snapshots

REFUSAL = "the table refuses the app's identity (403)"


def _refused(call: str) -> Callable[[str], None]:
    def trouble(called: str) -> None:
        if called == call:
            raise Misconfigured(REFUSAL)

    return trouble


def test_events_are_published_without_lookups_that_are_refused(caplog: pytest.LogCaptureFixture) -> None:
    worker = Worker(Table(trouble=_refused("read")))
    for etag in "123":
        worker.publish(message(etag=etag))
    assert len(worker.sunk) == 3
    assert worker.table.calls.count("read") == 1
    assert f"may be published twice: {REFUSAL}" in caplog.text


def test_events_are_published_whose_records_are_refused(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="shared")
    worker = Worker(Table(trouble=_refused("write")))
    worker.publish(message())
    assert len(worker.sunk) == 1
    assert f"their records were not written: {REFUSAL}" in caplog.text


def test_chat_is_published_whose_snapshot_is_refused() -> None:
    table = snapshots.Table()
    table.problem = Misconfigured(REFUSAL)
    published = list[CloudEvent]()
    snapshots._publish(snapshots._noting(published, table), snapshots._event("chats/c"))
    assert len(published) == 1


@pytest.mark.parametrize(("refused", "counts"), [(1, {"postponed": 1, "created": 1}), (5, {"created": 2})])
def test_refused_save_of_status_or_row_postpones_no_other(refused: int, counts: dict[str, int]) -> None:
    """Each creation saves twice; the fifth save is that of the account's status."""
    world, saves = ReconcileFixture(BASIC, RICH, tenants=[TENANT]), itertools.count(1)

    def refuse_one(call: str) -> None:
        if call == "save" and next(saves) == refused:
            raise Misconfigured(REFUSAL)

    world.calls.before = refuse_one
    assert world.run() == counts
