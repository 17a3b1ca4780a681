"""The command: its report, exit statuses and options."""

import io
from datetime import timedelta
from pathlib import Path

import pytest
from rich.console import Console

from cli.catch_up import lacking_for_gaps
from cli.doctor.aadsts import SENTENCES, explained
from cli.doctor.case import Case
from cli.doctor.checks import CHECKS, number, selected
from cli.doctor.finding import Level, mend
from cli.doctor.here import python
from cli.doctor.report import print_result
from cli.doctor.through import of_backlog
from cli.doctor.visit import Result
from sandbox.serving import Fault
from tests.cli.doctor.faults_app import APP
from tests.cli.doctor.faults_identity import IDENTITY
from tests.cli.doctor.faults_outside import OUTSIDE, settings
from tests.cli.doctor.faults_through import THROUGH
from tests.cli.doctor.faults_vault import VAULT
from tests.cli.doctor.patients import lines
from tests.cli.operator import Operator, invoke
from tests.fakes.subscription_values import NOW
from tests.sender import STRANGER

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("doctor")]

ROWS = (*OUTSIDE, *IDENTITY, *VAULT, *APP, *THROUGH)


def test_deployment_that_is_well_has_only_good_lines(well: Operator) -> None:
    ran = well.run("doctor")
    assert (ran.exit_code, ran.stderr) == (0, ""), ran.stdout
    *found, last = ran.stdout.splitlines()
    assert [line.split()[:2] for line in found] == [[check.name, "ok"] for check in CHECKS]
    assert last.startswith(f"{len(CHECKS)} good  ")
    assert float(last.split()[-2]) < 10


def test_remedy_stands_below_its_line_and_the_sum_at_the_end(well: Operator) -> None:
    with settings(NOTIFICATION_URL="http://app.example")(well):
        ran = well.run("doctor")
    assert ran.exit_code == 3
    shown = ran.stdout.splitlines()
    line = next(index for index, text in enumerate(shown) if text.startswith("settings"))
    assert shown[line].split()[1:4] == ["XX", "1", "to"]
    assert shown[line + 1].strip() == "-> NOTIFICATION_URL is not an https URL"
    assert any(text.split()[:3] == ["tables", "--", "skipped"] for text in shown)
    assert shown[-1].startswith(f"1 to mend, {len(CHECKS) - 2} skipped, 1 good  ")


@pytest.mark.parametrize(
    ("fault", "status"),
    [(Fault(delay=1.1, times=2), 1), (Fault(status=404), 3), (Fault(status=503), 4)],
    ids=["to watch", "to mend", "down"],
)
def test_worst_line_decides_the_exit_status(well: Operator, fault: Fault, status: int) -> None:
    with well.world.fault(well.world.endpoint_service, fault):
        assert well.run("doctor", "--only", "handshake").exit_code == status


def test_not_signed_in_is_one_sentence_and_exit_3(well: Operator) -> None:
    with well.world.fault(well.world.login, Fault(path="/msi/token", status=400, body=b"{}")):
        ran = well.run("doctor", "--only", "login")
    assert ran.exit_code == 3
    assert "nobody is signed in to Azure here: run az login" in ran.stdout
    assert ran.stdout.count("signed in") == 1


def test_selected_check_comes_with_what_it_needs(well: Operator) -> None:
    assert list(lines(well, "--only", "forged")) == ["settings", "blobs", "handshake", "forged"]
    assert list(lines(well, "--only", "here", "--only", "queue"))[-1] == "queue"


def test_command_to_paste_is_not_broken_on_a_narrow_terminal() -> None:
    shown, command = io.StringIO(), f"az role assignment create --assignee-object-id {STRANGER} --role Reader"
    out = Console(file=shown, force_terminal=True, width=60, color_system=None)
    print_result(out, Result(check=CHECKS[0], finding=mend("a text that takes two lines " * 3, command), seconds=0.1))
    assert f"-> {command}\n" in shown.getvalue()
    assert shown.getvalue().splitlines()[0].rstrip().endswith("0.1 s")


def test_unknown_check_is_a_usage_error(well: Operator) -> None:
    ran = well.run("doctor", "--only", "everything")
    assert ran.exit_code == 2
    assert "there is no check or group everything" in ran.stderr


