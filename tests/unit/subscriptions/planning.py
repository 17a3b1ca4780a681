"""What the tests of the planner share: a plan for one row and one subscription at Graph."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from shared.graph.subscription import GraphSubscription
from shared.subscriptions.desired import DesiredSubscription
from shared.subscriptions.plan import RenewalPolicy, plan
from shared.subscriptions.tracked import (
    Action,
    TrackedSubscription,
)
from tests.fakes.subscription_values import (
    LIFETIME,
    LISTED,
    NOW,
    OBSERVED,
    POLICY,
    ROW,
    WANTED,
)

EXPIRATION = NOW + LIFETIME
LONG_AGO = NOW - timedelta(days=4)
EXPIRED_OBSERVED = replace(OBSERVED, renewed_at=LONG_AGO, proven_at=LONG_AGO, expiration=NOW)
EXPIRED = replace(ROW, applied=EXPIRED_OBSERVED)
BASIC = replace(WANTED, resource="/teams", change_types=frozenset({"created"}), include_resource_data=False)


def plan_of(
    row: TrackedSubscription | None = ROW,
    listed: GraphSubscription | None = LISTED,
    *,
    desired: Sequence[DesiredSubscription] = (WANTED,),
    policy: RenewalPolicy = POLICY,
    now: datetime = NOW,
) -> Sequence[Action]:
    return plan(desired, [row] if row else [], [listed] if listed else [], policy=policy, now=now)


def only(actions: Sequence[Action]) -> Action:
    assert len(actions) == 1
    return actions[0]
