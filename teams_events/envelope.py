"""What is around the content of an event, as types for consumers: the event as it stands in the queue, and its data.

``Event[ChangeData[ChatMessage]]`` is a change to a message, ``Event[LifecycleData]`` what happened to a subscription,
``Event[GapData]`` what was lost with one.
As everywhere in Graph's JSON, more properties are always allowed.

Source: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
"""

from typing import Literal, NotRequired, Required, TypedDict

from teams_events.content import Timestamp

type EventId = str
"""32 hexadecimal digits."""
type TenantId = str
"""A GUID in lower case."""
type Text = str
"""At least one character, and at most 1,536."""
type Subject = str
"""At least one character, and at most 4,608: the path of a resource, in which a slash inside an id is escaped."""
type Url = str
"""The address of a blob."""

_Annotations = TypedDict(
    "_Annotations", {"@odata.type": str | None, "@odata.id": str | None, "@odata.etag": str | None}, total=False
)


class ResourceData(_Annotations, TypedDict, total=False):
    """What a notification itself says. Source: https://learn.microsoft.com/graph/api/resources/resourcedata."""

    id: str | None


class ChangeData[Content](TypedDict, total=False):
    """``data`` of a change; ``gone``: the resource was to be fetched, and was not there any more.

    Source: https://learn.microsoft.com/graph/api/resources/changenotification.
    """

    changeType: Required[Text]
    tenantId: Required[TenantId]
    subscriptionId: Required[Text]
    subscriptionExpirationDateTime: Timestamp
    resource: Required[Text]
    resourceData: Required[ResourceData]
    content: Content
    gone: Literal[True]


class LifecycleData(TypedDict, total=False):
    """``data`` of a lifecycle event. Source: https://learn.microsoft.com/graph/change-notifications-lifecycle-events."""

    lifecycleEvent: Required[Text]
    tenantId: Required[TenantId]
    subscriptionId: Required[Text]
    subscriptionExpirationDateTime: Timestamp
    resource: Text


class GapData(TypedDict):
    """``data`` of what says that changes between two moments are lost, or will be unless the reason is mended."""

    tenantId: TenantId
    subscriptionId: Text
    resource: Text
    changeType: Text
    startDateTime: Timestamp
    endDateTime: Timestamp
    reason: Text


class Event[Data](TypedDict):
    """An event with its ``data``, or with the address of a blob that holds them in ``dataref``; never with both.

    ``recovered``: the change was fetched after notifications of it had been lost.
    Source: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/extensions/dataref.md
    """

    specversion: Literal["1.0"]
    id: EventId
    type: str
    source: Text
    subject: Subject
    time: Timestamp
    datacontenttype: Literal["application/json"]
    data: NotRequired[Data]
    dataref: NotRequired[Url]
    recovered: NotRequired[bool]
