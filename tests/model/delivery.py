"""How Graph delivers: late, twice, with retries for four hours; in an outage it may drop what it likes.

Source: https://learn.microsoft.com/graph/change-notifications-delivery-webhooks
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.fakes.graph_sender import graph
from tests.fakes.subscription_values import NOW
from tests.model.graph import Life
from tests.model.history import Act, History, outage_spans
from tests.model.teams import Change
from tests.sender import basic_item, body

RETRIES = (1, 3, 7, 15, 30, 60, 120, 180, 240)
# Graph drops what comes while the endpoint does not answer, for ten minutes more, and until it probes again after that.
_DROPS_FROM, _DROPS_FOR_MORE = 1.5, 18
DROPPED = "Graph dropped it"


@dataclass(slots=True, kw_only=True, eq=False)
class Notification:
    """What Graph sends of one change over one subscription; ``received`` has the times of receipt that were answered.

    ``content``: what it was sealed with, if it was. ``fate``: why Graph gave it up, if it did.
    """

    change: Change
    subscription_id: str
    life: Life = field(repr=False)
    content: Mapping[str, Any] | None = field(repr=False)
    item: Mapping[str, Any] = field(repr=False)
    process: int
    at_once: bool
    tries: int = 0
    received: list[datetime] = field(default_factory=list)
    refused: list[datetime] = field(default_factory=list)
    fate: str | None = None

    @property
    def fetch(self) -> str | None:
        """Return the API's version in its URL, if the app fetches the resource."""
        return next(iter(parse_qs(urlsplit(self.life.properties["notificationUrl"]).query).get("fetch", [])), None)

    @property
    def is_rich(self) -> bool:
        """Return whether content is in it."""
        return self.content is not None


def notification_of(
    change: Change, state: Mapping[str, Any] | None, subscription_id: str, life: Life, act: Act
) -> Notification:
    """Return the notification of a change that ``act`` made, as ``state`` shows the resource."""
    is_rich = bool(life.properties["includeResourceData"]) and state is not None
    content = {"@odata.context": f"of {subscription_id}", **state} if is_rich and state is not None else None
    kind = "#Microsoft.Graph.chatMessage" if change.is_message else "#Microsoft.Graph.aadUserConversationMember"
    data = {"id": change.subject.rpartition("/")[2], "@odata.type": kind, "@odata.id": change.resource}
    item = basic_item(
        subscriptionId=subscription_id,
        clientState=life.properties["clientState"],
        subscriptionExpirationDateTime=life.properties["expirationDateTime"],
        changeType=change.kind,
        resource=change.resource,
        resourceData=data,
    )
    if content is not None:
        item["encryptedContent"] = graph().encrypted(json.dumps(content).encode())
    return Notification(
        change=change,
        subscription_id=subscription_id,
        life=life,
        content=content,
        item=item,
        process=act.process,
        at_once=act.at_once,
    )


def lifecycle_item(event: str, subscription_id: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return a lifecycle notification, as it was seen live."""
    return {
        "lifecycleEvent": event,
        "subscriptionId": subscription_id,
        "clientState": properties["clientState"],
        "subscriptionExpirationDateTime": properties["expirationDateTime"],
        "organizationId": basic_item()["tenantId"],
        "resource": "",
    }


def body_of(*notifications: Notification) -> bytes:
    """Return the POST of notifications."""
    tokens = [_token()] if any(each.is_rich for each in notifications) else ()
    return body(*(each.item for each in notifications), tokens=tokens)


@cache
def _token() -> str:
    """Return a token that is good for every history: they all begin at one time."""
    begins, ends = _seconds(NOW - timedelta(days=1)), _seconds(NOW + timedelta(days=9))
    return graph().token(nbf=begins, iat=begins, exp=ends)


def _seconds(moment: datetime) -> int:
    return int(moment.astimezone(UTC).timestamp())


def drops(history: History, minute: float) -> bool:
    """Return whether Graph drops what it should deliver at this minute; never in outages that no run can have seen."""
    return any(
        end - start > history.period and start + _DROPS_FROM <= minute < end + _DROPS_FOR_MORE
        for start, end in outage_spans(history)
    )
