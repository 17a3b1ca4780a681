"""Faults that the app itself sees in its run, of its storage account, and of what is on its way."""

import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

from sandbox.azurite import ACCOUNT_KEY
from sandbox.serving import Fault
from shared.gaps.gap import Gap, GapCause, GapState
from shared.receiving.post_store import PARKED, QUARANTINE, StoredPost
from shared.subscriptions.deployment import change_status
from shared.subscriptions.deployment_status import DeploymentStatus
from shared.subscriptions.status_table import TABLE
from shared.subscriptions.tracked import TrackedSubscription
from shared.timing import Deadline
from tests.cli.doctor.faults import Row, Switch
from tests.cli.doctor.faults_identity import registered
from tests.cli.doctor.faults_outside import answering, settings
from tests.cli.doctor.patients import run_timer
from tests.cli.operator import Operator

_MINUTE = timedelta(minutes=1)
_OTHER_KEY = "A" * (len(ACCOUNT_KEY) - 2) + "=="


def seen_by_the_app(fault: Switch) -> Switch:
    """Return a switch that has the app run once with a fault, which is over when the doctor comes."""

    @contextmanager
    def switched(operator: Operator) -> Iterator[None]:
        operator.world.app.restart()
        with fault(operator):
            run_timer(operator)
        try:
            yield
        finally:
            # Without the back-off that follows a failure.
            operator.world.run(force=True)
            run_timer(operator)

    return switched


def _row(change: Callable[[DeploymentStatus], DeploymentStatus]) -> Switch:
    @contextmanager
    def switched(operator: Operator) -> Iterator[None]:
        table = operator.world.app.clients.status_table()
        before = table.load().of_owner()
        assert before is not None
        change_status(table, before.deployment_id, change)
        try:
            yield
        finally:
            change_status(table, before.deployment_id, lambda now: replace(before, etag=now.etag))

    return switched


def _ago(minutes: float) -> Switch:
    return _row(lambda row: replace(row, last_run_at=row.last_run_at - minutes * _MINUTE))


def _every(minutes: float) -> Switch:
    return _row(
        lambda row: replace(row, starts=tuple(row.last_run_at - n * minutes * _MINUTE for n in range(5, -1, -1)))
    )


@contextmanager
def _never_run(operator: Operator) -> Iterator[None]:
    operator.world.app.clients.tables().delete_table(TABLE)
    yield
    run_timer(operator)


@contextmanager
def _powerless(operator: Operator) -> Iterator[None]:
    """Take the app's role at the vault away, which the operator has."""
    operator.world.vault.readers = set()
    yield
    operator.world.vault.readers = None


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
            store.delete(post)

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


def _refused_by_storage(row: DeploymentStatus) -> DeploymentStatus:
    """Have it in the row what an account with roles says, which the emulator does not have."""
    said = (
        "storage refuses the app's identity 73daa099-34e2-51a4-9c8f-f2a471ca1a3a (client id x, tenant y) "
        "(403 AuthorizationPermissionMismatch): grant it the role Storage Blob Data Contributor on "
        "stteams.blob.core.windows.net, and let it through the firewall there"
    )
    assert row.answers is not None
    return replace(row, answers=replace(row.answers, by_system={**row.answers.by_system, "blobs": said}))


APP = (
    Row(
        name="storage refuses the app",
        fault=_row(_refused_by_storage),
        lines={"app-storage": "mend"},
        says=(
            "-> az role assignment create --assignee-object-id 73daa099-34e2-51a4-9c8f-f2a471ca1a3a",
            '--role "Storage Blob Data Contributor" --scope $(az storage account show --name stteams --query id',
        ),
    ),
    Row(
        name="timer is silent",
        fault=_ago(20),
        lines={"timer": "mend"},
        says=("the timer does not run", "-> az monitor app-insights query --app NAME"),
    ),
    Row(name="run is late", fault=_ago(14), lines={"timer": "watch"}, says=("a run is late",)),
    Row(
        name="timer runs too seldom",
        fault=_every(30),
        lines={"timer": "mend"},
        says=("every 30 min: tokens lapse between two runs, so set RENEW_SCHEDULE",),
    ),
    Row(
        name="timer has never run",
        fault=_never_run,
        lines={"timer": "mend"},
        says=("RenewSubscriptions has not run to its end yet",),
    ),
    Row(
        name="the app lacks its role at the vault, and the operator has it",
        fault=seen_by_the_app(_powerless),
        lines={"app-vault": "mend"},
        says=(
            "grant it the role Key Vault Secrets User",
            "as the app's run at 20",
            "-> az role assignment create --assignee-object-id ",
            '--role "Key Vault Secrets User" --scope $(az keyvault show',
            "-> a new role takes up to ten minutes",
        ),
    ),
    Row(
        name="vault did not answer the app",
        fault=seen_by_the_app(answering("vault_service", Fault(path="/secrets", status=503))),
        lines={"app-vault": "mend"},
        says=("Key Vault (graph-notifications, version newest) does not answer as it should: 503",),
    ),
    Row(
        name="secret of the app has ended in its run",
        fault=seen_by_the_app(registered(secret="another one")),
        lines={"app-entra": "mend", "app-graph": "mend"},
        says=("CLIENT_SECRET is wrong", "(AADSTS7000215)", "-> az ad app credential reset"),
    ),
    Row(
        name="Graph refused the app",
        fault=seen_by_the_app(answering("graph_service", Fault(path="/subscriptions", method="GET", status=403))),
        lines={"app-graph": "mend"},
        says=("Graph answered 403 to GET",),
    ),
    Row(
        name="the app does not reach its own URL",
        fault=seen_by_the_app(answering("endpoint_service", Fault(status=404))),
        lines={"app-url": "mend"},
        says=("NOTIFICATION_URL: no: the handshake was answered 404, not 200",),
    ),
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
