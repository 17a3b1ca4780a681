"""``python -m cli status`` beside a running app."""

import signal
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from cli.json_documents import GlanceDocument
from sandbox.azurite import Azurite
from shared.subscriptions.deployment import change_status
from tests.cli.child_processes import end, start, write_settings
from tests.cli.doctor.patients import patient
from tests.cli.operator import Operator, matches

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("doctor")]


@pytest.fixture(scope="module")
def well(tmp_path_factory: pytest.TempPathFactory, azurite: Azurite) -> Iterator[Operator]:
    with patient(tmp_path_factory.mktemp("status"), azurite) as operator:
        yield operator


def test_glance_is_green_without_asking_graph_or_the_vault(well: Operator) -> None:
    world = well.world
    before = [len(service.requests) for service in (world.graph_service, world.vault_service, world.login)]
    ran = well.run("status")
    assert (ran.exit_code, ran.stderr) == (0, ""), ran.stdout
    head, *rest = ran.stdout.splitlines()
    assert head.split(maxsplit=1) == ["green", "Graph delivers; no change yet; nothing waits"]
    names = "run url subscriptions last queue parked quarantine gaps"
    assert [line.split()[0] for line in rest] == names.split()
    assert [len(service.requests) for service in (world.graph_service, world.vault_service, world.login)] == before


def test_json_has_the_light_and_the_counts(well: Operator) -> None:
    found = matches(GlanceDocument, well.run("status", "--json", "--tenant", well.world.tenant_id).stdout)
    assert (found["light"], found["unanswered"]) == ("green", [])
    assert found["subscriptions"] == {"active": len(well.world.rows())}


def test_silent_timer_exits_1_and_points_to_the_doctor(well: Operator) -> None:
    table = well.world.app.clients.status_table()
    row = table.load().of_owner()
    assert row is not None
    change_status(table, row.deployment_id, lambda now: replace(now, last_run_at=row.last_run_at - timedelta(hours=1)))
    ran = well.run("status")
    change_status(table, row.deployment_id, lambda now: replace(now, last_run_at=row.last_run_at))
    assert ran.exit_code == 1
    assert "the timer has been silent for 1 h" in ran.stdout
    assert "python -m cli doctor" in ran.stdout.splitlines()[0]


def test_watch_shows_a_line_and_ends_with_ctrl_c(well: Operator) -> None:
    write_settings(well.folder / "local.settings.json", well.world.app.environ | well.world.environment())
    command = start("status", "--watch", folder=well.folder)
    assert command.stdout is not None
    line = command.stdout.readline()
    command.send_signal(signal.SIGINT)
    assert end(command).returncode == 0
    assert line.split()[1:] == ["green:", "Graph", "delivers;", "no", "change", "yet;", "nothing", "waits"]
