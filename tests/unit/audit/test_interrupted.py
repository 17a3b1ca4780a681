"""Refusals, outages, killed processes and two runs at once: an audit goes on, or says how far it came."""

import pytest

from shared.audit.audit import Audit, AuditState, requested_audit
from shared.errors import Misconfigured, NotFound, Unavailable
from tests.fakes.audit_fixture import BEGAN, IN_WINDOW, AuditFixture, sent
from tests.fakes.catch_up_fixture import USERS, window
from tests.fakes.subscription_values import MINUTE, NOW
from tests.sender import TENANT

_PATH = "/chats/getAllMessages"


def test_refused_lists_are_counted_with_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    world = AuditFixture()
    refusal = Misconfigured("Graph answered 403")
    world.has("abc", a=[sent(1)], b=refusal, c=refusal)
    assert world.run()["refused"] == 2
    assert world.ended[0].figures() == "lists=1 of=3 checked=1 missing=1"
    assert caplog.text.count("Graph refuses 2 lists of /chats/getAllMessages to the audit") == 1


def test_audit_ends_when_graph_refuses_the_first_ten_lists() -> None:
    world = AuditFixture()
    users = [f"u{number}" for number in range(30)]
    world.has(users, **dict.fromkeys(users, Misconfigured("Graph answered 403")))
    world.run()
    assert (world.ended[0].state, world.ended[0].reason) == (AuditState.NOT_CHECKED, "Graph answered 403")
    assert len(world.asked) == 11


def test_users_that_cannot_be_listed_are_a_reason() -> None:
    world = AuditFixture()
    world.lists[USERS] = [Misconfigured("Graph answered 403 to GET /v1.0/users")]
    world.run()
    assert world.figures() == "lists=0 of=0 checked=0 missing=0 Graph answered 403 to GET /v1.0/users"


def test_user_without_teams_has_nothing_missing() -> None:
    world = AuditFixture()
    world.has("ab", a=NotFound("Graph answered 404"), b=[])
    world.run()
    assert world.figures() == "lists=2 of=2 checked=0 missing=0"


def test_sink_that_is_down_postpones_the_audit() -> None:
    world = AuditFixture()
    world.has("a", a=[sent(1)])
    world.sink_is_down = Unavailable("storage does not answer")
    assert world.run()["interrupted"] == 1
    world.sink_is_down = None
    world.run()
    assert world.figures() == "lists=1 of=1 checked=1 missing=1"


@pytest.mark.slow
def test_audit_goes_on_where_a_killed_process_stopped() -> None:
    world = AuditFixture()
    users = [f"u{number}" for number in range(400)]
    world.has(users, **{user: [sent(number)] for number, user in enumerate(users)})
    world.run()
    assert (world.ended, world.audit().state) == ([], AuditState.READING)
    world.restart()
    world.run_for(2 * MINUTE)
    assert world.figures() == "lists=400 of=400 checked=400 missing=400"
    assert len(world.published) == len({event.id for event in world.published}) == 400
    assert len(world.asked) <= 403


@pytest.mark.slow
def test_long_list_goes_on_at_its_page() -> None:
    world = AuditFixture()
    world.lists[USERS] = [[{"id": "a"}]]
    world.lists[window("a")] = [[sent(number)] for number in range(700)]
    world.run_for(4 * MINUTE)
    assert world.figures() == "lists=1 of=1 checked=700 missing=700"
    assert len(world.asked) <= 710


@pytest.mark.slow
def test_draw_begins_again_if_graph_forgets_its_page() -> None:
    world = AuditFixture()
    world.lists[USERS] = [[{"id": f"u{page}-{number}"} for number in range(2)] for page in range(400)]
    world.run()
    page = world.audit().page
    assert page is not None
    world.audit(page="/v1.0/forgotten")
    world.run_for(4 * MINUTE)
    assert world.ended[0].of == 800


def test_gap_is_opened_before_an_audit_counts_as_ended() -> None:
    world = AuditFixture()
    world.has("a", a=[sent(1)])

    def fail_at_the_end(audit: Audit) -> None:
        if audit.has_ended:
            raise Unavailable("storage does not answer")

    world.table.before_saving = fail_at_the_end
    world.run()
    assert (len(world.opened()), world.ended) == (1, [])


def test_audit_that_another_run_has_in_hand_is_left_to_it() -> None:
    world = AuditFixture()
    world.has("a", a=[sent(1)])

    def save_first(_audit: Audit) -> None:
        world.table.before_saving = lambda _audit: None
        world.table.save(requested_audit(TENANT, _PATH, (BEGAN, IN_WINDOW), NOW, previous=None))
        [row] = world.table.rows.values()
        world.table.rows = {(TENANT, "daily-chats getAllMessages"): row}

    world.table.before_saving = save_first
    world.run()
    assert (world.asked, world.published, world.ended) == ([], [], [])


def test_tenant_whose_table_is_silent_counts_as_failed() -> None:
    world = AuditFixture()
    world.tracking.down = Unavailable("storage does not answer")
    assert world.run() == {"failed": 1}
