"""The table of gaps: rows in and out, each change made only to what was read.

Source: https://learn.microsoft.com/rest/api/storageservices/performing-entity-group-transactions (ETags)
"""

from collections.abc import Sequence
from dataclasses import replace

from azure.data.tables import TableServiceClient

from shared.recovery import Recovery
from shared.recovery_rows import entity_of, recoveries_from
from shared.table import Table

TABLE = "gaps"


class Recoveries:
    """The rows of all tenants.

    All methods raise Unavailable when the table does not answer. What changes a row raises Conflict when somebody else
    has changed it since it was read.
    """

    def __init__(self, tables: TableServiceClient) -> None:
        self._table = Table(tables, TABLE)

    def load(self, tenant_id: str) -> Sequence[Recovery]:
        """Return all gaps of a tenant.

        Raises:
            Misconfigured: a row cannot be read; the text names it.
        """
        return recoveries_from(self._table.query_partition(tenant_id))

    def save(self, row: Recovery) -> Recovery:
        """Return ``row`` as it is kept, with its ETag."""
        return replace(row, etag=self._table.save(entity_of(row), row.etag))

    def remove(self, row: Recovery) -> None:
        """Delete a row, if it is there."""
        self._table.remove(row.tenant_id, row.key, row.etag)
