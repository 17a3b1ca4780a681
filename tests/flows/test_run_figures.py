"""The figures at the end of a run of the real timer: what waits, what ends and what is silent."""

import logging
import re
import socket
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from sandbox.azurite import Azurite
from sandbox.serving import Fault
from shared.app.clients import Clients
from shared.app.deployments import deployment as this_deployment
from shared.app.renew_subscriptions import timer_run
from shared.app.run_figures import run_figures
from shared.events.queue_sink import Backlog, QueueSink
from shared.gaps.gap import Gap, GapCause
from shared.receiving.post_store import PARKED, QUARANTINE, StoredPost
from shared.settings import Settings
from shared.subscriptions.deployment_status import DeploymentStatus
from shared.timing import Deadline
from tests.fakes.deployments import forget_deployments
from tests.fakes.time_limits import BUSY_MACHINE_SECONDS, within
from tests.flows.deployment import LoopbackDeployment

pytestmark = pytest.mark.slow

SECOND, MINUTE, HOUR, WEEK = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=7)


@pytest.fixture(autouse=True)
def _no_other_deployments(azurite: Azurite) -> Iterator[None]:
    forget_deployments(azurite.connection_string)
    yield
    forget_deployments(azurite.connection_string)


@pytest.fixture
def clients(deployment: LoopbackDeployment) -> Clients:
    return Clients(Settings.from_environ(deployment.app.environ), clock=deployment.app.time)


@pytest.fixture
def figures(clients: Clients, caplog: pytest.LogCaptureFixture) -> "Figures":
    caplog.set_level(logging.INFO, logger="shared")
    return Figures(clients, caplog)


class Figures:
    """Runs the timer, and reads its line."""

    def __init__(self, clients: Clients, caplog: pytest.LogCaptureFixture) -> None:
        self._clients, self._caplog = clients, caplog

    def __call__(self) -> Mapping[str, str]:
        timer_run(self._clients).run()
        [line] = [message for message in self._caplog.messages if message.startswith("run ms=")][-1:]
        assert line.endswith(" ")
        return dict(re.findall(r"(\w+)=(\S+) ", line))


def _stored(clients: Clients, container: str, *, age: timedelta) -> StoredPost:
    """Store a POST that is not due, and return it."""
    now = clients.clock.now()
    post = StoredPost(
        name=f"figures-{container}",
        reason="misconfigured",
        tenant_id=clients.settings.tenant_ids[0],
        received_at=now - age,
        fetch=None,
        retry_at=now + HOUR,
    )
    clients.post_store(container).store([(post, b"{}")], Deadline.after(timedelta(seconds=20)))
    return next(each for each in clients.post_store(container).list() if each.name == post.name)


def test_line_says_how_much_is_parked_and_for_how_long(clients: Clients, figures: Figures) -> None:
    before = int(figures()["parked"])
    post = _stored(clients, PARKED, age=20 * MINUTE)
    after = figures()
    assert int(after["parked"]) == before + 1
    assert int(after["oldest_parked_s"]) >= 1200
    clients.post_store(PARKED).delete([post])
    assert int(figures()["parked"]) == before


def test_line_says_how_much_is_in_quarantine(clients: Clients, figures: Figures) -> None:
    before = int(figures()["quarantine"])
    post = _stored(clients, QUARANTINE, age=HOUR)
    assert int(figures()["quarantine"]) == before + 1
    clients.post_store(QUARANTINE).delete([post])


