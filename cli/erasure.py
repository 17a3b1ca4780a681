"""What the storage account has of one person in clear text, and its deletion.

Source: https://learn.microsoft.com/rest/api/storageservices/query-entities and .../blob-batch
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import batched, groupby
from typing import Any

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import BlobServiceClient, ContainerClient

from cli.person import names
from cli.stored_posts import delete_all
from shared.azure_calls import BLOB_ROLE, CLIENT_ERRORS, as_problem
from shared.errors import Conflict
from shared.events.claim_check import DATA_CONTAINER
from shared.gaps.snapshot_table import TABLE as KNOWN
from shared.notifications.json_text import parse_json
from shared.receiving.post_store import PostStore, StoredPost
from shared.table import KEYS_AND_TIMESTAMP, Table

_MAX_ROWS, _MAX_BLOBS = 100, 256
# Nobody can read it here; of the other two, the first is the app's own secret and the second Graph's signature.
_OPAQUE = frozenset({"encryptedcontent", "clientstate", "validationtokens"})

type Tick = Callable[[], None]
"""Called for each thing that was looked at."""


@dataclass(slots=True)
class Found:
    """What names a person in one place; ``unreadable`` counts what has an encrypted part besides."""

    things: list[Any] = field(default_factory=list)
    looked_at: int = 0
    unreadable: int = 0


class LargeData:
    """The blobs with the data of large events, which are in clear text."""

    def __init__(self, blobs: BlobServiceClient) -> None:
        self._container: ContainerClient = blobs.get_container_client(DATA_CONTAINER)

    def find(self, user_id: str, tick: Tick) -> Found:
        """Return the names of the blobs that name a person: as author, or mentioned by others."""
        found = Found()
        for name in self._names():
            found.looked_at += 1
            if names(self._text(name), user_id):
                found.things.append(name)
            tick()
        return found

    def _names(self) -> Iterator[str]:
        try:
            yield from self._container.list_blob_names()
        except ResourceNotFoundError:
            return
        except CLIENT_ERRORS as exc:
            raise as_problem("storage", exc, role=BLOB_ROLE) from exc

    def _text(self, name: str) -> str:
        try:
            return bytes(self._container.download_blob(name).readall()).decode(errors="replace")
        except ResourceNotFoundError:
            # It was deleted since it was listed.
            return ""
        except CLIENT_ERRORS as exc:
            raise as_problem("storage", exc, role=BLOB_ROLE) from exc

    def delete(self, found: Found) -> None:
        """Delete the blobs."""
        for some in batched(found.things, _MAX_BLOBS, strict=False):
            try:
                for answer in self._container.delete_blobs(*some, raise_on_any_failure=False):
                    if answer.status_code >= 400 and answer.status_code != 404:  # noqa: PLR2004
                        raise Conflict(f"storage answered {answer.status_code} to a deletion in {DATA_CONTAINER}")
            except CLIENT_ERRORS as exc:
                raise as_problem("storage", exc, role=BLOB_ROLE) from exc


class KnownItems:
    """The snapshot, whose rows have the paths of chats and members."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def find(self, user_id: str, tick: Tick) -> Found:
        """Return the rows of which the path names a person, of all tenants."""
        found = Found()
        rows = self._table.query("PartitionKey ge @first", {"first": ""}, select=[*KEYS_AND_TIMESTAMP, "resource"])
        for row in rows:
            found.looked_at += 1
            if names(str(row.get("resource")), user_id):
                found.things.append(row)
            tick()
        return found

    def delete(self, found: Found) -> None:
        """Delete the rows.

        Raises:
            Conflict: the app has changed some of them since.
        """
        left = 0
        for _, partition in groupby(found.things, lambda row: row["PartitionKey"]):
            for some in batched(partition, _MAX_ROWS, strict=False):
                left += len(some) - self._table.delete_batch(some)
        if left:
            raise Conflict(f"{left} rows of the table {KNOWN} have changed meanwhile")


class StoredItems:
    """Stored POSTs, of which the content is encrypted and the paths are not."""

    def __init__(self, store: PostStore) -> None:
        self._store = store

    def find(self, user_id: str, tick: Tick) -> Found:
        """Return the POSTs with an item whose path or ids name a person."""
        found = Found()
        for post in self._store.list():
            found.looked_at += 1
            items = _items(self._store, post)
            found.unreadable += any(_is_encrypted(item) for item in items)
            if any(names(_clear_text(item), user_id) for item in items):
                found.things.append(post)
            tick()
        return found

    def delete(self, found: Found) -> None:
        """Delete the POSTs as they were when they were read, with all their items."""
        delete_all(self._store, found.things)


def _items(store: PostStore, post: StoredPost) -> Sequence[Any]:
    try:
        body = parse_json(store.read(post))
    except Conflict:
        # It was published or deleted since it was listed.
        return ()
    value = (
        next((part for key, part in body.items() if key.lower() == "value"), None) if isinstance(body, dict) else None
    )
    return value if isinstance(value, list) else [body]


def _is_encrypted(item: Any) -> bool:
    return isinstance(item, dict) and any(key.lower() == "encryptedcontent" for key in item)


def _clear_text(item: Any) -> str:
    shown = {key: part for key, part in item.items() if key.lower() not in _OPAQUE} if isinstance(item, dict) else item
    return str(shown)
