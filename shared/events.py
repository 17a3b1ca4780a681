"""An authentic notification and its content in, a CloudEvent out.

Types, source and subject are those that Event Grid's partner topics use for Microsoft Graph, so that a consumer can
take its events from either.

Source: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md and
https://learn.microsoft.com/azure/event-grid/subscribe-to-graph-api-events
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from shared.authenticity import Authentic
from shared.decryption import Content
from shared.errors import Malformed, Missing
from shared.resources import is_created_once, kind_of, subject_of

_ENCODER = json.JSONEncoder(allow_nan=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudEvent:
    """One event in structured mode; ``data`` is its JSON text in UTF-8, ready to be written anywhere."""

    id: str
    type: str
    source: str
    subject: str
    time: datetime
    data: bytes = field(repr=False)

    def to_json(self, *, dataref: str | None = None) -> bytes:
        """Return the event as JSON in UTF-8; with ``dataref``, the address of the data stands in their place.

        Source: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/extensions/dataref.md
        """
        attributes = {
            "specversion": "1.0",
            "id": self.id,
            "type": self.type,
            "source": self.source,
            "subject": self.subject,
            "time": _rfc3339(self.time),
            "datacontenttype": "application/json",
        }
        if dataref is not None:
            return json.dumps(attributes | {"dataref": dataref}).encode()
        return _with_member(json.dumps(attributes).encode(), b"data", self.data)


def change_event(
    notification: Authentic, found: Content | Missing | None, *, client_id: str, received_at: datetime
) -> CloudEvent:
    """Return the event of a change, with the resource itself in ``data.content`` when there is any.

    ``found``: the resource, or that it is not there any more, or None when nobody has looked.

    The id is the same for the same change, however often and over whatever subscription it arrives, as long as Graph
    says which version of the resource it is about; docs/events.md tells when it does not.

    Raises:
        Malformed: a resource that JSON cannot repeat.
    """
    change_type = notification.change_type or ""
    content = found if isinstance(found, Content) else None
    path = subject_of(notification.resource or "", notification.resource_data)
    kind = kind_of(path, notification.resource_data)
    version = _version(notification, content, kind=kind, received_at=received_at)
    gone = {"gone": True} if isinstance(found, Missing) else {}
    data = _dumps(_data(notification) | {"resourceData": notification.resource_data} | gone)
    return CloudEvent(
        id=_stable_id(notification.tenant_id, path, change_type, version),
        type=f"Microsoft.Graph.{kind}{change_type[:1].upper()}{change_type[1:]}",
        source=_source(notification, client_id),
        subject=path,
        time=received_at,
        data=data if content is None else _with_member(data, b"content", content.text.strip()),
    )


def lifecycle_event(notification: Authentic, *, client_id: str, received_at: datetime) -> CloudEvent:
    """Return the event of a lifecycle notification, such as ``Microsoft.Graph.SubscriptionReauthorizationRequired``.

    Raises:
        Malformed: never for a notification that was parsed; the data are texts.
    """
    name = notification.lifecycle_event or ""
    titled = name[:1].upper() + name[1:]
    return CloudEvent(
        # Graph repeats a reauthorization request every few minutes: each is an event of its own.
        id=_stable_id(notification.tenant_id, notification.subscription_id, name, _rfc3339(received_at)),
        type=f"Microsoft.Graph.{titled}"
        if titled.startswith("Subscription")
        else f"Microsoft.Graph.Subscription{titled}",
        source=_source(notification, client_id),
        subject=f"subscriptions/{notification.subscription_id}",
        time=received_at,
        data=_dumps(_data(notification) | {"lifecycleEvent": name}),
    )


def _data(notification: Authentic) -> dict[str, Any]:
    """Return what Graph said of the change, in Graph's names; the client state is a secret and stays out."""
    said = {
        "changeType": notification.change_type,
        "tenantId": notification.tenant_id,
        "subscriptionId": notification.subscription_id,
        "subscriptionExpirationDateTime": notification.subscription_expiration,
        "resource": notification.resource,
    }
    return {name: value for name, value in said.items() if value is not None}


def _version(notification: Authentic, content: Content | None, *, kind: str, received_at: datetime) -> str:
    """Return what tells this change from the next one of the same kind to the same resource."""
    # A message can be deleted, restored and deleted again, and a member can come back.
    if notification.change_type == "created" and is_created_once(kind):
        return ""
    stated = _stated_version(content.resource if content else {}) or _etag(notification.resource_data)
    if stated:
        return stated
    if content is not None:
        return hashlib.sha256(content.text).hexdigest()
    if notification.notification_id is not None:
        return notification.notification_id
    # Two updates look the same without their content. An event too many is a nuisance; one too few is a loss.
    return _rfc3339(received_at)


def _stated_version(resource: Mapping[str, Any]) -> str | None:
    for name in ("etag", "lastModifiedDateTime"):
        value = resource.get(name)
        if isinstance(value, str) and value:
            return value
    return None


def _etag(resource_data: Mapping[str, Any]) -> str | None:
    value = resource_data.get("@odata.etag")
    return value if isinstance(value, str) and value else None


def _stable_id(*parts: str) -> str:
    """Return a hash of ``parts``: an id of one length, free of what a path may hold."""
    digest = hashlib.sha256()
    for part in parts:
        encoded = part.encode(errors="surrogatepass")
        digest.update(len(encoded).to_bytes(8) + encoded)
    return digest.hexdigest()[:32]


def _source(notification: Authentic, client_id: str) -> str:
    return f"/tenants/{notification.tenant_id}/applications/{client_id}"


def _rfc3339(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _dumps(value: Mapping[str, Any]) -> bytes:
    try:
        return _ENCODER.encode(value).encode()
    except (ValueError, RecursionError) as exc:
        raise Malformed("a resource that is nested too deeply") from exc


def _with_member(json_object: bytes, name: bytes, value: bytes) -> bytes:
    """Return ``json_object`` with one more member, its JSON text as it is: content stays byte for byte Graph's."""
    return b'%b, "%b": %b}' % (json_object[:-1], name, value)