def test_line_says_when_subscriptions_and_certificate_end(clients: Clients, figures: Figures) -> None:
    line = figures()
    rows = clients.subscription_table().load(clients.settings.tenant_ids[0]).tracked
    assert int(line["subscriptions"]) == len(rows) > 0
    assert line["expiring"] == "0"
    now = clients.clock.now()
    left = min(row.applied.expiration - now for row in rows if row.applied)
    assert int(line["expiring_h"]) in {left // HOUR, (left + MINUTE) // HOUR}
    assert int(line["certificate_d"]) > 30


def test_subscription_that_is_not_renewed_counts_as_expiring(figures: Figures, deployment: LoopbackDeployment) -> None:
    figures()
    with deployment.fault(deployment.graph_service, Fault(path="/subscriptions", method="PATCH", status=403)):
        deployment.clock.advance(timedelta(hours=49))
        line = figures()
    assert int(line["expiring"]) == int(line["subscriptions"])
    assert int(line["expiring_h"]) == 22


def test_gap_that_waits_is_counted_and_a_baseline_is_not(clients: Clients, figures: Figures) -> None:
    figures()
    tenant_id = clients.settings.tenant_ids[0]
    assert any(gap.is_baseline for gap in clients.gap_table().load(tenant_id))
    assert figures()["gaps"] == "0"
    row = clients.subscription_table().load(tenant_id).tracked[0]
    now = clients.clock.now()
    gap = Gap.of_subscription(row, GapCause.OUTAGE, now - HOUR, now)
    assert gap is not None
    clients.gap_table().save(replace(gap, due_at=now + HOUR))
    assert figures()["gaps"] == "1"


def test_line_says_how_many_events_wait_for_the_consumer(clients: Clients, figures: Figures) -> None:
    sink = clients.sink()
    assert isinstance(sink, QueueSink)
    line, backlog = figures(), sink.backlog()
    assert int(line["queue"]) == backlog.messages
    assert int(line["oldest_queue_s"]) >= 0


def test_silence_of_a_busy_hour_shows_in_the_line(clients: Clients, figures: Figures) -> None:
    assert "heard_s" not in figures()
    tenant_id, now = clients.settings.tenant_ids[0], clients.clock.now()
    row = clients.subscription_table().load(tenant_id).tracked[0]
    assert row.applied is not None
    clients.subscription_table().record_activity(tenant_id, row.applied.subscription_id, None, now - 90 * MINUTE, None)
    hour = (now - WEEK).replace(minute=0, second=0, microsecond=0)

    def was_busy(status: DeploymentStatus) -> DeploymentStatus:
        return replace(status, heard={hour - HOUR: (12, 12), hour: (12, 12), hour + HOUR: (12, 12)})

    this_deployment(clients).change(was_busy)
    line = figures()
    assert int(line["heard_s"]) >= 5400
    assert line["expected_pct"] == "100"


def test_run_counts_whether_a_change_has_arrived(clients: Clients, figures: Figures) -> None:
    figures()
    tenant_id, now = clients.settings.tenant_ids[0], clients.clock.now()
    row = clients.subscription_table().load(tenant_id).tracked[0]
    assert row.applied is not None
    clients.subscription_table().record_activity(tenant_id, row.applied.subscription_id, None, now, None)
    figures()
    [status] = clients.status_table().load().deployments
    assert sum(runs for runs, _ in status.heard.values()) == 2
    assert sum(heard for _, heard in status.heard.values()) == 1


def test_figure_that_cannot_be_read_is_left_out_of_the_line(figures: Figures, deployment: LoopbackDeployment) -> None:
    with deployment.fault(deployment.vault_service, Fault(path="/secrets", status=503)):
        line = figures()
    assert "certificate_d" not in line
    assert line["quarantine"].isdigit()


def test_queue_that_does_not_answer_hides_no_other_figure(
    deployment: LoopbackDeployment, azurite: Azurite, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="shared")
    nowhere = azurite.connection_string.replace(azurite.queue_endpoint, "http://127.0.0.1:1/devstoreaccount1")
    settings = Settings.from_environ(deployment.app.environ | {"AzureWebJobsStorage": nowhere})
    line = Figures(Clients(settings, clock=deployment.app.time), caplog)()
    assert "queue" not in line
    assert {"parked", "quarantine", "gaps", "expiring", "certificate_d"} <= line.keys()


def test_storage_that_is_silent_holds_up_no_line(deployment: LoopbackDeployment, azurite: Azurite) -> None:
    # What is not accepted is connected all the same, and ends with the listener.
    with socket.create_server(("127.0.0.1", 0)) as server:
        silent = f"http://127.0.0.1:{server.getsockname()[1]}/devstoreaccount1"
        connection = azurite.connection_string.replace(azurite.blob_endpoint, silent)
        settings = Settings.from_environ(deployment.app.environ | {"AzureWebJobsStorage": connection})
        with within(BUSY_MACHINE_SECONDS):
            found = run_figures(Clients(settings, clock=deployment.app.time), 5 * MINUTE, time_limit=SECOND)
    assert "parked" not in found
    assert "gaps" in found


def test_queue_that_is_missing_has_no_backlog(clients: Clients) -> None:
    missing = Clients(replace(clients.settings, queue_name="never-made"), clock=clients.clock).sink()
    assert isinstance(missing, QueueSink)
    assert missing.backlog() == Backlog(messages=0, oldest_at=None)
