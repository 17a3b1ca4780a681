"""What is around the content of an event, as types for consumers: the event as it stands in the queue, and its data.

``Event[ChangeData[ChatMessage]]`` is a change to a message, ``Event[LifecycleData]`` what happened to a subscription,
``Event[GapData]`` what was lost with one.
As everywhere in Graph's JSON, more properties are always allowed.

Source: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
"""

from typing import Literal, NotRequired, Required, TypedDict

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

    changeType: Required[str]
    tenantId: Required[str]
    subscriptionId: Required[str]
    subscriptionExpirationDateTime: str
    resource: Required[str]
    resourceData: Required[ResourceData]
    content: Content
    gone: Literal[True]


class LifecycleData(TypedDict, total=False):
    """``data`` of a lifecycle event. Source: https://learn.microsoft.com/graph/change-notifications-lifecycle-events."""

    lifecycleEvent: Required[str]
    tenantId: Required[str]
    subscriptionId: Required[str]
    subscriptionExpirationDateTime: str
    resource: str


class GapData(TypedDict):
    """``data`` of what says that changes between two moments are lost, or will be unless the reason is mended."""

    tenantId: str
    subscriptionId: str
    resource: str
    changeType: str
    startDateTime: str
    endDateTime: str
    reason: str


class Event[Data](TypedDict):
    """An event with its ``data``, or with the address of a blob that holds them in ``dataref``; never with both.

    ``recovered``: the change was fetched after notifications of it had been lost.
    Source: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/extensions/dataref.md
    """

    specversion: Literal["1.0"]
    id: str
    type: str
    source: str
    subject: str
    time: str
    datacontenttype: Literal["application/json"]
    data: NotRequired[Data]
    dataref: NotRequired[str]
    recovered: NotRequired[bool]
