"""``subscriptions list`` of some states, and as long as you look."""

import io
import signal
from datetime import timedelta

import pytest
from rich.console import Console

from cli.commands.listing import Changes, Listing
from cli.json_documents import ListDocument
from cli.subscription_status import StatusContext
from sandbox.serving import Fault
from shared.errors import Unavailable
from shared.subscriptions.tracked import TenantState, TrackedSubscription
from tests.cli.child_processes import end, start, write_settings
from tests.cli.operator import CHATS, TEAMS, Operator, matches
from tests.cli.subscription_rows import failure, row
from tests.fakes.subscription_values import NOW
from tests.sender import TENANT

pytestmark = pytest.mark.slow


def test_list_shows_the_states_that_are_named(operator: Operator) -> None:
    operator.world.graph_service.faults.add(Fault(path="/subscriptions", method="POST", status=403, times=1))
    operator.watch(CHATS, TEAMS)
    found = {
        state: matches(ListDocument, operator.run("subscriptions", "list", "--state", state, "--json").stdout)
        for state in ("active", "failing", "lapsed")
    }
    shown = {state: [each["resource"] for each in document["subscriptions"]] for state, document in found.items()}
    assert [len(shown[state]) for state in ("active", "failing", "lapsed")] == [1, 1, 0]
    both = operator.run("subscriptions", "list", "--state", "active", "--state", "failing").stdout
    assert all(resource in both for resources in shown.values() for resource in resources)
    healthy = operator.run("subscriptions", "list", "--state", "active")
    assert (healthy.exit_code, shown["failing"][0] in healthy.stdout) == (0, False)
    assert operator.run("subscriptions", "list", "--state", "faling").exit_code == 2


def test_watched_list_is_shown_again_when_a_state_changes() -> None:
    shown = io.StringIO()
    changes = Changes(Console(file=shown, width=200))
    for found in (
        _listing(row()),
        _listing(row()),
        _listing(row(failure=failure())),
        Unavailable("storage does not answer"),
        Unavailable("storage does not answer"),
        _listing(row(failure=failure())),
    ):
        changes.show(found)
    said = shown.getvalue()
    assert said.count("1 subscriptions") == 3
    assert said.count(" active ") == 1
    assert said.count("storage does not answer\n") == 1


def _listing(*rows: TrackedSubscription) -> Listing:
    state = TenantState(tracked=rows)
    context = StatusContext(now=NOW, overdue_after=timedelta(hours=1))
    return Listing(tenants=[(TENANT, state)], context=context)


def test_watched_list_ends_at_ctrl_c_with_0(operator: Operator) -> None:
    operator.watch(TEAMS)
    settings = write_settings(operator.folder / "mine.json", operator.world.app.environ)
    command = start("--settings", str(settings), "subscriptions", "list", "-w", folder=operator.folder)
    assert command.stdout is not None
    assert "1 subscriptions" in command.stdout.readline()
    command.send_signal(signal.SIGINT)
    assert end(command).returncode == 0
