"""CloudEvents, built from authentic notifications and their content.

``type``, ``source`` and ``subject`` are as in Event Grid's partner topics for Microsoft Graph, so a consumer can read
its events from either.

Source: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md and
https://learn.microsoft.com/azure/event-grid/subscribe-to-graph-api-events
"""

import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from shared.errors import NotFound
from shared.notifications.client_state import AuthenticNotification
from shared.notifications.collection import ChangeNotification
from shared.notifications.decryption import ResourceContent
from shared.notifications.json_text import dump_json
from shared.resources.paths import is_created_once, subject_of, type_name_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Facts about an event that later steps need and that are not sent.

    All events of one version of one change share ``dedup_key``, with or without content. Graph may send two states of a
    resource under one version, so an event with content that arrived with the notification (``is_delivered``) has an id
    of its own; that of content read from Graph is the key. ``content`` is the resource that ``data`` contains.
    ``only_redriven``: the key is of a receipt, so that nothing but redriving repeats it. ``owes_content``: whether its
    subscription has content, so that an event without content does not stand for it.
    """

    tenant_id: str
    dedup_key: str
    change_type: str | None = None
    content: ResourceContent | None = field(default=None, repr=False)
    is_delivered: bool = False
    only_redriven: bool = False
    owes_content: bool = False


class ReceiptKey(str):
    """An own key that is made of receipt and position."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudEvent:
    """One event in structured mode; ``data`` is JSON in UTF-8."""

    id: str
    type: str
    source: str
    subject: str
    time: datetime
    data: bytes = field(repr=False)
    provenance: Provenance
    recovered: bool = False
    """Whether the change was read from Graph because its notification was lost."""

    @property
    def has_content(self) -> bool:
        """Whether the resource itself is in ``data``."""
        return self.provenance.content is not None

    def to_json(self, *, dataref: str | None = None) -> bytes:
        """Return the event as JSON in UTF-8; if there is a ``dataref``, that URL replaces the data.

        Source: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/extensions/dataref.md
        """
        attributes: dict[str, Any] = {
            "specversion": "1.0",
            "id": self.id,
            "type": self.type,
            "source": self.source,
            "subject": self.subject,
            "time": rfc3339(self.time),
            "datacontenttype": "application/json",
        }
        if self.recovered:
            attributes["recovered"] = True
        if dataref is not None:
            return json.dumps(attributes | {"dataref": dataref}).encode()
        return _with_member(json.dumps(attributes).encode(), b"data", self.data)


def change_event(
    notification: AuthenticNotification,
    fetched: ResourceContent | NotFound | None,
    *,
    client_id: str,
    received_at: datetime,
    ordinal: int = 0,
) -> CloudEvent:
    """Return the event of a change, with the resource in ``data.content`` if it is available.

    ``fetched`` is the resource, Graph's 404, or None if it was not fetched; ``ordinal`` is the item's position in its
    POST. If Graph states the resource's version, each delivery of one content of it over any subscription has one id;
    otherwise each notification has its own (docs/events.md).

    Raises:
        Malformed: the resource cannot be written as JSON.
    """
    encrypted = notification.encrypted_content
    # Graph encrypts each item with its own key, so each notification has its own signature. Two updates without
    # content in one POST differ only in their position.
    own_key = encrypted.data_signature.hex() if encrypted else ReceiptKey(f"{received_at.isoformat()} {ordinal}")
    return event_from_notification(notification, fetched, client_id=client_id, at=received_at, own_key=own_key)


def event_from_notification(
    notification: ChangeNotification,
    fetched: ResourceContent | NotFound | None,
    *,
    client_id: str,
    at: datetime,
    own_key: str,
) -> CloudEvent:
    """Return the event of a change; without a version from Graph, ``own_key`` distinguishes it from other changes.

    Raises:
        Malformed: the resource cannot be written as JSON.
    """
    change_type = notification.change_type or ""
    content = fetched if isinstance(fetched, ResourceContent) else None
    path = subject_of(notification.resource or "", notification.resource_data)
    type_name = type_name_of(path, notification.resource_data)
    version = _graph_version(notification, content, type_name)
    key = stable_id(notification.tenant_id, path, change_type, own_key if version is None else version)
    is_delivered = content is not None and notification.encrypted_content is not None
    gone = {"gone": True} if isinstance(fetched, NotFound) else {}
    data = dump_json(_data(notification) | {"resourceData": notification.resource_data} | gone)
    return CloudEvent(
        # An edit before a resource is read back comes as an update, so the content of its creation does not count.
        id=_event_id(key, content, counts_content=is_delivered and version != ""),
        type=f"Microsoft.Graph.{type_name}{change_type[:1].upper()}{change_type[1:]}",
        source=source_of(notification.tenant_id, client_id),
        subject=path,
        time=at,
        data=data if content is None else _with_member(data, b"content", content.json_bytes.strip()),
        provenance=Provenance(
            tenant_id=notification.tenant_id,
            dedup_key=key,
            change_type=change_type,
            content=content,
            is_delivered=is_delivered,
            only_redriven=version is None and isinstance(own_key, ReceiptKey),
            owes_content=content is not None,
        ),
    )


