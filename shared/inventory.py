"""The table of what was last told of chats, teams, channels and members: a row for each, a partition for each list.

Source: https://learn.microsoft.com/azure/storage/tables/table-storage-design-guide
"""

import hashlib
from collections.abc import Iterable, Mapping
from itertools import batched
from typing import Any

from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.data.tables import TableServiceClient, UpdateMode

from shared.azure_calls import HASTY, making_sure, unavailable
from shared.columns import optional_text, read, text
from shared.known import Known
from shared.tables import Table

TABLE = "known"

# A transaction of tables takes so many changes.
# Source: https://learn.microsoft.com/rest/api/storageservices/performing-entity-group-transactions
_MAX_BATCH = 100


class Inventory:
    """The table; all methods raise Unavailable when it does not answer as it should."""

    def __init__(self, tables: TableServiceClient) -> None:
        self._table = Table(tables, TABLE)

    def of(self, tenant_id: str, collection: str) -> Mapping[str, Known]:
        """Return what is known of a list of things, by their ids.

        Raises:
            Misconfigured: a row cannot be read; the text names it.
        """
        rows = self._table.partition(_partition(tenant_id, collection))
        return {known.id: known for known in (read(TABLE, _known, row, tenant_id) for row in rows)}

    def get(self, known: Known) -> Known | None:
        """Return what is known of one thing, whatever ``known`` says of its looks.

        Raises:
            Misconfigured: its row cannot be read; the text names it.
        """
        entity = _entity(known)
        try:
            row = self._table.client.get_entity(entity["PartitionKey"], entity["RowKey"])
        except ResourceNotFoundError:
            return None
        except AzureError as exc:
            raise unavailable(self._table.name, exc) from exc
        return read(TABLE, _known, row, known.tenant_id)

    def note(self, known: Known) -> None:
        """Keep what was told of a thing, or forget it where it is there no more; in the receiving path's haste.

        A deletion that is told late, because it was parked, does not undo what was noted since: who left came back.
        """
        if not known.is_there:
            self._forget(known)
            return
        client = self._table.client
        try:
            making_sure(
                lambda: client.create_table(**HASTY),
                lambda: client.upsert_entity(_entity(known), mode=UpdateMode.REPLACE, **HASTY),
            )
        except AzureError as exc:
            raise unavailable(self._table.name, exc) from exc

    def note_all(self, things: Iterable[Known]) -> None:
        """Keep what was found of the things of one list."""
        for batch in batched(things, _MAX_BATCH, strict=False):
            # The first makes the table.
            self.note(batch[0])
            there = [("upsert", _entity(known), {"mode": UpdateMode.REPLACE}) for known in batch[1:] if known.is_there]
            if there:
                self._table.transact(there)
            for known in batch[1:]:
                if not known.is_there:
                    self._forget(known)

    def _forget(self, known: Known) -> None:
        keys = [_entity(known)[name] for name in ("PartitionKey", "RowKey")]
        try:
            noted_at = self._table.client.get_entity(*keys, **HASTY).metadata["timestamp"]
            if known.told_at is None or noted_at is None or noted_at < known.told_at:
                self._table.client.delete_entity(*keys, **HASTY)
        except ResourceNotFoundError:
            return
        except AzureError as exc:
            raise unavailable(self._table.name, exc) from exc


def _partition(tenant_id: str, collection: str) -> str:
    return f"{tenant_id}-{_hash(collection)}"


def _entity(known: Known) -> dict[str, Any]:
    keys = {"PartitionKey": _partition(known.tenant_id, known.collection), "RowKey": _hash(known.subject)}
    return {**keys, "resource": known.subject} | ({"looks": known.looks} if known.looks is not None else {})


def _known(entity: Any, tenant_id: str) -> Known:
    return Known(tenant_id=tenant_id, subject=text(entity, "resource"), looks=optional_text(entity, "looks"))


def _hash(path: str) -> str:
    # A path has characters that a key may not have.
    return hashlib.sha256(path.encode(errors="surrogatepass")).hexdigest()[:32]
