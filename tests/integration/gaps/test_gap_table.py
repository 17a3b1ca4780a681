"""The table of gaps against Azurite: what is saved is loaded, and no run overwrites the change of another."""

from dataclasses import replace
from uuid import uuid4

import pytest
from azure.data.tables import TableServiceClient

from shared.errors import Conflict
from shared.gaps.gap import Gap, GapCause, GapState, Step
from shared.gaps.gap_table import GapTable
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
