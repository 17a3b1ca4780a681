"""What a change looks like of one kind of thing around Teams, as data.

Names in braces are filled in, in every text: what a thing's path names, and ``tenant``, ``id``, ``guid`` (a fresh one),
``number`` (milliseconds) and ``now``. The values are those of the articles, or stand for them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from sandbox.teams.values import Entity

_NO_EXTRAS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of thing: where it is, and what is said of it."""

    path: str
    odata_type: str
    resources: tuple[str, ...]
    """How notifications spell the path; where the articles have several spellings, they take turns."""
    body: Entity = field(repr=False)
    id: str = "{guid}"
    """One with "##" in it is in Base64."""
    created_as: str | None = None
    """The resource of a creation, where that is the collection."""
    odata_id: str | None = None
    resource_id: str | None = None
    extras: Mapping[str, str] = _NO_EXTRAS


def identities(user: str) -> Entity:
    """Return an identity set with one person of the tenant in it."""
    who = {"userIdentityType": "aadUser", "id": user, "displayName": None, "tenantId": "{tenant}"}
    return {"application": None, "device": None, "user": who}
