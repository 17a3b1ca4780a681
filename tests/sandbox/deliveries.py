"""A message in a chat, and Graph's POSTs of it to an endpoint."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sandbox.graph import Answer, Delivery, Item, Subscription
from sandbox.graph.resource_type import ResourceType
from sandbox.teams import Change
from tests.fakes.graph_sender import key_pair

WHEN = datetime(2026, 11, 21, tzinfo=UTC)
ENTITY = {"id": "1", "body": {"content": "hello"}}
CHANGE = Change(
    tenant_id="t",
    change_type="created",
    path=("chats", "c", "messages", "1"),
    odata_type="#Microsoft.Graph.chatMessage",
    entity=ENTITY,
    when=WHEN,
)
SUBSCRIPTION = Subscription(
    id="s",
    tenant_id="t",
    application_id="a",
    creator_id="c",
    resource="/chats/getAllMessages",
    resource_type=ResourceType(template="", entity="chatMessage", change_types=frozenset({"created"})),
    key="",
    options={},
    change_type="created",
    notification_url="https://127.0.0.1/",
    lifecycle_notification_url=None,
    expires_at=WHEN,
    authorized_until=WHEN,
    client_state=None,
    certificate=key_pair()[1],
    certificate_id="id",
    latest_tls="v1_2",
    token_audience="a",
)
BASIC = replace(SUBSCRIPTION, id="basic", certificate=None, certificate_id=None)
OTHER = replace(SUBSCRIPTION, id="other")


def delivery(*subscriptions: Subscription, status: int | None = 202, change: Change = CHANGE) -> Delivery:
    url = "https://127.0.0.1/"
    items = [Item(subscription=each, url=url, born=WHEN, change=change) for each in subscriptions or (SUBSCRIPTION,)]
    return Delivery(url=url, answer=Answer(status=status, took=timedelta(0)), when=WHEN, items=tuple(items))
