"""The markers of the tables of records against Azurite: a table that a record makes again has none.

The tables are of days long past, which no other test writes to.
"""

import random
from datetime import date, timedelta

import pytest
from azure.data.tables import TableServiceClient

from shared.events.publication import PublicationRow
from shared.events.publication_table import PublicationTable, table_name

pytestmark = pytest.mark.slow


@pytest.fixture
def day() -> date:
    return date(1990, 1, 1) + timedelta(days=random.randrange(3000))  # noqa: S311  no secret


def test_marker_is_there_from_its_writing_until_its_table_is_lost(tables: TableServiceClient, day: date) -> None:
    records = PublicationTable(tables)
    assert not records.has_marker(day)
    for _ in range(2):
        records.write_marker(day)
        assert records.has_marker(day)
    tables.delete_table(table_name(day))
    assert not records.has_marker(day)
    assert records.write([PublicationRow(key="0" * 32, entry="e", is_first=True)], day) is None
    assert not records.has_marker(day)
    tables.delete_table(table_name(day))
