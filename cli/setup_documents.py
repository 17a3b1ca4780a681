"""Types of what ``--json`` prints of what is set up and of what is erased, as stable as those of ``json_documents``."""

from typing import TypedDict


class RequestedPermissionDocument(TypedDict):
    """A permission to ask for; ``resourceSpecific`` are those that each team or chat can give instead."""

    permission: str
    delegated: bool
    paths: list[str]
    forCatchUp: bool
    resourceSpecific: list[str]


class PermissionRequestDocument(TypedDict):
    """``permissions --from FILE --json``."""

    permissions: list[RequestedPermissionDocument]
    adminConsentUrls: list[str]


class CertificateVersionDocument(TypedDict):
    """One version of the encryption certificate; ``subscriptions``: how many Graph encrypts to it."""

    version: str
    createdDateTime: str
    expirationDateTime: str
    enabled: bool
    subscriptions: int


class CertificateDocument(TypedDict):
    """``certificate show --json``, newest version first."""

    name: str
    policy: str
    versions: list[CertificateVersionDocument]
    problems: list[str]


class ErasedPlaceDocument(TypedDict):
    """What names a person in one place, of how much; ``encrypted``: how much of that cannot be read."""

    found: int
    lookedAt: int
    encrypted: int


class ErasureDocument(TypedDict):
    """``erase --json``; with ``--dry-run`` nothing is ``deleted``."""

    userId: str
    deleted: bool
    places: dict[str, ErasedPlaceDocument]
