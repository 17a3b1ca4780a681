"""``subscriptions.json`` as values: what an operator wants watched, checked before Graph sees any of it.

Source: https://learn.microsoft.com/graph/api/resources/subscription
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.errors import Misconfigured
from shared.resources import canonical_path, faults

_CHANGE_TYPES = frozenset({"created", "updated", "deleted"})
_PROPERTIES = frozenset({"resource", "changeType", "includeResourceData", "tenantId"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Desired:
    """An entry of ``subscriptions.json``, for one tenant."""

    tenant_id: str
    resource: str
    change_types: frozenset[str]
    include_resource_data: bool

    @property
    def change_type(self) -> str:
        """Return the change types as Graph takes them: in one text, with commas."""
        return ",".join(sorted(self.change_types))


def split_change_types(text: str) -> frozenset[str]:
    """Return the change types in a text with commas, in lower case."""
    return frozenset(part.strip().lower() for part in text.split(","))


def desired_from_json(document: Any, *, tenant_ids: Sequence[str]) -> Sequence[Desired]:
    """Return the entries of ``subscriptions.json``; one without ``tenantId`` stands for every tenant served.

    Raises:
        Misconfigured: names the entry and what is wrong with it.
    """
    entries = document.get("subscriptions") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise Misconfigured('subscriptions.json is not {"subscriptions": [...]}')
    wanted: dict[tuple[str, ...], Desired] = {}
    for number, entry in enumerate(entries, start=1):
        try:
            for desired in _desired(entry, tenant_ids):
                _add(desired, wanted)
        except Misconfigured as problem:
            raise Misconfigured(f"subscriptions.json, entry {number}: {problem}") from problem
    return tuple(wanted.values())


def _add(desired: Desired, wanted: dict[tuple[str, ...], Desired]) -> None:
    # Graph answers 409 to a second subscription of the same resource and changes.
    key = (desired.tenant_id, canonical_path(desired.resource), desired.change_type)
    if wanted.setdefault(key, desired) is not desired:
        raise Misconfigured("an entry before it has the same resource and changeType")


def _desired(entry: Any, tenant_ids: Sequence[str]) -> Sequence[Desired]:
    if not isinstance(entry, dict):
        raise Misconfigured("not an object")
    if unknown := sorted(entry.keys() - _PROPERTIES):
        # A slip such as "includeResourcedata" would otherwise leave the content out without a word.
        raise Misconfigured(f"{', '.join(unknown)}: no such property (there are: {', '.join(sorted(_PROPERTIES))})")
    resource, change_types = _resource(entry), _change_types(entry)
    include_resource_data = _include_resource_data(entry)
    refusals = list(faults(resource, change_types=change_types, include_resource_data=include_resource_data))
    if refusals:
        raise Misconfigured("; ".join(refusals))
    return [
        Desired(
            tenant_id=tenant_id,
            resource=resource,
            change_types=change_types,
            include_resource_data=include_resource_data,
        )
        for tenant_id in _tenant_ids(entry, tenant_ids)
    ]


def _resource(entry: Mapping[str, Any]) -> str:
    resource = entry.get("resource")
    if not isinstance(resource, str) or not resource.strip("/"):
        raise Misconfigured('"resource" is missing, such as "/chats/getAllMessages"')
    return resource


def _change_types(entry: Mapping[str, Any]) -> frozenset[str]:
    change_type = entry.get("changeType")
    if not isinstance(change_type, str) or not split_change_types(change_type) <= _CHANGE_TYPES:
        raise Misconfigured('"changeType" lists created, updated, deleted, with commas')
    return split_change_types(change_type)


def _include_resource_data(entry: Mapping[str, Any]) -> bool:
    include_resource_data = entry.get("includeResourceData", False)
    if not isinstance(include_resource_data, bool):
        raise Misconfigured('"includeResourceData" is true or false')
    return include_resource_data


def _tenant_ids(entry: Mapping[str, Any], served: Sequence[str]) -> Sequence[str]:
    if entry.get("tenantId") is None:
        return served
    tenant_id = str(entry["tenantId"]).lower()
    if tenant_id not in served:
        raise Misconfigured('"tenantId" is none of TENANT_IDS')
    return [tenant_id]
