"""POSTs kept in blobs: parked until something outside answers again, or in quarantine for a person to look at.

A kept body is what ``receive`` takes, whole or cut down to one item, with the moment of its receipt; nothing in it has
been decrypted.

Source: https://learn.microsoft.com/rest/api/storageservices/set-blob-metadata
"""

import hashlib
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import ResourceModifiedError, ResourceNotFoundError
from azure.storage.blob import BlobProperties, BlobServiceClient, ContentSettings

from shared.azure_calls import BROKEN, HASTY, making_sure, past_stale_connections, unavailable
from shared.errors import Conflict
from shared.kept import Kept
from shared.timing import Deadline

PARKED = "parked"
QUARANTINE = "quarantine"

_PARALLEL_WRITES = 8
_JSON = ContentSettings(content_type="application/json")


class Keeping:
    """One container of kept bodies; all methods raise Unavailable when storage does not answer as it should."""

    def __init__(self, blobs: BlobServiceClient, container: str) -> None:
        self._container = blobs.get_container_client(container)
        self._pool = ThreadPoolExecutor(max_workers=_PARALLEL_WRITES, thread_name_prefix=container)

    def keep(self, body: bytes, kept: Kept, deadline: Deadline) -> None:
        """Return once ``body`` is kept. The same body of the same moment is kept once."""
        deadline.run_on(self._pool, self._keep, body, kept)

    def _keep(self, body: bytes, kept: Kept) -> None:
        digest = hashlib.sha256(body).hexdigest()[:32]
        blob = self._container.get_blob_client(f"{kept.received_at:%Y/%m/%d/%H%M%S%f}-{digest}.json")
        try:
            making_sure(
                lambda: self._container.create_container(**HASTY),
                lambda: past_stale_connections(
                    lambda: blob.upload_blob(
                        body, overwrite=True, metadata=_metadata(kept), content_settings=_JSON, **HASTY
                    )
                ),
            )
        except BROKEN as exc:
            raise unavailable("storage", exc) from exc

    def all(self) -> Iterator[Kept]:
        """Return everything that is kept, the oldest first; what somebody else has put there is left out."""
        try:
            for blob in self._container.list_blobs(include=["metadata"]):
                kept = _kept(blob)
                if kept is not None:
                    yield kept
        except ResourceNotFoundError:
            return
        except BROKEN as exc:
            raise unavailable("storage", exc) from exc

    def has_any(self, before: datetime) -> bool:
        """Return whether something is kept that was received ``before``."""
        return any(kept.received_at < before for kept in self.all())

    def body(self, kept: Kept) -> bytes:
        """Return the body.

        Raises:
            Conflict: somebody else has taken it in hand, or done with it.
        """
        try:
            content: bytes = self._container.get_blob_client(kept.name).download_blob().readall()
        except ResourceNotFoundError as exc:
            raise Conflict("another run has done with the body") from exc
        except BROKEN as exc:
            raise unavailable("storage", exc) from exc
        return content

    def put_off(self, kept: Kept, until: datetime) -> Kept:
        """Return ``kept`` with one more attempt noted, the next one not before ``until``.

        Raises:
            Conflict: as ``body``.
        """
        later = replace(kept, attempts=kept.attempts + 1, retry_at=until)
        blob = self._container.get_blob_client(kept.name)
        try:
            answer = blob.set_blob_metadata(
                _metadata(later), etag=kept.etag, match_condition=MatchConditions.IfNotModified
            )
        except (ResourceModifiedError, ResourceNotFoundError) as exc:
            raise Conflict("another run has taken the body in hand") from exc
        except BROKEN as exc:
            raise unavailable("storage", exc) from exc
        return replace(later, etag=str(answer["etag"]))

    def discard(self, kept: Kept) -> None:
        """Delete a body, if it is there."""
        try:
            self._container.delete_blob(kept.name)
        except ResourceNotFoundError:
            return
        except BROKEN as exc:
            raise unavailable("storage", exc) from exc


def _metadata(kept: Kept) -> dict[str, str]:
    values = {
        "kind": kept.kind,
        "received": kept.received_at.isoformat(),
        "fetch": kept.fetch,
        "attempts": str(kept.attempts),
        "retry": kept.retry_at.isoformat() if kept.retry_at else None,
    }
    return {name: value for name, value in values.items() if value is not None}


def _kept(blob: BlobProperties) -> Kept | None:
    values: Mapping[str, Any] = blob.metadata or {}
    try:
        return Kept(
            kind=values["kind"],
            received_at=_moment(values["received"]),
            fetch=values.get("fetch"),
            attempts=int(values["attempts"]),
            retry_at=_moment(values["retry"]) if "retry" in values else None,
            name=blob.name,
            # A list has them without the quotation marks that belong to them.
            etag=f'"{blob.etag.strip('"')}"',
        )
    except (KeyError, ValueError, OverflowError):
        return None


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
