"""The table of gaps against Azurite: what is saved is loaded, and no run overwrites the change of another."""

from dataclasses import replace
from uuid import uuid4

import pytest
from azure.data.tables import TableServiceClient

from shared.errors import Conflict
from shared.gaps.gap import Gap, GapCause, GapState, Step
from shared.gaps.gap_table import GapTable
from shared.table import Table
from tests.fakes.gap_values import GAP
from tests.fakes.subscription_values import NOW, failure

pytestmark = pytest.mark.slow


@pytest.fixture
def gaps(tables: TableServiceClient) -> GapTable:
    return GapTable(tables)


def _gap() -> Gap:
    """Return a gap in a partition of its own: the account is shared."""
    return replace(GAP, tenant_id=str(uuid4()))


def test_saved_gap_is_loaded_with_every_field(gaps: GapTable) -> None:
    full = replace(
        _gap(),
        state=GapState.REFUSED,
        reason="Grüße 👋 'quoted'",
        cause=GapCause.REQUESTED,
        position=(
            Step("/v1.0/users?$skiptoken=x", "b"),
            Step("/v1.0/users/b/chats/getAllMessages?$skiptoken=" + "x" * 30_000, None),
        ),
        recovered=7,
        read=7,
        skipped=1,
        failure=failure(retry_at=NOW.replace(microsecond=123_457)),
        due_at=NOW,
        begun_at=NOW,
        turn_at=NOW,
        ended_at=NOW,
    )
    saved = gaps.save(full)
    assert gaps.load(full.tenant_id) == (saved,)
    assert replace(saved, etag=None) == full
    bare = gaps.save(replace(GAP, tenant_id=full.tenant_id, cause=full.cause, due_at=NOW, etag=saved.etag))
    assert gaps.load(full.tenant_id) == (bare,)


def test_second_writer_of_a_gap_gets_a_conflict(gaps: GapTable) -> None:
    gap = _gap()
    saved = gaps.save(gap)
    with pytest.raises(Conflict):
        gaps.save(gap)
    later = gaps.save(replace(saved, recovered=1))
    for change in (gaps.save, gaps.delete):
        with pytest.raises(Conflict):
            change(saved)
    assert gaps.load(gap.tenant_id) == (later,)
    gaps.delete(later)
    assert list(gaps.load(gap.tenant_id)) == []
    with pytest.raises(Conflict):
        gaps.save(later)


def test_gaps_of_a_tenant_are_recorded_together_or_not_at_all(gaps: GapTable) -> None:
    first = _gap()
    others = [replace(first, subscription_key=f"{number:032x}") for number in range(1, 100)]
    gaps.create_all([first, *others])
    assert len(gaps.load(first.tenant_id)) == 100
    new = replace(first, subscription_key="f" * 32)
    with pytest.raises(Conflict):
        gaps.create_all([new, first])
    assert len(gaps.load(first.tenant_id)) == 100


def test_gaps_are_recorded_together_in_a_table_that_does_not_exist_yet(tables: TableServiceClient) -> None:
    table = Table(tables, f"gaps{uuid4().hex}")
    table.create_all([{"PartitionKey": "p", "RowKey": key} for key in ("a", "b")])
    assert len(table.query_partition("p")) == 2
