"""Reads what a ``dataref`` names with Azure's client; the one module that needs the extra ``azure``.

Source: https://learn.microsoft.com/azure/storage/blobs/storage-blob-download-python
"""

from collections.abc import Callable
from urllib.parse import unquote, urlsplit

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import BlobServiceClient

CONTAINER = "event-data"
"""The container that the app writes large data to; reading needs the role Storage Blob Data Reader on it."""


class DataDeleted(LookupError):
    """The blob is not there any more: a lifecycle rule, or a consumer, has deleted it."""


def blob_reader(blobs: BlobServiceClient) -> Callable[[str], bytes]:
    """Return the function that ``open_data`` reads with: the content of a blob of ``event-data`` by its address.

    Every request goes to the account of ``blobs``, whatever host an address names: whoever can write to the queue could
    otherwise have the credential sent to a server of theirs. The function raises DataDeleted if the blob is gone,
    ValueError for an address of anything but ``event-data``, and what Azure's client raises.
    """
    container = blobs.get_container_client(CONTAINER)

    def read(url: str) -> bytes:
        try:
            return container.download_blob(blob_name(url)).readall()
        except ResourceNotFoundError as exc:
            raise DataDeleted("the blob with the data is not there any more") from exc

    return read


def blob_name(url: str) -> str:
    """Return the name of a blob in ``event-data``, in the form of Azure's addresses or of Azurite's.

    Raises:
        ValueError: the address is not one of a blob in ``event-data``.
    """
    # Azurite has the account's name as the first segment, Azure in the host's name.
    account, _, name = unquote(urlsplit(url).path).partition(f"/{CONTAINER}/")
    if not name or "/" in account.removeprefix("/") or not {".", ".."}.isdisjoint(name.split("/")):
        raise ValueError("the address is not one of a blob in event-data")
    return name
