"""POSTs stored as blobs: parked for a retry, or in quarantine for an operator.

A blob holds a body that ``Receiver.receive`` takes: some of a POST's items, with its tokens. It stays encrypted.

Source: https://learn.microsoft.com/rest/api/storageservices/set-blob-metadata and .../blob-batch
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import (
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.core.pipeline.transport import HttpResponse
from azure.storage.blob import BlobProperties, BlobServiceClient, ContentSettings

from shared.azure_calls import (
    BLOB_ROLE,
    CLIENT_ERRORS,
    FAIL_FAST,
    as_problem,
    create_if_missing,
    retry_on_stale_connection,
)
from shared.errors import Conflict, Problem, TenantNotServed
from shared.storage_calls import BlobCalls
from shared.timing import Deadline, utc_time

PARKED = "parked"
# The app's own call of its URL, in a blob that is always the same and that nobody redrives.
PROBE = "probe"
QUARANTINE = "quarantine"

# Of blobs in one request. Source: the second page above.
MAX_DELETIONS = 256

_PARALLEL_WRITES = 8
_BAD_REQUEST, _NOT_FOUND = 400, 404
# Its ETag is another one. A blob that somebody has leased has the same status.
_CLAIMED = "ConditionNotMet"
# What fails is tried again in the next turn.
_CALL_SECONDS = 3.0
_JSON = ContentSettings(content_type="application/json")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPost:
    """A stored POST without its body. ``reason``: why it is stored; ``fetch``: the parameter of its URL.

    ``tenant_id`` is empty if its items are of several tenants. ``name`` and ``etag`` are the blob's; the second is
    empty before the POST is stored.
    """

    name: str
    reason: str
    tenant_id: str
    received_at: datetime
    fetch: str | None
    attempts: int = 0
    retry_at: datetime | None = None
    etag: str = field(default="", repr=False)


class PostStore:
    """One container of stored POSTs; every method raises Unavailable or Misconfigured if storage fails."""

    def __init__(self, blobs: BlobServiceClient, container: str) -> None:
        self._container = blobs.get_container_client(container)
        self._name, self._calls = container, BlobCalls(blobs)
        self._pool = ThreadPoolExecutor(max_workers=_PARALLEL_WRITES, thread_name_prefix=container)

    def store(self, posts: Sequence[tuple[StoredPost, bytes]], deadline: Deadline) -> int:
        """Return how many bodies are new, once all are stored; an existing blob stays: its name tells its content."""
        return sum(deadline.results_of([self._pool.submit(self._store, post, body) for post, body in posts]))

    def _store(self, post: StoredPost, body: bytes) -> bool:
        blob = self._container.get_blob_client(post.name)
        options: Mapping[str, Any] = {"overwrite": post.name == PROBE, "content_settings": _JSON, **FAIL_FAST}
        try:
            create_if_missing(
                lambda: self._container.create_container(**FAIL_FAST),
                lambda: retry_on_stale_connection(lambda: blob.upload_blob(body, metadata=_metadata(post), **options)),
            )
        except ResourceExistsError:
            return False
        except CLIENT_ERRORS as exc:
            raise as_problem("storage", exc, role=BLOB_ROLE) from exc
        return True

    def list(self) -> Iterator[StoredPost]:
        """Return all stored POSTs, by name; skip blobs that the app did not write."""
        try:
            for blob in self._container.list_blobs(include=["metadata"]):
                post = _post(blob)
                if post is not None and post.name != PROBE:
                    yield post
        except ResourceNotFoundError:
            return
        except CLIENT_ERRORS as exc:
            raise as_problem("storage", exc, role=BLOB_ROLE) from exc

    def has_older_than(self, moment: datetime) -> bool:
        """Return whether the container has a POST received before ``moment``, of a tenant that is served."""
        return any(post.received_at < moment and post.reason != TenantNotServed.reason for post in self.list())

    def last_probe(self) -> bytes:
        """Return the body of the app's last call of its own URL; nothing if there was none."""
        try:
            content: bytes = self._container.get_blob_client(PROBE).download_blob(**FAIL_FAST).readall()
        except ResourceNotFoundError:
            return b""
        except CLIENT_ERRORS as exc:
            raise as_problem("storage", exc, role=BLOB_ROLE) from exc
        return content

    def read(self, post: StoredPost) -> bytes:
        """Return the body.

        Raises:
            Conflict: another run deleted it.
        """
        try:
            return retry_on_stale_connection(lambda: self._calls.get(self._name, post.name, seconds=_CALL_SECONDS))
        except ResourceNotFoundError as exc:
            raise Conflict("another run deleted the stored POST") from exc
        except CLIENT_ERRORS as exc:
            raise as_problem("storage", exc, role=BLOB_ROLE) from exc

    def claim(self, post: StoredPost, until: datetime) -> StoredPost:
        """Return ``post`` with one more attempt counted and the next attempt due at ``until``.

        Raises:
            Conflict: another run claimed or deleted it.
        """
        claimed = replace(post, attempts=post.attempts + 1, retry_at=until)
        try:
            etag = retry_on_stale_connection(
                lambda: self._calls.claim(
                    self._name, post.name, _metadata(claimed), etag=post.etag, seconds=_CALL_SECONDS
                )
            )
        except (ResourceModifiedError, ResourceNotFoundError) as exc:
            raise Conflict("another run claimed or deleted the stored POST") from exc
        except CLIENT_ERRORS as exc:
            raise as_problem("storage", exc, role=BLOB_ROLE) from exc
        return replace(claimed, etag=etag)

    def delete(self, posts: Sequence[StoredPost]) -> Mapping[str, Problem]:
        """Delete at most ``MAX_DELETIONS``, none that another run has claimed since; return why some stay, by name."""
        if not posts:
            return {}
        try:
            answers = list(self._container.delete_blobs(*map(_deletion, posts), raise_on_any_failure=False))
        except ResourceNotFoundError:
            return {}
        except CLIENT_ERRORS as exc:
            raise as_problem("storage", exc, role=BLOB_ROLE) from exc
        # Storage answers in the order of what it was asked.
        return {
            post.name: as_problem("storage", HttpResponseError(response=answer), role=BLOB_ROLE)
            for post, answer in zip(posts, answers, strict=True)
            if answer.status_code >= _BAD_REQUEST and not _is_left_to_another_run(answer)
        }


