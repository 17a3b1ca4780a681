"""Ten thousand subscriptions, as many as Graph grants an app: planned in no time and little memory."""

import time
import tracemalloc
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from functools import cache

import pytest

from shared.graph.subscription import GraphSubscription
from shared.subscriptions.desired import DesiredSubscription
from shared.subscriptions.plan import plan
from shared.subscriptions.tracked import Action, AppliedSubscription, TrackedSubscription
from tests.fakes.subscription_values import LISTED, MINUTE, NOW, OBSERVED, POLICY, ROW, failure
from tests.sender import TENANT

pytestmark = pytest.mark.slow

_KINDS = (
    "/chats/19:{n}@thread.v2/messages",
    "/teams/8ea0e38b-efb3-4757-924a-{n:012x}/channels/19:{n}@thread.tacv2/messages",
    "/teams/8ea0e38b-efb3-4757-924a-{n:012x}",
    "/communications/presences/8ea0e38b-efb3-4757-924a-{n:012x}",
    "teams('8ea0e38b-efb3-4757-924a-{n:012x}')/members",
)


def _desired(n: int) -> DesiredSubscription:
    resource = _KINDS[n % len(_KINDS)].format(n=n)
    return DesiredSubscription(
        tenant_id=TENANT, resource=resource, change_types=frozenset({"updated"}), include_resource_data=n % 3 == 0
    )


def _observed(n: int, desired: DesiredSubscription) -> AppliedSubscription:
    return replace(
        OBSERVED,
        subscription_id=f"s{n}",
        include_resource_data=desired.include_resource_data,
        certificate_id=f"c{n % 7 != 0:d}" if desired.include_resource_data else None,
        renewed_at=NOW - n % 60 * MINUTE,
    )


def _row(n: int) -> TrackedSubscription:
    desired = _desired(n)
    paused = failure(retry_at=NOW + MINUTE) if n % 50 == 0 else None
    observed = _observed(n, desired)
    # Some have expired. What was created in their place is not recorded yet.
    applied = observed if n % 40 else replace(observed, expiration=NOW)
    return replace(ROW, desired=desired, applied=applied, failure=paused)


def _listed(n: int, row: TrackedSubscription) -> GraphSubscription:
    wanted = row.desired
    return replace(
        LISTED,
        # Some are strays, which are looked for by what they watch.
        subscription_id=f"s{n}" if n % 40 else f"stray{n}",
        resource=wanted.resource,
        change_types=wanted.change_types,
        include_resource_data=wanted.include_resource_data,
        expiration=NOW + timedelta(days=2),
    )


@cache
def _many() -> tuple[Sequence[DesiredSubscription], Sequence[TrackedSubscription], Sequence[GraphSubscription]]:
    """Return what is desired, tracked and alive, so that each kind of action occurs."""
    rows = [_row(n) for n in range(10_000)]
    # Some are new, some unwanted, some deleted, and the rest is alive.
    desired = [row.desired for row in rows[200:]] + [_desired(n) for n in range(10_000, 10_200)]
    return desired, rows, [_listed(n, row) for n, row in enumerate(rows) if n % 30]


def _plan() -> Sequence[Action]:
    return plan(*_many(), policy=POLICY, now=NOW)


def _seconds() -> float:
    """Return the processor's time, which other programs on the machine do not take."""
    _many()
    start = time.thread_time()
    _plan()
    return time.thread_time() - start


def test_ten_thousand_subscriptions_are_planned_within_a_second() -> None:
    assert any(_seconds() < 1 for _ in range(3))


def test_ten_thousand_subscriptions_are_planned_in_200_mb() -> None:
    _many()
    tracemalloc.start()
    try:
        actions = _plan()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 200_000_000
    assert {action.verb for action in actions} >= {"create", "adopt", "renew", "rotate", "delete"}
