"""A gap of an hour, and messages of it as Graph lists them."""

from datetime import datetime
from typing import Any

from shared.gaps.gap import Gap
from tests.fakes.subscription_values import HOUR, MINUTE, NOW
from tests.sender import CHAT, SUBSCRIPTION, TENANT

SINCE, UNTIL = NOW - 2 * HOUR, NOW - HOUR
BEFORE, DURING, LATER, AFTER = SINCE - HOUR, SINCE + 10 * MINUTE, SINCE + 20 * MINUTE, UNTIL + 30 * MINUTE

GAP = Gap(
    tenant_id=TENANT,
    subscription_key="0" * 32,
    subscription_id=SUBSCRIPTION,
    resource="/chats/getAllMessages",
    change_types=frozenset({"created", "updated", "deleted"}),
    delegated=False,
    since=SINCE,
    until=UNTIL,
)


def text(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def message(
    id_: str = "1", *, created: datetime = DURING, modified: datetime | None = None, **changes: Any
) -> dict[str, Any]:
    last = modified or created
    return {
        "id": id_,
        "etag": str(int(last.timestamp())),
        "chatId": CHAT,
        "channelIdentity": None,
        "replyToId": None,
        "createdDateTime": text(created),
        "lastModifiedDateTime": text(last),
        "deletedDateTime": None,
        "body": {"contentType": "text", "content": "hello"},
    } | changes
