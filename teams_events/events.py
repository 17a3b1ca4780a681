"""The events as values: one class a type, and whether the data came along or lie in a blob told apart by type.

``type`` is the discriminator: ``match`` on the classes, or compare ``event.type``, and the rest is typed accordingly.

Source: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Literal

from teams_events.content import Channel, Chat, ChatMessage, ConversationMember, JsonObject, Team
from teams_events.envelope import ChangeData, GapData, LifecycleData


@dataclass(frozen=True, slots=True, kw_only=True)
class DataReference:
    """In place of data that are too large for a message: the address of the blob that holds them (``open_data``)."""

    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudEvent[Type: str, Data]:
    """What all events have; ``id`` is the same for a repetition, ``time`` is when the app received the notification.

    ``recovered``: the change was fetched after notifications of it had been lost.
    """

    data_type: ClassVar[type | None] = None
    """The TypedDict whose required names ``data`` has; None where nothing is promised."""

    id: str
    type: Type
    source: str
    subject: str
    time: datetime
    recovered: bool = False
    data: Data | DataReference = field(repr=False)


class Change[Type: str, Content](CloudEvent[Type, ChangeData[Content]]):
    """A change to a resource, ``data["content"]``; see ``ChangeData`` for when there is none."""

    data_type = ChangeData


class Lifecycle[Type: str](CloudEvent[Type, LifecycleData]):
    """What Graph says of a subscription."""

    data_type = LifecycleData


class ChannelCreated(Change[Literal["Microsoft.Graph.ChannelCreated"], Channel]):
    """A channel was created."""


class ChannelUpdated(Change[Literal["Microsoft.Graph.ChannelUpdated"], Channel]):
    """A channel was renamed, archived or changed otherwise."""


class ChannelDeleted(Change[Literal["Microsoft.Graph.ChannelDeleted"], Channel]):
    """A channel was deleted."""


class ChatCreated(Change[Literal["Microsoft.Graph.ChatCreated"], Chat]):
    """A chat was begun."""


class ChatUpdated(Change[Literal["Microsoft.Graph.ChatUpdated"], Chat]):
    """A chat was renamed or changed otherwise."""


class ChatMessageCreated(Change[Literal["Microsoft.Graph.ChatMessageCreated"], ChatMessage]):
    """A message was written."""


class ChatMessageUpdated(Change[Literal["Microsoft.Graph.ChatMessageUpdated"], ChatMessage]):
    """A message was edited, restored, or reacted to."""


class ChatMessageDeleted(Change[Literal["Microsoft.Graph.ChatMessageDeleted"], ChatMessage]):
    """A message was deleted; its text is gone."""


class ConversationMemberCreated(Change[Literal["Microsoft.Graph.ConversationMemberCreated"], ConversationMember]):
    """Somebody joined a chat, team or channel."""


class ConversationMemberUpdated(Change[Literal["Microsoft.Graph.ConversationMemberUpdated"], ConversationMember]):
    """The roles of a member changed."""


class ConversationMemberDeleted(Change[Literal["Microsoft.Graph.ConversationMemberDeleted"], ConversationMember]):
    """Somebody left a chat, team or channel."""


class TeamCreated(Change[Literal["Microsoft.Graph.TeamCreated"], Team]):
    """A team was created."""


class TeamUpdated(Change[Literal["Microsoft.Graph.TeamUpdated"], Team]):
    """A team was renamed or changed otherwise."""


class TeamDeleted(Change[Literal["Microsoft.Graph.TeamDeleted"], Team]):
    """A team was deleted."""


class SubscriptionReauthorizationRequired(Lifecycle[Literal["Microsoft.Graph.SubscriptionReauthorizationRequired"]]):
    """Graph asked for a renewal, which the app sees to."""


class SubscriptionRemoved(Lifecycle[Literal["Microsoft.Graph.SubscriptionRemoved"]]):
    """Graph removed a subscription, which the app creates anew."""


class SubscriptionMissed(Lifecycle[Literal["Microsoft.Graph.SubscriptionMissed"]]):
    """Graph could not deliver some changes, which the app fetches."""


class SubscriptionGap(CloudEvent[Literal["Microsoft.Graph.SubscriptionGap"], GapData]):
    """Changes of one resource are lost, all or some of them, between two moments."""

    data_type = GapData


class OtherEvent(CloudEvent[str, JsonObject]):
    """An event of any other type, as for call records and presence, and for what Graph adds later."""


type Event = (
    ChannelCreated
    | ChannelUpdated
    | ChannelDeleted
    | ChatCreated
    | ChatUpdated
    | ChatMessageCreated
    | ChatMessageUpdated
    | ChatMessageDeleted
    | ConversationMemberCreated
    | ConversationMemberUpdated
    | ConversationMemberDeleted
    | TeamCreated
    | TeamUpdated
    | TeamDeleted
    | SubscriptionReauthorizationRequired
    | SubscriptionRemoved
    | SubscriptionMissed
    | SubscriptionGap
    | OtherEvent
)
"""Whatever ``parse`` returns."""
