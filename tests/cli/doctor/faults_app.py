"""Faults that the app itself sees in its run, of its storage account, and of what is on its way."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

from sandbox.azurite import ACCOUNT_KEY
from sandbox.serving import Fault
from shared.subscriptions.deployment import change_status
from shared.subscriptions.deployment_status import DeploymentStatus
from shared.subscriptions.status_table import TABLE
from tests.cli.doctor.faults import Row, Switch
from tests.cli.doctor.faults_identity import registered
from tests.cli.doctor.faults_outside import answering
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


def _refused_by_storage(row: DeploymentStatus) -> DeploymentStatus:
    """Have it in the row what an account with roles says, which the emulator does not have."""
    said = (
        "storage refuses the app's identity 73daa099-34e2-51a4-9c8f-f2a471ca1a3a (client id x, tenant y) "
        "(403 AuthorizationPermissionMismatch): grant it the role Storage Blob Data Contributor on "
        "stteams.blob.core.windows.net, and let it through the firewall there"
    )
    assert row.answers is not None
    return replace(row, answers=replace(row.answers, by_system={**row.answers.by_system, "blobs": said}))


def _unclear(row: DeploymentStatus) -> DeploymentStatus:
    assert row.answers is not None
    said = {**row.answers.by_system, "NOTIFICATION_URL": "cannot tell: the handshake was answered 403, not 200"}
    return replace(row, answers=replace(row.answers, by_system=said))


APP = (
    Row(
        name="the app cannot tell whether its URL answers",
        fault=_row(_unclear),
        lines={"app-url": "watch"},
        says=("the app cannot tell: the handshake was answered 403",),
    ),
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
        says=("NOTIFICATION_URL: the handshake was answered 404, not 200",),
    ),
)