def _event_id(key: str, content: ResourceContent | None, *, counts_content: bool) -> str:
    if content is None:
        # A consumer that deduplicates by id must not drop the content after the change without content.
        return bare_id(key)
    if not counts_content:
        return key
    # The context differs between overlapping subscriptions.
    state = {name: value for name, value in content.resource.items() if name != "@odata.context"}
    return stable_id(key, dump_json(state, sort_keys=True))


def bare_id(key: str) -> str:
    """Return the id of the event without content of a version."""
    return stable_id(key, "without content")


def _graph_version(notification: ChangeNotification, content: ResourceContent | None, type_name: str) -> str | None:
    """Return the version that Graph states, which differs between two changes of one type to one resource, or None.

    Source: https://learn.microsoft.com/graph/api/resources/changenotification
    """
    # A message can be deleted, restored and deleted again, and a member can be added again: those need a version.
    if notification.change_type == "created" and is_created_once(type_name):
        return ""
    stated = (content.resource.get(name) for name in ("etag", "lastModifiedDateTime")) if content else ()
    versions = (*stated, notification.resource_data.get("@odata.etag"))
    return next((version for version in versions if isinstance(version, str) and version), None)


def lifecycle_event(notification: AuthenticNotification, *, client_id: str, received_at: datetime) -> CloudEvent:
    """Return the event of a lifecycle notification, such as ``Microsoft.Graph.SubscriptionReauthorizationRequired``.

    Raises:
        Malformed: never for a parsed notification, whose fields are strings.
    """
    name = notification.lifecycle_event or ""
    capitalized = name[:1].upper() + name[1:]
    # Graph repeats a reauthorization request every few minutes; each one is a separate event.
    id_ = stable_id(notification.tenant_id, notification.subscription_id, name, rfc3339(received_at))
    return CloudEvent(
        id=id_,
        type=f"Microsoft.Graph.{capitalized}"
        if capitalized.startswith("Subscription")
        else f"Microsoft.Graph.Subscription{capitalized}",
        source=source_of(notification.tenant_id, client_id),
        subject=f"subscriptions/{notification.subscription_id}",
        time=received_at,
        data=dump_json(_data(notification) | {"lifecycleEvent": name}),
        provenance=Provenance(tenant_id=notification.tenant_id, dedup_key=id_, only_redriven=True),
    )


def _data(notification: ChangeNotification) -> dict[str, Any]:
    """Return Graph's fields of the notification, without the client state, which is a secret."""
    properties = {
        "changeType": notification.change_type,
        "tenantId": notification.tenant_id,
        "subscriptionId": notification.subscription_id,
        "subscriptionExpirationDateTime": notification.subscription_expiration,
        "resource": notification.resource,
    }
    return {name: value for name, value in properties.items() if value is not None}


def stable_id(*parts: str | bytes) -> str:
    """Return a hash of ``parts``: an id of fixed length, without the special characters of a path.

    A text and its bytes in UTF-8 are the same part.
    """
    digest = hashlib.sha256()
    for part in parts:
        encoded = part if isinstance(part, bytes) else part.encode(errors="surrogatepass")
        digest.update(len(encoded).to_bytes(8) + encoded)
    return digest.hexdigest()[:32]


def creation_key(tenant_id: str, resource: str) -> str:
    """Return the ``dedup_key`` of the creation of a resource that is created once, such as a message."""
    return stable_id(tenant_id, subject_of(resource, {}), "created", "")


def source_of(tenant_id: str, client_id: str) -> str:
    """Return the ``source`` of a tenant's events: the tenant, and the app registration that subscribed."""
    return f"/tenants/{tenant_id}/applications/{client_id}"


def rfc3339(moment: datetime) -> str:
    """Return a UTC time as CloudEvents writes it, with milliseconds."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _with_member(json_object: bytes, name: bytes, value: bytes) -> bytes:
    """Return ``json_object`` with one more member; its JSON text is not parsed, so content stays as Graph wrote it."""
    return b'%b, "%b": %b}' % (json_object[:-1], name, value)
