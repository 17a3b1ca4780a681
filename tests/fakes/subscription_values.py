"""One subscription with resource data, as all sides see it when everything is in order."""

from datetime import UTC, datetime, timedelta

from shared.graph.subscription import GraphSubscription
from shared.subscriptions.desired import DesiredSubscription
from shared.subscriptions.plan import RenewalPolicy
from shared.subscriptions.tracked import AppliedSubscription, TrackedSubscription
from shared.timing import Backoff
from tests.sender import SUBSCRIPTION, TENANT

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
URL = "https://app.example/api/ReceiveNotification"
# As the key k1 signs.
KEYED_URL = f"{URL}?key=k1"
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
# Graph's maximum, less the five minutes that two clocks may differ.
LIFETIME = timedelta(days=3) - 5 * MINUTE
RENEWED_AT = NOW - 12 * MINUTE

POLICY = RenewalPolicy(
    notification_url=URL,
    lifetime=timedelta(days=3),
    renew_after=30 * MINUTE,
    client_state_key_id="k1",
    other_key_ids=("k2",),
    certificate_id="c1",
)
WANTED = DesiredSubscription(
    tenant_id=TENANT,
    resource="/chats/getAllMessages",
    change_types=frozenset({"created", "updated"}),
    include_resource_data=True,
)
OBSERVED = AppliedSubscription(
    subscription_id=SUBSCRIPTION,
    notification_url=KEYED_URL,
    include_resource_data=True,
    certificate_id="c1",
    created_at=NOW - timedelta(days=2),
    renewed_at=RENEWED_AT,
    proven_at=RENEWED_AT,
    token_expires_at=RENEWED_AT + HOUR,
    expiration=RENEWED_AT + LIFETIME,
)
ROW = TrackedSubscription(desired=WANTED, applied=OBSERVED, client_state_key_id="k1", etag="e1")
LISTED = GraphSubscription(
    subscription_id=SUBSCRIPTION,
    resource="chats/getAllMessages",
    change_types=WANTED.change_types,
    notification_url=KEYED_URL,
    lifecycle_notification_url=URL,
    include_resource_data=True,
    encryption_certificate_id="c1",
    expiration=OBSERVED.expiration,
)


def failure(*, retry_at: datetime, at: datetime = NOW - MINUTE, count: int = 1) -> Backoff:
    return Backoff(text="Graph answered 403", at=at, count=count, retry_at=retry_at)