def test_tenant_that_is_not_served_is_a_usage_error(well: Operator) -> None:
    ran = well.run("doctor", "--tenant", STRANGER)
    assert ran.exit_code == 2
    assert "is not one of TENANT_IDS" in ran.stderr


def test_tenant_is_named_in_any_case(well: Operator) -> None:
    found = lines(well, "--only", "token", "--tenant", well.world.tenant_id.upper())
    assert found["token"]["level"] == "ok"


def test_managed_identity_is_seen_through_the_row_of_its_run(well: Operator) -> None:
    secret = well.world.app.environ.pop("CLIENT_SECRET")
    well.world.app.environ["FEDERATED_IDENTITY_CLIENT_ID"] = STRANGER
    try:
        found = lines(well)
    finally:
        well.world.app.environ["CLIENT_SECRET"] = secret
        del well.world.app.environ["FEDERATED_IDENTITY_CLIENT_ID"]
    assert {line["level"] for line in found.values()} == {"ok"}
    assert "nobody else gets the token of a managed identity" in found["token"]["text"]
    assert found["secret-end"]["text"] == "the app signs in by a managed identity: nothing ends"


def test_without_settings_the_faults_are_named() -> None:
    ran = invoke("doctor", "--only", "settings")
    assert ran.exit_code == 3
    assert "-> CLIENT_ID is not set" in ran.stdout


def test_there_are_at_least_thirty_faults_of_nearly_every_check() -> None:
    assert len({row.name for row in ROWS}) == len(ROWS) >= 30
    named = {name for row in ROWS for name in row.lines}
    # They have tests of their own below.
    assert {check.name for check in CHECKS} - named == {"python", "forged", "backlog"}


def test_each_check_needs_only_earlier_ones() -> None:
    for check in CHECKS:
        assert {number(each) < number(check) for each in CHECKS if each.name in check.needs} <= {True}
        assert set(check.needs) <= {each.name for each in CHECKS}
    assert selected(()) == CHECKS


def test_package_that_is_not_locked_is_to_be_watched(tmp_path: Path) -> None:
    file = tmp_path / "requirements.txt"
    file.write_text("msal==0.0.1\nno-such-package==1.0 \\\n    --hash=sha256:0\n")
    found = python(Case(environ={}, requirements=file))
    assert found.level is Level.WATCH
    assert "msal " in found.text
    assert "instead of 0.0.1, no-such-package is missing" in found.text


@pytest.mark.parametrize(
    ("minutes", "level"), [(None, Level.OK), (14, Level.OK), (16, Level.WATCH)], ids=["empty", "young", "old"]
)
def test_backlog_is_judged_by_its_oldest_event(minutes: int | None, level: Level) -> None:
    oldest = None if minutes is None else NOW - timedelta(minutes=minutes)
    assert of_backlog(5, oldest, NOW).level is level


def test_each_sign_in_error_has_a_sentence_and_a_usable_remedy() -> None:
    expected = "700016 7000215 7000222 90002 65001 50105 50020 50034 53003 50076 700027 50079"
    assert set(expected.split()) <= SENTENCES.keys()
    values = {"tenant_id": "T", "client_id": "C", "login_url": "https://login"}
    for code in SENTENCES:
        [(sentence, remedy)] = explained(f"invalid_client AADSTS{code}", **values)
        assert sentence.endswith(f"(AADSTS{code})")
        assert "{" not in remedy


def test_catching_up_on_whole_tenants_needs_more_than_watching() -> None:
    assert lacking_for_gaps(["/chats/getAllMessages"], {"Chat.Read.All"}) == ["User.Read.All"]
    assert lacking_for_gaps(["/teams/getAllMessages"], {"Team.ReadBasic.All"}) == []
    assert lacking_for_gaps(["/chats/getAllMembers"], {"User.Read.All", "Chat.Read.All"}) == []
    assert lacking_for_gaps(["/chats/19:a@thread.v2/messages"], set()) == []


def test_notification_that_is_not_accepted_is_to_be_mended(well: Operator) -> None:
    headers = {"Content-Type": "text/plain"}
    answer = Fault(method="POST", status=200, body=b"a b+c:", headers=headers)
    with well.world.fault(well.world.endpoint_service, answer):
        found = lines(well, "--only", "forged")
    assert found["forged"]["level"] == "mend"
    assert "a notification was answered 200, not 202" in found["forged"]["text"]
