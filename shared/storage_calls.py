"""The storage calls of which every change needs some, each with nothing that it does not need.

The client libraries take four times the processor's time for the same request: they build models from descriptions, and
pass a dozen policies that do nothing here. All other calls are made with them. Where the account is, and who calls it,
is what a library's client was given: the signature is made by the library's own policy.

Sources: https://learn.microsoft.com/rest/api/storageservices/put-message, .../get-entity, .../insert-entity,
.../performing-entity-group-transactions, .../get-blob and .../set-blob-metadata
"""

import base64
import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit
from wsgiref.handlers import format_date_time

from azure.core import PipelineClient
from azure.core.credentials import AzureNamedKeyCredential, AzureSasCredential
from azure.core.exceptions import (
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
    map_error,
)
from azure.core.pipeline.policies import AzureSasCredentialPolicy
from azure.core.pipeline.transport import HttpRequest, HttpResponse
from azure.data.tables import TableServiceClient
from azure.data.tables._authentication import BearerTokenChallengePolicy
from azure.data.tables._authentication import SharedKeyCredentialPolicy as TableKeyPolicy
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient
from azure.storage.queue._shared.policies import StorageBearerTokenCredentialPolicy

from shared.storage_transport import StorageTransport

type ServiceClient = TableServiceClient | BlobServiceClient | QueueServiceClient

_SCOPE = "https://storage.azure.com/.default"
_BAD_REQUEST, _NOT_FOUND, _CONFLICT, _PRECONDITION_FAILED = 400, 404, 409, 412
_ERRORS: Mapping[int, type[HttpResponseError]] = {
    _NOT_FOUND: ResourceNotFoundError,
    _CONFLICT: ResourceExistsError,
    _PRECONDITION_FAILED: ResourceModifiedError,
}
_TABLE_HEADERS = {"Accept": "application/json;odata=minimalmetadata", "DataServiceVersion": "3.0"}
_JSON = {"Content-Type": "application/json", "Prefer": "return-no-content"}
_TRANSACTION = (
    b"--batch_1\r\nContent-Type: multipart/mixed; boundary=changeset_1\r\n\r\n%b--changeset_1--\r\n\r\n--batch_1--\r\n"
)
_PART_STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")
_EXISTS = b"EntityAlreadyExists"
# The message of the change that failed begins with its position.
_FAILED_CHANGE = re.compile(rb'"value"\s*:\s*"(\d{1,2}):')


class StorageCalls:
    """Calls of one service of the account, each tried once. ``seconds``: how long it may take in all.

    All of them raise azure-core's errors, as the library's client does.
    """

    def __init__(self, service: ServiceClient) -> None:
        parts = urlsplit(service.url)
        self.url = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
        # A shared access signature of the connection string.
        self._query = parts.query
        self._version = service.api_version
        self._client: PipelineClient[HttpRequest, HttpResponse] = PipelineClient(
            self.url, policies=_credential_policies(service), transport=StorageTransport(self.url)
        )

    def request(self, method: str, path: str, headers: Mapping[str, str], content: bytes | None = None) -> HttpRequest:
        """Return a request for what is at ``path``."""
        common = {"x-ms-date": format_date_time(time.time()), "x-ms-version": self._version}
        if content is not None:
            common["Content-Length"] = str(len(content))
        query = self._query and f"{'&' if '?' in path else '?'}{self._query}"
        return HttpRequest(method, f"{self.url}/{path}{query}", headers={**common, **headers}, data=content)

    def send(self, request: HttpRequest, *, seconds: float, may_be_missing: bool = False) -> HttpResponse:
        """Return the answer, whose status is one of success, or 404 if that ``may_be_missing``."""
        response = self._client.send_request(request, seconds=seconds)
        status = response.status_code
        if status >= _BAD_REQUEST and not (may_be_missing and status == _NOT_FOUND):
            map_error(status, response, _ERRORS)
            raise HttpResponseError(response=response)
        return response


def _credential_policies(service: ServiceClient) -> list[Any]:
    """Return the policy that signs the requests of a client; none if its URL has a signature."""
    credential = service.credential
    is_table = isinstance(service, TableServiceClient)
    if credential is None:
        return []
    if isinstance(credential, AzureNamedKeyCredential):
        return [TableKeyPolicy(credential)]  # type: ignore[no-untyped-call]  # the library's own
    if isinstance(credential, AzureSasCredential):
        return [AzureSasCredentialPolicy(credential)]
    if hasattr(credential, "get_token"):
        policy = BearerTokenChallengePolicy if is_table else StorageBearerTokenCredentialPolicy
        return [policy(credential, _SCOPE)]
    # The clients of queues and blobs keep an account's key as the policy that signs with it.
    return [credential]


