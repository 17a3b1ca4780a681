"""``subscriptions.json`` as values: the subscriptions that an operator wants, validated before Graph sees them.

Source: https://learn.microsoft.com/graph/api/resources/subscription
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from shared.errors import Misconfigured
from shared.graph.location import ApiVersion
from shared.graph.subscription import split_change_types
from shared.resources.paths import canonical_path
from shared.resources.validation import find_resource_type, validation_errors

_CHANGE_TYPES = frozenset({"created", "updated", "deleted"})
_FLAGS = {"include_resource_data": "includeResourceData", "fetch": "fetch", "delegated": "delegated"}
_PROPERTIES = frozenset({"resource", "changeType", "tenantId", *_FLAGS.values()})


@dataclass(frozen=True, slots=True, kw_only=True)
class DesiredSubscription:
    """A subscription that an operator wants in one tenant.

    ``fetch``: the app has to GET the resource, because notifications arrive without it. ``delegated``: use the
    permissions of the signed-in user, not of the app.
    """

    tenant_id: str
    resource: str
    change_types: frozenset[str]
    include_resource_data: bool = False
    fetch: bool = False
    delegated: bool = False

    @property
    def change_type(self) -> str:
        """Return the change types in Graph's form, separated by commas."""
        return ",".join(sorted(self.change_types))


def desired_from_json(document: Any, *, tenant_ids: Sequence[str]) -> Sequence[DesiredSubscription]:
    """Return the subscriptions in ``subscriptions.json``; an entry without ``tenantId`` applies to every tenant.

    Raises:
        Misconfigured: names the entry, and says what is wrong with it.
    """
    entries = document.get("subscriptions") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise Misconfigured('subscriptions.json must be {"subscriptions": [...]}')
    by_key: dict[tuple[str, ...], DesiredSubscription] = {}
    for number, entry in enumerate(entries, start=1):
        try:
            for desired in entry_from_json(entry, tenant_ids=tenant_ids):
                _add(desired, by_key)
        except Misconfigured as problem:
            raise Misconfigured(f"subscriptions.json, entry {number}: {problem}") from problem
    return tuple(by_key.values())


def _add(desired: DesiredSubscription, by_key: dict[tuple[str, ...], DesiredSubscription]) -> None:
    # Graph answers 409 to a second subscription of the same resource and changes.
    key = (desired.tenant_id, canonical_path(desired.resource), desired.change_type)
    if by_key.setdefault(key, desired) is not desired:
        raise Misconfigured("an earlier entry has this resource and changeType: delete one of the two")


def entry_from_json(entry: Any, *, tenant_ids: Sequence[str]) -> Sequence[DesiredSubscription]:
    """Return the subscriptions of one entry, one for each of its tenants.

    Raises:
        Misconfigured: says what is wrong with the entry.
    """
    if not isinstance(entry, dict):
        raise Misconfigured("not an object")
    if unknown := sorted(entry.keys() - _PROPERTIES):
        # A misspelled "includeResourceData" would otherwise leave the content out silently.
        raise Misconfigured(f"unknown property {', '.join(unknown)}: use one of {', '.join(sorted(_PROPERTIES))}")
    resource, change_types = _resource(entry), _change_types(entry)
    flags = {name: _flag(entry, spelling) for name, spelling in _FLAGS.items()}
    if flags["fetch"] and (flags["include_resource_data"] or flags["delegated"]):
        raise Misconfigured('"fetch" excludes "includeResourceData" and "delegated": leave it out')
    if errors := list(validation_errors(resource, change_types=change_types, **flags)):
        raise Misconfigured("; ".join(errors))
    return [
        DesiredSubscription(tenant_id=tenant_id, resource=resource, change_types=change_types, **flags)
        for tenant_id in _tenant_ids(entry, tenant_ids)
    ]


def _resource(entry: Mapping[str, Any]) -> str:
    resource = entry.get("resource")
    if not isinstance(resource, str) or not resource.strip("/"):
        raise Misconfigured('"resource" is missing: enter a path such as "/chats/getAllMessages"')
    return resource


def _change_types(entry: Mapping[str, Any]) -> frozenset[str]:
    change_type = entry.get("changeType")
    if not isinstance(change_type, str) or not split_change_types(change_type) <= _CHANGE_TYPES:
        raise Misconfigured('"changeType" must list created, updated or deleted, separated by commas')
    return split_change_types(change_type)


def _flag(entry: Mapping[str, Any], name: str) -> bool:
    value = entry.get(name, False)
    if not isinstance(value, bool):
        raise Misconfigured(f'"{name}" must be true or false')
    return value


def _tenant_ids(entry: Mapping[str, Any], served: Sequence[str]) -> Sequence[str]:
    if entry.get("tenantId") is None:
        return served
    tenant_id = str(entry["tenantId"]).lower()
    if tenant_id not in served:
        raise Misconfigured('"tenantId" is not in TENANT_IDS: correct one of them')
    return [tenant_id]


def notification_url(desired: DesiredSubscription, base: str, key_id: str) -> str:
    """Return the URL for Graph to post to: ``base``, plus ``key=``, and ``fetch=`` with an API version if needed.

    Graph posts to the URL with its query, so the receiver needs no lookup for ``fetch``. It ignores ``key``, which is
    for the timer: Graph's list shows the URL, but not the client state that the key has signed.
    """
    parts = urlsplit(base)
    added = [f"key={key_id}"]
    if desired.fetch:
        resource_type = find_resource_type(desired.resource)
        version = ApiVersion.BETA if resource_type is not None and resource_type.beta else ApiVersion.V1_0
        added.append(f"fetch={version}")
    return urlunsplit(parts._replace(query="&".join([parts.query, *added] if parts.query else added)))
