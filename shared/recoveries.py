"""The table of gaps: rows in and out, each change made only to what was read.

Source: https://learn.microsoft.com/rest/api/storageservices/performing-entity-group-transactions (ETags)
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from azure.core import MatchConditions
from azure.core.exceptions import AzureError, ResourceExistsError, ResourceModifiedError, ResourceNotFoundError
from azure.data.tables import TableServiceClient, UpdateMode

from shared.azure_calls import making_sure, unavailable
from shared.errors import Conflict
from shared.recovery import Recovery
from shared.recovery_rows import entity_of, recoveries_from

TABLE = "gaps"

_SYSTEM = "the table of gaps"


class Recoveries:
    """The rows of all tenants.

    All methods raise Unavailable when the table does not answer. What changes a row raises Conflict when somebody else
    has changed it since it was read.
    """

    def __init__(self, tables: TableServiceClient) -> None:
        self._table = tables.get_table_client(TABLE)

    def load(self, tenant_id: str) -> Sequence[Recovery]:
        """Return all gaps of a tenant.

        Raises:
            Misconfigured: a row cannot be read; the text names it.
        """
        try:
            entities = list(self._table.query_entities("PartitionKey eq @tenant", parameters={"tenant": tenant_id}))
        except ResourceNotFoundError:
            return ()
        except AzureError as exc:
            raise unavailable(_SYSTEM, exc) from exc
        return recoveries_from(entities)

    def save(self, row: Recovery) -> Recovery:
        """Return ``row`` as it is kept, with its ETag."""
        entity, etag = entity_of(row), row.etag
        if etag is None:
            kept = _changed(lambda: making_sure(self._table.create_table, lambda: self._table.create_entity(entity)))
        else:
            kept = _changed(
                lambda: self._table.update_entity(
                    entity, mode=UpdateMode.REPLACE, etag=etag, match_condition=MatchConditions.IfNotModified
                )
            )
        return replace(row, etag=kept["etag"])

    def remove(self, row: Recovery) -> None:
        """Delete a row, if it is there."""
        _changed(
            lambda: self._table.delete_entity(
                row.tenant_id, row.key, etag=row.etag, match_condition=MatchConditions.IfNotModified
            )
        )


def _changed[T](change: Callable[[], T]) -> T:
    try:
        return change()
    except (ResourceExistsError, ResourceModifiedError, ResourceNotFoundError) as exc:
        raise Conflict("another run has changed the row of the gap") from exc
    except AzureError as exc:
        raise unavailable(_SYSTEM, exc) from exc
