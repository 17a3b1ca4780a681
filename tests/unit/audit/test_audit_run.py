"""A sample is drawn, read at its pace, and compared with the records; what is missing is published."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from shared.audit.audit import requested_audit
from shared.gaps.gap import GapCause, GapState
from tests.fakes.audit_fixture import AUDITED, BEGAN, DAY, IN_WINDOW, AuditFixture, row_with, sent
from tests.fakes.catch_up_fixture import USERS, window
from tests.fakes.subscription_values import HOUR, MINUTE, NOW
from tests.sender import TENANT

_PATH = "/chats/getAllMessages"


def test_messages_with_records_are_checked_and_none_is_missing() -> None:
    world = AuditFixture()
    world.has("ab", a=[sent(1)], b=[sent(2)])
    world.publish_all()
    world.run()
    assert (world.figures(), world.published) == ("lists=2 of=2 checked=2 missing=0", [])


def test_missing_message_is_published_as_recovered() -> None:
    world = AuditFixture()
    world.has("a", a=[sent(1)])
    world.publish_all()
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


@pytest.mark.slow
@pytest.mark.parametrize(("missing", "is_opened"), [(1, False), (2, True)], ids=["one in 1000", "more"])
def test_more_than_one_in_a_thousand_missing_opens_a_gap(missing: int, *, is_opened: bool) -> None:
    world = AuditFixture()
    world.has("a", a=[sent(number) for number in range(1000 - missing)])
    world.publish_all()
    world.has("a", a=[sent(number) for number in range(1000)])
    world.run()
    assert world.figures() == f"lists=1 of=1 checked=1000 missing={missing}"
    assert [gap.cause for gap in world.opened()] == [GapCause.AUDIT] * is_opened


def test_gap_covers_the_window_of_each_subscription_to_the_path() -> None:
    young = row_with(change_types=frozenset({"deleted"}), created_at=NOW - 12 * HOUR)
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