def _is_left_to_another_run(answer: HttpResponse) -> bool:
    """Return whether another run has deleted or claimed a blob; one that has claimed it deletes it."""
    return answer.status_code == _NOT_FOUND or answer.headers.get("x-ms-error-code") == _CLAIMED


def _deletion(post: StoredPost) -> dict[str, Any]:
    """Return what the client needs to delete a blob."""
    condition = {"etag": post.etag, "match_condition": MatchConditions.IfNotModified}
    return {"name": post.name, "delete_snapshots": "include", **condition}


def _metadata(post: StoredPost) -> dict[str, str]:
    values = {
        "kind": post.reason,
        "tenant": post.tenant_id or None,
        "received": post.received_at.isoformat(),
        "fetch": post.fetch,
        "attempts": str(post.attempts),
        "retry": post.retry_at.isoformat() if post.retry_at else None,
    }
    return {name: value for name, value in values.items() if value is not None}


def _post(blob: BlobProperties) -> StoredPost | None:
    values: Mapping[str, Any] = blob.metadata or {}
    try:
        return StoredPost(
            reason=values["kind"],
            tenant_id=values.get("tenant", ""),
            received_at=utc_time(values["received"]),
            fetch=values.get("fetch"),
            attempts=int(values["attempts"]),
            retry_at=utc_time(values["retry"]) if "retry" in values else None,
            name=blob.name,
            # The listing omits the quotation marks that are part of an ETag.
            etag=f'"{blob.etag.strip('"')}"',
        )
    except (KeyError, ValueError):
        return None