class QueueCalls:
    """The calls of queues."""

    def __init__(self, queues: QueueServiceClient) -> None:
        self._calls = StorageCalls(queues)

    def exists(self, queue: str, *, seconds: float) -> bool:
        """Return whether a queue exists."""
        request = self._calls.request("GET", f"{queue}?comp=metadata", {})
        return self._calls.send(request, seconds=seconds, may_be_missing=True).status_code != _NOT_FOUND

    def put_message(self, queue: str, message: bytes, *, seconds: float) -> None:
        """Put a message in Base64 into a queue, in which it stays until it is deleted."""
        content = b"<QueueMessage><MessageText>%b</MessageText></QueueMessage>" % base64.b64encode(message)
        # By default, Storage silently deletes messages after seven days.
        path, headers = f"{queue}/messages?messagettl=-1", {"Content-Type": "application/xml"}
        self._calls.send(self._calls.request("POST", path, headers, content), seconds=seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row to write, with its keys among the columns: insert it, or put it in place of one that may exist."""

    columns: Mapping[str, Any]
    replace: bool = False


class TableCalls:
    """The calls of tables. Columns are JSON's; a time is its text."""

    def __init__(self, tables: TableServiceClient) -> None:
        self._calls = StorageCalls(tables)

    def get(self, table: str, partition_key: str, row_key: str, *, seconds: float) -> dict[str, Any] | None:
        """Return a row; None if it, or the table, does not exist."""
        return self._json(f"{table}{_keys(partition_key, row_key)}", seconds=seconds)

    def query(self, table: str, condition: str, *, seconds: float) -> list[dict[str, Any]]:
        """Return the rows that meet a condition, which is written in OData's language: at most 1,000."""
        found = self._json(f"{table}()?$filter={quote(condition)}", seconds=seconds)
        return [] if found is None else list(found["value"])

    def _json(self, path: str, *, seconds: float) -> dict[str, Any] | None:
        response = self._calls.send(
            self._calls.request("GET", path, _TABLE_HEADERS), seconds=seconds, may_be_missing=True
        )
        if response.status_code == _NOT_FOUND:
            return None
        found = json.loads(response.body())
        if not isinstance(found, dict):
            raise TypeError("an answer that is not an object")
        return found

    def write(self, table: str, rows: Sequence[Row], *, seconds: float) -> int | None:
        """Write up to 100 rows of one partition, or none: return the position of one that exists already.

        Raises:
            ResourceNotFoundError: the table does not exist.
            ResourceExistsError: a row exists already, and storage does not say which.
        """
        if len(rows) == 1:
            return self._write_one(table, rows[0], seconds=seconds)
        content = _TRANSACTION % b"".join(self._part(table, row) for row in rows)
        headers = _TABLE_HEADERS | {"Content-Type": "multipart/mixed; boundary=batch_1"}
        response = self._calls.send(self._calls.request("POST", "$batch", headers, content), seconds=seconds)
        return _existing_row(response.body())

    def _write_one(self, table: str, row: Row, *, seconds: float) -> int | None:
        method, path = _change(table, row)
        content, headers = json.dumps(row.columns).encode(), _TABLE_HEADERS | _JSON
        try:
            self._calls.send(self._calls.request(method, path, headers, content), seconds=seconds)
        except ResourceExistsError as exc:
            # A table that is being deleted is a conflict too.
            if isinstance(exc.response, HttpResponse) and _EXISTS in exc.response.body():
                return 0
            raise
        return None

    def _part(self, table: str, row: Row) -> bytes:
        method, path = _change(table, row)
        head = (
            "--changeset_1\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"
            f"{method} {self._calls.url}/{path} HTTP/1.1\r\nContent-Type: application/json\r\n"
            "Accept: application/json;odata=nometadata\r\nPrefer: return-no-content\r\nDataServiceVersion: 3.0\r\n\r\n"
        )
        return head.encode() + json.dumps(row.columns).encode() + b"\r\n"


def _change(table: str, row: Row) -> tuple[str, str]:
    """Return the method and the path that write a row."""
    if not row.replace:
        return "POST", table
    return "PUT", f"{table}{_keys(row.columns['PartitionKey'], row.columns['RowKey'])}"


def _keys(partition_key: str, row_key: str) -> str:
    partition, row = (quote(key.replace("'", "''"), safe="'") for key in (partition_key, row_key))
    return f"(PartitionKey='{partition}',RowKey='{row}')"


def _existing_row(answer: bytes) -> int | None:
    """Return the position of the row that made a transaction fail because it exists; None if all are written."""
    statuses = [int(status) for status in _PART_STATUS.findall(answer)]
    failed = next((status for status in statuses if status >= _BAD_REQUEST), None)
    if failed is None and statuses:
        return None
    position = _FAILED_CHANGE.search(answer)
    if failed == _CONFLICT and _EXISTS in answer and position is not None:
        return int(position[1])
    error = _ERRORS.get(failed or 0, HttpResponseError)("a transaction failed")
    error.status_code = failed
    raise error


class BlobCalls:
    """The calls of blobs."""

    def __init__(self, blobs: BlobServiceClient) -> None:
        self._calls = StorageCalls(blobs)

    def get(self, container: str, name: str, *, seconds: float) -> bytes:
        """Return the content of a blob."""
        return self._calls.send(self._calls.request("GET", _path(container, name), {}), seconds=seconds).body()

    def claim(self, container: str, name: str, metadata: Mapping[str, str], *, etag: str, seconds: float) -> str:
        """Replace the metadata of a blob that has this ETag, and return the new one.

        Raises:
            ResourceModifiedError: it has another one.
        """
        headers = {f"x-ms-meta-{key}": value for key, value in metadata.items()} | {"If-Match": etag}
        request = self._calls.request("PUT", f"{_path(container, name)}?comp=metadata", headers, b"")
        return str(self._calls.send(request, seconds=seconds).headers["ETag"])


def _path(container: str, name: str) -> str:
    return f"{container}/{quote(name, safe='/~')}"
