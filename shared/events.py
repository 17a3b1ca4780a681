"""An authentic notification and its content in, a CloudEvent out.

Types, source and subject are those that Event Grid's partner topics use for Microsoft Graph, so that a consumer can
take its events from either.

Source: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md and
https://learn.microsoft.com/azure/event-grid/subscribe-to-graph-api-events
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from shared.authenticity import Authentic, subscribed_at
from shared.decryption import Content
from shared.errors import Malformed, Missing
from shared.notifications import ChangeNotification
from shared.recovery import Recovery
from shared.resources import kind_of, subject_of
from shared.versions import stable_id, stated_version, unstated_version

_ENCODER = json.JSONEncoder(allow_nan=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """Which notification an event comes from.

    ``by`` is its subscription, which has told nothing before ``since`` (in seconds from 1970). ``mark`` is its own: the
    same whenever this notification is worked on, another one for any other.
    """

    by: str
    since: int
    mark: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudEvent:
    """One event in structured mode; ``data`` is its JSON text in UTF-8, ready to be written anywhere."""

    id: str
    type: str
    source: str
    subject: str
    time: datetime
    data: bytes = field(repr=False)
    content: Content | None = field(default=None, repr=False)
    """The resource itself, where it is in ``data``."""
    may_recur: bool = False
    """Whether a later change may have the same id: it leads back to what has been before."""
    recovered: bool = False
    """Whether it was fetched after notifications had been lost."""
    known_at: datetime | None = None
    """When that was told, or found, which something recovered was found to differ from; None where nobody knows."""
    telling: Telling | None = field(default=None, repr=False)
    """None if Graph has not told it."""

    @property
    def has_content(self) -> bool:
        """Whether the resource itself is in ``data``."""
        return self.content is not None

    def to_json(self, *, dataref: str | None = None) -> bytes:
        """Return the event as JSON in UTF-8; with ``dataref``, the address of the data stands in their place.

        Source: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/extensions/dataref.md
        """
        attributes: dict[str, Any] = {
            "specversion": "1.0",
            "id": self.id,
            "type": self.type,
            "source": self.source,
            "subject": self.subject,
            "time": _rfc3339(self.time),
            "datacontenttype": "application/json",
        }
        if self.recovered:
            attributes["recovered"] = True
        if dataref is not None:
            return json.dumps(attributes | {"dataref": dataref}).encode()
        return _with_member(json.dumps(attributes).encode(), b"data", self.data)


def change_event(
    notification: Authentic,
    found: Content | Missing | None,
    *,
    client_id: str,
    received_at: datetime,
    ordinal: int = 0,
) -> CloudEvent:
    """Return the event of a change, with the resource itself in ``data.content`` when there is any.

    ``found``: the resource, or that it is not there any more, or None when nobody has looked. ``ordinal``: which of the
    items that came together it is.

    The id is the same for the same change, however often and over whatever subscription it arrives, as long as Graph
    says which version of the resource it is about; docs/events.md tells when it does not.

    Raises:
        Malformed: a resource that JSON cannot repeat.
    """
    # Two updates that come together without their content differ in nothing else.
    moment = f"{received_at.isoformat()} {ordinal}"
    event = _change_event(notification, found, client_id=client_id, received_at=received_at, moment=moment)
    sealed = notification.encrypted_content
    # Graph seals each item with a key of its own, so that no other one has its signature.
    mark = moment if sealed is None else sealed.data_signature
    telling = Telling(by=notification.subscription_id, since=subscribed_at(notification), mark=mark)
    return replace(event, telling=telling)


def recovered_event(
    change: ChangeNotification, content: Content | None, *, client_id: str, recovered_at: datetime, moment: str
) -> CloudEvent:
    """Return the event of a change that nobody was told of, as it would have been, marked as recovered.

    ``change`` is what the lost notification said; nobody has sent it, so there is nothing to authenticate. ``moment``
    stands for when it happened, where nothing else tells the change from others.

    Raises:
        Malformed: a resource that JSON cannot repeat.
    """
    event = _change_event(change, content, client_id=client_id, received_at=recovered_at, moment=moment)
    return replace(event, recovered=True)


def _change_event(
    notification: ChangeNotification,
    found: Content | Missing | None,
    *,
    client_id: str,
    received_at: datetime,
    moment: str,
) -> CloudEvent:
    change_type = notification.change_type or ""
    content = found if isinstance(found, Content) else None
    path = subject_of(notification.resource or "", notification.resource_data)
    kind = kind_of(path, notification.resource_data)
    version = stated_version(notification, content, kind)
    gone = {"gone": True} if isinstance(found, Missing) else {}
    data = _dumps(_data(notification) | {"resourceData": notification.resource_data} | gone)
    return CloudEvent(
        id=stable_id(
            notification.tenant_id,
            path,
            change_type,
            unstated_version(notification, content, moment) if version is None else version,
        ),
        type=f"Microsoft.Graph.{kind}{change_type[:1].upper()}{change_type[1:]}",
        source=_source(notification, client_id),
        subject=path,
        time=received_at,
        data=data if content is None else _with_member(data, b"content", content.text.strip()),
        content=content,
        may_recur=version is None and content is not None,
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
        id=stable_id(notification.tenant_id, notification.subscription_id, name, _rfc3339(received_at)),
        type=f"Microsoft.Graph.{titled}"
        if titled.startswith("Subscription")
        else f"Microsoft.Graph.Subscription{titled}",
        source=_source(notification, client_id),
        subject=f"subscriptions/{notification.subscription_id}",
        time=received_at,
        data=_dumps(_data(notification) | {"lifecycleEvent": name}),
    )


def gap_event(gap: Recovery, *, reason: str, client_id: str, at: datetime) -> CloudEvent:
    """Return the event that says that changes are lost: ``Microsoft.Graph.SubscriptionGap``, a name of this app's own.

    The id is the same for the same gap, however often it is said.
    """
    since, until = _rfc3339(gap.since), _rfc3339(gap.until)
    said = {
        "tenantId": gap.tenant_id,
        "subscriptionId": gap.subscription_id,
        "resource": gap.resource,
        "changeType": ",".join(sorted(gap.change_types)),
        "startDateTime": since,
        "endDateTime": until,
        "reason": reason,
    }
    return CloudEvent(
        id=stable_id(gap.tenant_id, gap.key, "gap", until),
        type="Microsoft.Graph.SubscriptionGap",
        source=f"/tenants/{gap.tenant_id}/applications/{client_id}",
        subject=f"subscriptions/{gap.subscription_id}",
        time=at,
        data=_dumps(said),
    )


def _data(notification: ChangeNotification) -> dict[str, Any]:
    """Return what Graph said of the change, in Graph's names; the client state is a secret and stays out."""
    said = {
        "changeType": notification.change_type,
        "tenantId": notification.tenant_id,
        "subscriptionId": notification.subscription_id,
        "subscriptionExpirationDateTime": notification.subscription_expiration,
        "resource": notification.resource,
    }
    return {name: value for name, value in said.items() if value is not None}


def recurrence_id(event: CloudEvent) -> str:
    """Return an id of its own for a change that leads back to what has been before, and been published under its id."""
    told = (event.telling.by, event.telling.mark) if event.telling else (_rfc3339(event.time),)
    return stable_id(event.id, *told)


def resource_id(event: CloudEvent) -> str:
    """Return what all changes of one resource have in common."""
    return stable_id(event.source, event.subject)


def _source(notification: ChangeNotification, client_id: str) -> str:
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
