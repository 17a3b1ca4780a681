"""The table of gaps against Azurite: what is saved is loaded, and nobody overwrites anybody."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from azure.data.tables import TableServiceClient, UpdateMode

from sandbox.azurite import Azurite
from sandbox.relay import Mood, Relay
from shared.errors import Conflict, Misconfigured, Unavailable
from shared.gaps.gap import Gap, GapState
from shared.gaps.gap_table import TABLE, GapTable, to_entity
from tests.fakes.gap_values import GAP
from tests.fakes.subscription_values import NOW, failure
from tests.sandbox.background import Background

pytestmark = pytest.mark.slow

_ONCE = {"retry_total": 0, "connection_timeout": 1, "read_timeout": 1}


@pytest.fixture
def tables(azurite: Azurite) -> Iterator[TableServiceClient]:
    with TableServiceClient.from_connection_string(azurite.connection_string) as tables:
        yield tables


@pytest.fixture
def recoveries(tables: TableServiceClient) -> GapTable:
    return GapTable(tables)


def _row() -> Gap:
    """Return a row of a partition of its own: the account is shared."""
    return replace(GAP, tenant_id=str(uuid4()))


def test_what_is_saved_is_loaded_in_every_part(recoveries: GapTable) -> None:
    full = replace(
        _row(),
        state=GapState.REFUSED,
        reason="Grüße 👋 'quoted'",
        checkpoint="a",
        current_query="b",
        next_page="/v1.0/users/b/chats/getAllMessages?$skiptoken=" + "x" * 4000,
        recovered=7,
        skipped=1,
        failure=failure(retry_at=NOW.replace(microsecond=123_457)),
        ended_at=NOW,
    )
    saved = recoveries.save(full)
    assert recoveries.load(full.tenant_id) == (saved,)
    assert replace(saved, etag=None) == full
    bare = recoveries.save(replace(GAP, tenant_id=full.tenant_id, etag=saved.etag))
    assert recoveries.load(full.tenant_id) == (bare,)


def test_a_tenant_without_gaps_has_none(recoveries: GapTable) -> None:
    assert list(recoveries.load(str(uuid4()))) == []


def test_of_two_who_save_a_row_the_second_is_told(recoveries: GapTable) -> None:
    row = _row()
    saved = recoveries.save(row)
    with pytest.raises(Conflict):
        recoveries.save(row)
    later = recoveries.save(replace(saved, recovered=1))
    for change in (recoveries.save, recoveries.delete):
        with pytest.raises(Conflict):
            change(saved)
    assert recoveries.load(row.tenant_id) == (later,)
    recoveries.delete(later)
    assert list(recoveries.load(row.tenant_id)) == []
    with pytest.raises(Conflict):
        recoveries.save(later)


def test_a_row_that_somebody_has_spoilt_is_named(tables: TableServiceClient, recoveries: GapTable) -> None:
    saved = recoveries.save(_row())
    tables.get_table_client(TABLE).update_entity(to_entity(saved) | {"state": "?"}, mode=UpdateMode.REPLACE)
    with pytest.raises(Misconfigured, match=f"{saved.tenant_id}/{saved.key}"):
        recoveries.load(saved.tenant_id)


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda recoveries, saved: recoveries.load(saved.tenant_id), id="load"),
        pytest.param(lambda recoveries, _saved: recoveries.save(_row()), id="create"),
        pytest.param(lambda recoveries, saved: recoveries.save(saved), id="change"),
        pytest.param(lambda recoveries, saved: recoveries.delete(saved), id="remove"),
    ],
)
def test_a_table_that_is_away_is_unavailable(
    azurite: Azurite, recoveries: GapTable, call: Callable[[GapTable, Gap], object]
) -> None:
    saved = recoveries.save(_row())
    background, relay = Background(), Relay(urlsplit(azurite.table_endpoint).port or 0)
    background.run(relay.start())
    relay.mood = Mood.DOWN
    relayed = re.sub(r"(TableEndpoint=http://127\.0\.0\.1):\d+", rf"\1:{relay.port}", azurite.connection_string)
    try:
        with TableServiceClient.from_connection_string(relayed, **_ONCE) as away, pytest.raises(Unavailable):
            call(GapTable(away), saved)
    finally:
        background.run(relay.stop())
        background.close()
