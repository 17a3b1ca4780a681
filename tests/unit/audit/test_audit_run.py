"""A sample is drawn, read at its pace, and compared with the records; what can be said is said, and no more."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from shared.audit.audit import Audit, AuditState, requested_audit
from shared.errors import Misconfigured, NotFound, Unavailable
from shared.gaps.gap import Gap, GapCause, GapState
from shared.subscriptions.deployment_status import Records
from shared.subscriptions.tracked import MissedInterval, TrackedSubscription
from tests.fakes.audit_fixture import AUDITED, BEGAN, DAY, IN_WINDOW, AuditFixture
from tests.fakes.catch_up_fixture import USERS, window
from tests.fakes.gap_values import message
from tests.fakes.subscription_values import HOUR, MINUTE, NOW
from tests.sender import CHAT, TENANT

_PATH = "/chats/getAllMessages"
_NOT_FILLED = "it has a gap that is not filled yet"
_FILLED = "a gap of it was filled within the last day"
_YOUNGER = "its subscription, or the records of what was published, are younger than the messages to check"


def sent(number: int, **changes: Any) -> dict[str, Any]:
    return message(str(number), **({"created": IN_WINDOW} | changes))


def _published_before(world: AuditFixture) -> None:
    """Have everything that is there be published, and begin anew."""
    world.run()
    world.table.rows.clear()
    world.gaps.rows.clear()
    world.ended.clear()
    world.published.clear()


def test_messages_with_records_are_checked_and_none_is_missing() -> None:
    world = AuditFixture()
    world.has("ab", a=[sent(1)], b=[sent(2)])
    _published_before(world)
    world.run()
    assert (world.figures(), world.published) == ("lists=2 of=2 checked=2 missing=0", [])


def test_missing_message_is_published_as_recovered() -> None:
    world = AuditFixture()
    world.has("a", a=[sent(1)])
    _published_before(world)
    world.has("a", a=[sent(1), sent(2)])
    assert world.run()["missing"] == 1
    [event] = world.published
    assert (event.recovered, event.subject.rpartition("/")[2]) == (True, "2")
    assert world.figures() == "lists=1 of=1 checked=2 missing=1"


def test_message_in_two_lists_is_checked_once() -> None:
    world = AuditFixture()
    world.has("ab", a=[sent(1)], b=[sent(1)])
    world.run()
    assert (world.figures(), len(world.published)) == ("lists=2 of=2 checked=1 missing=1", 1)


@pytest.mark.parametrize(
    ("created", "checked"),
    [(BEGAN - MINUTE, 0), (BEGAN + MINUTE, 1), (NOW - 5 * HOUR - MINUTE, 1), (NOW - 5 * HOUR + MINUTE, 0)],
    ids=["before the window", "at its beginning", "at its end", "Graph may still retry"],
)
def test_window_is_the_day_that_ended_five_hours_ago(created: Any, checked: int) -> None:
    world = AuditFixture()
    world.has("a", a=[sent(1, created=created)])
    world.run()
    assert world.figures() == f"lists=1 of=1 checked={checked} missing={checked}"


def test_edit_after_the_window_hides_the_creation_in_it_from_nobody() -> None:
    world = AuditFixture()
    world.has("a", a=[sent(1, modified=NOW - HOUR)])
    world.run()
    assert [event.type.rpartition("Message")[2] for event in world.published] == ["Created"]


@pytest.mark.parametrize("path", ["/teams/getAllMessages", "/chats/getAllMessages"])
def test_next_audit_is_a_day_later(path: str) -> None:
    world = AuditFixture(replace(AUDITED, desired=replace(AUDITED.desired, resource=path)))
    for _ in range(2):
        world.run()
        world.clock.pass_by(DAY - MINUTE)
        world.run()
        world.clock.pass_by(MINUTE)
    assert [audit.begun_at for audit in world.ended] == [NOW, NOW + DAY]


def _row(**changes: Any) -> TrackedSubscription:
    applied = {name: changes.pop(name) for name in ("created_at",) if name in changes}
    row_changes = {name: changes.pop(name) for name in ("is_wanted", "missed_interval") if name in changes}
    assert AUDITED.applied is not None
    row = replace(AUDITED, desired=replace(AUDITED.desired, **changes), applied=replace(AUDITED.applied, **applied))
    return replace(row, **row_changes)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (_row(missed_interval=MissedInterval(since=NOW - HOUR)), _NOT_FILLED),
        (_row(created_at=NOW - 5 * HOUR), _YOUNGER),
        (_row(delegated=True), "the app does not read Graph as a signed-in user"),
        (
            _row(resource=f"/chats/{CHAT}/messages?$search=x"),
            "the app cannot apply the subscription's query options to Graph's lists",
        ),
    ],
    ids=["gap", "young", "signed-in user", "query options"],
)
def test_what_cannot_be_compared_is_left_out_and_said(row: TrackedSubscription, reason: str) -> None:
    world = AuditFixture(row)
    world.run()
    assert (world.figures(), world.asked) == (f"lists=0 of=0 checked=0 missing=0 {reason}", [])
    assert world.audit().state is AuditState.NOT_CHECKED


@pytest.mark.parametrize(
    "row",
    [_row(include_resource_data=False), _row(is_wanted=False), _row(resource="/teams")],
    ids=["no content", "not wanted", "no messages"],
)
def test_what_has_no_versions_is_not_audited(row: TrackedSubscription) -> None:
    world = AuditFixture(row)
    assert (world.run(), world.ended) == ({}, [])


def test_fetched_messages_are_audited() -> None:
    world = AuditFixture(_row(include_resource_data=False, fetch=True))
    world.has("a", a=[sent(1)])
    world.run()
    assert world.figures() == "lists=1 of=1 checked=1 missing=1"


def _gap(**changes: Any) -> Gap:
    gap = Gap.of_subscription(AUDITED, GapCause.OUTAGE, NOW - 12 * HOUR, NOW - 11 * HOUR)
    assert gap is not None
    return replace(gap, **changes)


_RECOVERED: dict[str, Any] = {"state": GapState.RECOVERED}


@pytest.mark.parametrize(
    ("gap", "reason"),
    [
        (_gap(), _NOT_FILLED),
        (_gap(state=GapState.REFUSED), _NOT_FILLED),
        (_gap(**_RECOVERED, ended_at=NOW - 23 * HOUR), _FILLED),
        (_gap(**_RECOVERED, ended_at=NOW - 25 * HOUR), ""),
        (_gap(**_RECOVERED, ended_at=NOW - HOUR, cause=GapCause.AUDIT), ""),
        (_gap(subscription_key="another"), ""),
    ],
    ids=["open", "refused", "filled today", "filled before", "filled for an audit", "of another"],
)
def test_subscription_with_a_gap_of_the_day_is_left_out(gap: Gap, reason: str) -> None:
    world = AuditFixture()
    world.has("a")
    world.gaps.save(gap)
    world.run()
    assert (world.ended[0].reason or "") == reason


@pytest.mark.parametrize(
    ("moment", "is_left_out"),
    [(BEGAN - MINUTE, False), (BEGAN + MINUTE, True), (NOW - MINUTE, True)],
    ids=["before the window", "in it", "after it, late"],
)
def test_tenant_with_something_parked_from_the_window_is_left_out(moment: Any, *, is_left_out: bool) -> None:
    world = AuditFixture()
    world.has("a", a=[sent(1)])
    world.parked = [(TENANT, moment), ("another tenant", NOW - 9 * HOUR)]
    world.run()
    reason = "something that was received since its window began is still parked"
    assert world.ended[0].reason == (reason if is_left_out else None)


def test_something_parked_of_several_tenants_counts_for_each() -> None:
    world = AuditFixture(AUDITED, _row(resource="/teams/getAllMessages"))
    world.parked = [("", NOW - HOUR)]
    world.run()
    assert [audit.state for audit in world.ended] == [AuditState.NOT_CHECKED] * 2
    assert world.listed == 1


def test_without_records_nothing_is_checked_and_the_line_says_so(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    world = AuditFixture()
    world.records = None
    world.run()
    assert "audit lists=0 of=0 checked=0 missing=0 " in caplog.text
    assert "DEDUPLICATE_FOR is 0" in caplog.text
    assert world.asked == []


def test_what_is_older_than_the_records_is_not_checked() -> None:
    world = AuditFixture()
    world.records = Records(since=NOW - 8 * HOUR, layout=1)
    world.has("a", a=[sent(1, created=NOW - 9 * HOUR), sent(2, created=NOW - 7 * HOUR)])
    world.run()
    assert [event.subject.rpartition("/")[2] for event in world.published] == ["2"]


def test_records_that_are_lost_meanwhile_end_an_audit() -> None:
    world = AuditFixture()
    world.has([f"u{number}" for number in range(400)])
    world.run()
    world.records = Records(since=world.clock.now(), layout=1)
    world.run()
    assert (world.ended[0].reason or "").startswith("the records of what was published begin at 2026-11-21T09:31:00Z")


# --- Refusals and interruptions


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


def test_long_list_goes_on_at_its_page() -> None:
    world = AuditFixture()
    world.lists[USERS] = [[{"id": "a"}]]
    world.lists[window("a")] = [[sent(number)] for number in range(700)]
    world.run_for(4 * MINUTE)
    assert world.figures() == "lists=1 of=1 checked=700 missing=700"
    assert len(world.asked) <= 710


def test_draw_begins_again_if_graph_forgets_its_page() -> None:
    world = AuditFixture()
    world.lists[USERS] = [[{"id": f"u{page}-{number}"} for number in range(2)] for page in range(400)]
    world.run()
    page = world.audit().page
    assert page is not None
    world.audit(page="/v1.0/forgotten")
    world.run_for(4 * MINUTE)
    assert world.ended[0].of == 800


# --- What is too much


@pytest.mark.parametrize(("missing", "is_opened"), [(1, False), (2, True)], ids=["one in 1000", "more"])
def test_more_than_one_in_a_thousand_missing_opens_a_gap(missing: int, *, is_opened: bool) -> None:
    world = AuditFixture()
    world.has("a", a=[sent(number) for number in range(1000 - missing)])
    _published_before(world)
    world.has("a", a=[sent(number) for number in range(1000)])
    world.run()
    assert world.figures() == f"lists=1 of=1 checked=1000 missing={missing}"
    assert [gap.cause for gap in world.opened()] == [GapCause.AUDIT] * is_opened


def test_gap_covers_the_window_of_each_subscription_to_the_path() -> None:
    young = _row(change_types=frozenset({"deleted"}), created_at=NOW - 12 * HOUR)
    world = AuditFixture(AUDITED, young)
    world.has("a", a=[sent(1)])
    world.run()
    margin = 5 * MINUTE
    assert {(gap.since, gap.until) for gap in world.opened()} == {
        (BEGAN + margin, NOW - 5 * HOUR - margin),
        (NOW - 12 * HOUR + margin, NOW - 5 * HOUR - margin),
    }


def test_second_gap_of_a_day_is_not_opened() -> None:
    world = AuditFixture()
    world.has("a", a=[sent(1)])
    world.run()
    [first] = world.opened()
    world.gaps.save(replace(first, state=GapState.RECOVERED, ended_at=NOW))
    world.has("a", a=[sent(2)])
    world.table.save(requested_audit(TENANT, _PATH, (BEGAN + HOUR, NOW - 6 * HOUR), NOW, previous=None))
    world.run()
    assert (world.ended[1].missing, len(world.opened())) == (1, 1)
    world.clock.pass_by(DAY)
    world.has("a", a=[sent(3, created=IN_WINDOW + DAY)])
    world.run()
    assert (world.ended[2].missing, len(world.opened())) == (1, 2)


def test_requested_audit_checks_its_own_window() -> None:
    world = AuditFixture()
    world.has("a", a=[sent(1), sent(2, created=IN_WINDOW - 2 * HOUR)])
    daily = world.run()
    assert daily["checked"] == 2
    window = (IN_WINDOW - HOUR, IN_WINDOW + HOUR)
    world.table.save(requested_audit(TENANT, _PATH, window, world.clock.now(), previous=None))
    world.gaps.rows.clear()
    world.run()
    assert world.ended[1].figures() == "lists=1 of=1 checked=1 missing=0"


# --- The size of a tenant


@pytest.mark.slow
def test_whole_tenant_is_sampled_at_five_reads_a_second_for_an_hour() -> None:
    world = AuditFixture()
    users = [f"u{number}" for number in range(300_000)]
    world.lists[USERS] = [[{"id": user} for user in users[at : at + 999]] for at in range(0, len(users), 999)]
    # One in fifty has 450 chats, each with a page of its own.
    quiet: list[Any] = [[]]
    busy: list[Any] = [[sent(number)] for number in range(450)]
    world.lists |= {window(user): busy if number % 50 == 0 else quiet for number, user in enumerate(users)}
    world.run_for(70 * MINUTE)
    times = [moment for moment, _ in world.asked]
    assert all(later - earlier >= timedelta(seconds=0.2) for earlier, later in pairwise(times))
    assert times[-1] - times[0] <= HOUR
    [audit] = world.ended
    assert audit.of == 300_000
    first = _lists_read(world)
    world.asked.clear()
    world.clock.sleep_until(NOW + DAY)
    world.run_for(70 * MINUTE)
    assert len(world.ended) == 2
    assert len(first & _lists_read(world)) < 10
    assert len(first) == 500


def _lists_read(world: AuditFixture) -> set[str]:
    return {path.partition("?")[0] for _, path in world.asked} - {USERS}


def test_hour_that_is_over_says_how_far_it_came() -> None:
    world = AuditFixture()
    world.took = MINUTE
    users = [f"u{number}" for number in range(100)]
    world.has(users, **{user: [sent(number)] for number, user in enumerate(users)})
    world.run_for(2 * HOUR)
    [audit] = world.ended
    assert audit.reason == f"its hour is over, and {100 - audit.read} lists are left"
    assert 0 < audit.checked == audit.read < 100
    assert world.asked[-1][0] < NOW + HOUR


# --- Two runs at once, and runs that are killed


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
