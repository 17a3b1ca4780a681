"""The records of published events: one table a day, and a row for each content of each version of a change.

Nearly every version has one content, in a row that is named by the key alone: one look-up finds it, or that there is
none. Purging drops a table, whatever it holds.

Source: https://learn.microsoft.com/azure/storage/tables/table-storage-design-guide
"""

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime, timedelta
from typing import Any

from azure.core.exceptions import HttpResponseError
from azure.data.tables import TableServiceClient

from shared.azure_calls import (
    CLIENT_ERRORS,
    FAIL_FAST,
    TABLE_ROLE,
    as_problem,
    create_if_missing,
    retry_on_stale_connection,
)
from shared.errors import Conflict
from shared.events.publication import IsEnough, PublicationRecord, PublicationRow
from shared.storage_calls import Row, TableCalls
from shared.table import Table
from shared.timing import Deadline, utc_time

_PREFIX = "published"
_NAME = re.compile(rf"{_PREFIX}\d{{8}}")
_CALL = timedelta(seconds=2)
# Of a table that the timer made, in a partition without records: whoever makes a lost one again does not write it.
_MARKER = "marker"


class PublicationTable:
    """The records in the tables of several days. All methods raise Unavailable or Misconfigured."""

    def __init__(self, tables: TableServiceClient) -> None:
        self._tables = tables
        self._calls = TableCalls(tables)

    def read(
        self, key: str, days: Sequence[date], *, since: datetime, is_enough: IsEnough, deadline: Deadline
    ) -> PublicationRecord | None:
        """Return what is recorded of ``key`` in the tables of ``days`` since a time of storage's clock, or None.

        Reads no further once ``is_enough`` says so of the record.
        """
        found: PublicationRecord | None = None
        for day in days:
            row = self._get(table_name(day), key, deadline)
            if row is None:
                continue
            found = _joined(found, key, row, since)
            if found is None or not is_enough(found):
                for other in self._others(table_name(day), key, deadline):
                    found = _joined(found, key, other, since)
            if found is not None and is_enough(found):
                break
        return found

    def write(self, rows: Sequence[PublicationRow], day: date) -> int | None:
        """Write up to 100 rows of one partition, or none of them: return the position of a first row that exists.

        Raises:
            Conflict: a first row exists, and storage does not say which.
        """
        table = table_name(day)
        entities = [Row(columns=_entity(row), replace=not row.is_first) for row in rows]
        seconds = _CALL.total_seconds()
        try:
            return create_if_missing(
                lambda: self._tables.create_table(table, **FAIL_FAST),
                lambda: retry_on_stale_connection(lambda: self._calls.write(table, entities, seconds=seconds)),
            )
        except CLIENT_ERRORS as exc:
            if isinstance(exc, HttpResponseError) and exc.status_code == 409:  # noqa: PLR2004  it has this one meaning
                raise Conflict(f"a row of the table {table} exists, or the table is being deleted") from exc
            raise as_problem(f"the table {table}", exc, role=TABLE_ROLE) from exc

    def has_marker(self, day: date) -> bool:
        """Return whether the table of a day has its marker."""
        return Table(self._tables, table_name(day)).get(_MARKER, _MARKER) is not None

    def write_marker(self, day: date) -> None:
        """Write the marker of a day, and with it the table; one that exists stays."""
        with suppress(Conflict):
            Table(self._tables, table_name(day)).save({"PartitionKey": _MARKER, "RowKey": _MARKER}, None)

    def purge(self, *, before: date) -> int:
        """Drop the tables of the days ``before``; return how many."""
        names = [name for name in self._names() if name < table_name(before)]
        for name in names:
            try:
                self._tables.delete_table(name)
            except CLIENT_ERRORS as exc:
                raise as_problem(f"the table {name}", exc, role=TABLE_ROLE) from exc
        return len(names)

    def _names(self) -> Sequence[str]:
        bounds = {"first": _PREFIX, "last": f"{_PREFIX}:"}
        query = "TableName ge @first and TableName lt @last"
        try:
            return [
                table.name
                for table in self._tables.query_tables(query, parameters=bounds)
                if _NAME.fullmatch(table.name)
            ]
        except CLIENT_ERRORS as exc:
            raise as_problem("the table published", exc, role=TABLE_ROLE) from exc

    def _get(self, table: str, key: str, deadline: Deadline) -> Mapping[str, Any] | None:
        return self._read(table, lambda seconds: self._calls.get(table, key[:1], key, seconds=seconds), deadline)

    def _others(self, table: str, key: str, deadline: Deadline) -> Sequence[Mapping[str, Any]]:
        """Return the rows beside the first one of a key; there is rarely one."""
        condition = f"PartitionKey eq '{key[:1]}' and RowKey gt '{key}' and RowKey lt '{key}.'"
        return self._read(table, lambda seconds: self._calls.query(table, condition, seconds=seconds), deadline)

    def _read[T](self, table: str, read: Callable[[float], T], deadline: Deadline) -> T:
        try:
            return retry_on_stale_connection(lambda: read(deadline.within(_CALL).seconds_left()))
        except CLIENT_ERRORS as exc:
            raise as_problem(f"the table {table}", exc, role=TABLE_ROLE) from exc


def table_name(day: date) -> str:
    """Return the name of the table of a day."""
    return f"{_PREFIX}{day:%Y%m%d}"


def _joined(
    found: PublicationRecord | None, key: str, row: Mapping[str, Any], since: datetime
) -> PublicationRecord | None:
    """Return the record with a row; a row from before ``since``, or one that the app did not write, adds nothing."""
    try:
        written_at = utc_time(row["Timestamp"])
    except (KeyError, ValueError):
        return found
    entry = row.get("entry")
    if not isinstance(entry, str) or written_at < since:
        return found
    if found is None:
        return PublicationRecord(key=key, entries=(entry,), published_at=written_at)
    return found.with_entries([entry], written_at)


def _entity(row: PublicationRow) -> Mapping[str, Any]:
    return {"PartitionKey": row.key[:1], "RowKey": row.name, "entry": row.entry}
