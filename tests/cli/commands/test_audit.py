"""``python -m cli audit`` beside a running app in the sandbox."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cli.commands.audit import outcome
from cli.json_documents import AuditsDocument
from shared.app.audits import audit_table
from shared.audit.audit import Audit, AuditState, daily_audit
from tests.cli.operator import CHATS, Operator, matches
from tests.eventually import eventually
from tests.fakes.subscription_values import NOW
from tests.sender import TENANT

pytestmark = pytest.mark.slow

_PATH = "/chats/getAllMessages"
_FIGURES: dict[str, Any] = {"read": 500, "of": 12_345, "checked": 20_311}


def _ended(operator: Operator, **changes: Any) -> Audit:
    """Save an audit that has ended."""
    world = operator.world
    audit = daily_audit(world.tenant_id, _PATH, NOW, previous=None).ended(NOW, AuditState.DONE)
    return audit_table(world.app.clients).save(replace(audit, **changes))


@contextmanager
def _timer(operator: Operator, **changes: Any) -> Iterator[None]:
    """Play the timer: end the audit that is asked for, with these changes."""
    world = operator.world
    table, tenant_id = audit_table(world.app.clients), world.tenant_id

    def end() -> None:
        assert eventually(lambda: any(audit.state is AuditState.WAITING for audit in table.load(tenant_id)))
        [waiting] = [audit for audit in table.load(tenant_id) if audit.is_requested]
        reading = table.save(replace(waiting, state=AuditState.READING, lists=("a", "b")))
        table.save(replace(reading.ended(NOW, AuditState.DONE), **changes))

    thread = threading.Thread(target=end)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def _run(operator: Operator, *options: str) -> Any:
    since = (datetime.now(UTC) - timedelta(hours=20)).isoformat()
    return operator.run("audit", "run", _PATH, "--since", since, *options)


def test_app_that_has_audited_nothing_has_nothing_to_show(operator: Operator) -> None:
    ran = operator.run("audit")
    assert (ran.exit_code, ran.stdout) == (0, "No audits yet.\n")
    document = matches(AuditsDocument, operator.run("audit", "--json").stdout)
    assert document == {"recordsSinceDateTime": None, "audits": []}


def test_last_audit_of_each_path_is_shown(operator: Operator) -> None:
    _ended(operator, **_FIGURES)
    ran = operator.run("audit")
    assert ran.exit_code == 0
    cells = ran.stdout.splitlines()[1].split()
    assert (cells[:2], cells[-6:-1]) == ([_PATH, "done"], ["500", "12,345", "20,311", "0", "0"])
    [shown] = matches(AuditsDocument, operator.run("audit", "--json").stdout)["audits"]
    assert (shown["checked"], shown["missing"], shown["reason"]) == (20_311, 0, None)


def test_more_than_one_in_a_thousand_missing_exits_1(operator: Operator) -> None:
    saved = _ended(operator, **_FIGURES, missing=20)
    assert operator.run("audit").exit_code == 0
    audit_table(operator.world.app.clients).save(replace(saved, missing=21))
    assert operator.run("audit").exit_code == 1


def test_requested_audit_is_waited_for_and_ends_with_its_figures(laptop: Operator) -> None:
    with _timer(laptop, **_FIGURES, missing=3):
        ran = _run(laptop)
    assert ran.stdout == f"Tenant {laptop.world.tenant_id}: checked 20,311, missing 3, recovered 3\n"
    assert ran.exit_code == 1
    with _timer(laptop, **_FIGURES):
        ran = _run(laptop)
    assert (ran.exit_code, ran.stdout.endswith("missing 0, recovered 0\n")) == (0, True)


def test_audit_that_goes_on_is_not_asked_for_again(laptop: Operator) -> None:
    saved = _ended(laptop)
    waiting = replace(saved, is_requested=True, state=AuditState.WAITING, ended_at=None, etag=None)
    audit_table(laptop.world.app.clients).save(waiting)
    ran = _run(laptop)
    assert ran.exit_code == 4
    assert "still goes on: run the command again later" in ran.stderr


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("/chats/getAllMessage", "--since", "2026-11-01"), "is not a path that an app can subscribe to"),
        (("/teams/getAllMessages", "--since", "2026-11-01"), "no subscription watches it with the content"),
        ((_PATH, "--since", "yesterday"), "is not a time"),
    ],
    ids=["no path", "not subscribed to", "no time"],
)
def test_audit_that_cannot_be_asked_for_is_a_usage_error(
    laptop: Operator, arguments: tuple[str, ...], text: str
) -> None:
    ran = laptop.run("audit", "run", *arguments)
    assert (ran.exit_code, text in " ".join(ran.stderr.split())) == (2, True)


def test_window_in_which_graph_may_still_deliver_is_a_usage_error(laptop: Operator) -> None:
    ran = _run(laptop, "--until", (datetime.now(UTC) - timedelta(hours=4)).isoformat())
    assert ran.exit_code == 2
    assert "less than five hours ago" in " ".join(ran.stderr.split())


def test_audits_that_are_turned_off_are_a_setting_to_correct(laptop: Operator) -> None:
    laptop.world.app.environ["AUDIT_EVERY"] = "0"
    ran = _run(laptop)
    assert (ran.exit_code, ran.stderr) == (3, "AUDIT_EVERY is 0, so the app audits nothing: set it to P1D, or more\n")


def test_audit_that_was_not_done_says_why() -> None:
    audit = daily_audit(TENANT, _PATH, NOW, previous=None)
    refused = audit.ended(NOW, AuditState.NOT_CHECKED, "Graph answered 403")
    assert outcome(refused) == "not checked: Graph answered 403"
    over = replace(audit.ended(NOW, AuditState.DONE, "its hour is over, and 7 lists are left"), checked=1000)
    assert outcome(over) == "checked 1,000, missing 0, recovered 0 (its hour is over, and 7 lists are left)"


def test_path_with_an_id_stands_for_all_of_its_kind(laptop: Operator) -> None:
    chat = laptop.world.new_chat()
    resource = f"/chats/{chat[1]}/messages"
    laptop.watch(CHATS, {**CHATS, "resource": resource})
    with _timer(laptop):
        since = (datetime.now(UTC) - timedelta(hours=20)).isoformat()
        assert laptop.run("audit", "run", resource, "--since", since).exit_code == 0
    [audit] = audit_table(laptop.world.app.clients).load(laptop.world.tenant_id)
    assert audit.path == "/chats/{chat-id}/messages"
