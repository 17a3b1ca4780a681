"""Faults of the storage account, and of what is on its way through it."""

import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

from sandbox.azurite import ACCOUNT_KEY
from shared.gaps.gap import Gap, GapCause, GapState
from shared.receiving.post_store import PARKED, QUARANTINE, StoredPost
from shared.subscriptions.tracked import TrackedSubscription
from shared.timing import Deadline
from tests.cli.doctor.faults import Row, Switch
from tests.cli.doctor.faults_outside import settings
from tests.cli.operator import Operator

_MINUTE = timedelta(minutes=1)
_OTHER_KEY = "A" * (len(ACCOUNT_KEY) - 2) + "=="


def _stored(container: str, reason: str) -> Switch:
    @contextmanager
    def switched(operator: Operator) -> Iterator[None]:
        store = operator.world.app.clients.post_store(container)
        received_at = operator.world.clock.now() - 20 * _MINUTE
        tenant_id = operator.world.tenant_id
        post = StoredPost(
            name=uuid.uuid4().hex, reason=reason, tenant_id=tenant_id, received_at=received_at, fetch=None
        )
        store.store([(post, b'{"value": []}')], Deadline.after(_MINUTE))
        try:
            yield
        finally:
            store.delete([post])

    return switched


@contextmanager
def _lost_changes(operator: Operator) -> Iterator[None]:
    table, row, now = operator.world.app.clients.gap_table(), operator.world.rows()[0], operator.world.clock.now()
    gap = Gap.of_subscription(row, GapCause.OUTAGE, now - 60 * _MINUTE, now - 30 * _MINUTE)
    assert gap is not None
    saved = table.save(replace(gap, state=GapState.UNRECOVERABLE, reason="Graph does not list them"))
    yield
    table.delete(saved)


def _rows(change: Callable[[TrackedSubscription], TrackedSubscription]) -> Switch:
    @contextmanager
    def switched(operator: Operator) -> Iterator[None]:
        table = operator.world.app.clients.subscription_table()
        before = operator.world.rows()
        changed: Sequence[TrackedSubscription] = [table.save(change(row)) for row in before[:1]]
        try:
            yield
        finally:
            for row, now in zip(before, changed, strict=False):
                table.save(replace(row, etag=now.etag))

    return switched


def _lapsed(row: TrackedSubscription) -> TrackedSubscription:
    assert row.applied is not None
    return replace(row, applied=replace(row.applied, expiration=row.applied.expiration - timedelta(days=30)))


THROUGH = (
    Row(
        name="AccountKey is wrong",
        fault=lambda operator: settings(
            AzureWebJobsStorage=operator.world.app.environ["AzureWebJobsStorage"].replace(ACCOUNT_KEY, _OTHER_KEY)
        )(operator),
        lines={"tables": "mend", "queue": "mend", "blobs": "mend"},
        says=("refuses the AccountKey in AzureWebJobsStorage (403 ", "copy it again"),
    ),
    Row(
        name="item waits to be published",
        fault=_stored(PARKED, "certificate-unknown"),
        lines={"parked": "watch"},
        says=("1 certificate-unknown wait, the oldest for ", "-> python -m cli parked list"),
    ),
    Row(
        name="item was refused for good",
        fault=_stored(QUARANTINE, "undecryptable"),
        lines={"quarantine": "watch"},
        says=("1 undecryptable in quarantine", "-> python -m cli quarantine list"),
    ),
    Row(
        name="item came without validation tokens",
        fault=_stored(QUARANTINE, "validation-token"),
        lines={"quarantine": "mend"},
        says=("look at the check registration first", "-> python -m cli quarantine retry"),
    ),
    Row(
        name="changes are lost",
        fault=_lost_changes,
        lines={"gaps": "watch"},
        says=("1 gaps are not filled", "Graph does not list them", "-> python -m cli gaps list"),
    ),
    Row(
        name="subscription has lapsed",
        fault=_rows(_lapsed),
        lines={"subscriptions": "mend"},
        says=(" is lapsed", "-> python -m cli subscriptions check"),
    ),
    Row(
        name="subscription is not created yet",
        fault=_rows(lambda row: replace(row, applied=None)),
        lines={"subscriptions": "watch"},
        says=("1 wait for the next run",),
    ),
)
