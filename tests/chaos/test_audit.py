"""The audit of a chaos run: what accounts for a change, and that it notices what does not."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sandbox.clock import Clock
from sandbox.ledger import Ledger
from sandbox.run.queue_consumer import Event
from sandbox.teams import Change
from tests.chaos.audit import Audit, Outcome, audit
from tests.sandbox.deliveries import delivery

WHEN = datetime(2026, 11, 21, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
LATER = WHEN + SECOND
SINCE = WHEN + 10 * SECOND
LIVE, LOST, RECOVERED = Outcome.LIVE, Outcome.LOST, Outcome.RECOVERED
OVERTAKEN, UNRECOVERED = Outcome.OVERTAKEN, Outcome.UNRECOVERED

CREATED = Change(
    tenant_id="t",
    change_type="created",
    path=("chats", "c", "messages", "1"),
    odata_type="#Microsoft.Graph.chatMessage",
    entity={"id": "1", "etag": "1", "body": {"content": "hello"}, "replies": []},
    when=WHEN,
)
EDITED = replace(CREATED, change_type="updated", entity=CREATED.entity | {"etag": "2", "body": {"content": "bye"}})
EDITED_AGAIN = replace(EDITED, entity=CREATED.entity | {"etag": "3", "body": {"content": "bye!"}})
RENAMED = replace(
    CREATED,
    change_type="updated",
    path=("teams", "g"),
    odata_type="#Microsoft.Graph.Team",
    entity={"id": "g", "displayName": "Sales"},
)
RENAMED_BACK = replace(RENAMED, entity={"id": "g", "displayName": "Marketing"})
RENAMED_AGAIN = replace(RENAMED, when=LATER)
RENAMED_SINCE = replace(RENAMED, when=SINCE)
MADE, DELETED = replace(RENAMED, change_type="created"), replace(RENAMED, change_type="deleted")
MADE_SINCE, DELETED_SINCE = replace(MADE, when=SINCE), replace(DELETED, when=SINCE)
OPENED = replace(MADE, path=("teams", "g", "channels", "c"), entity={"id": "c", "displayName": "Deals"})


def _event(change: Change, *, id_: str = "", recovered: bool = False, when: datetime = LATER, **data: Any) -> Event:
    kinds = {"teams": "Team", "channels": "Channel", "members": "ConversationMember", "messages": "ChatMessage"}
    kind = kinds[change.path[-2]]
    resource = "/".join(f"{name}('{key}')" for name, key in zip(change.path[::2], change.path[1::2], strict=True))
    content = {name: value for name, value in change.entity.items() if name != "replies" or not recovered}
    same = {"tenantId": "t", "subscriptionId": "s", "resource": resource, "changeType": change.change_type}
    attributes = {
        "id": id_ or f"{resource}{change.change_type}{change.entity.get('etag')}",
        "type": f"Microsoft.Graph.{kind}{change.change_type.title()}",
        "subject": "/".join(change.path),
        "time": WHEN.isoformat(),
        "recovered": recovered,
    }
    return Event(attributes=attributes, data=same | {"content": content} | data, size=1, inserted_on=when)


def _bare(event: Event) -> Event:
    data = {name: value for name, value in event.data.items() if name != "content"}
    return replace(event, data=data)


def _recovered(change: Change, **data: Any) -> Event:
    return _event(change, recovered=True, **data)


def _gap(resource: str, *, hours: int = 0) -> Event:
    begins = WHEN + timedelta(hours=hours)
    data = {
        "resource": resource,
        "changeType": "created,deleted,updated",
        "startDateTime": begins.isoformat(),
        "endDateTime": (begins + timedelta(minutes=1)).isoformat(),
    }
    return Event(attributes={"id": "gap", "type": "Microsoft.Graph.SubscriptionGap"}, data=data, size=1)


def _audit(
    changes: Sequence[Change],
    events: Sequence[Event],
    delivered: Sequence[Change] = (),
    unanswered: Sequence[Change] = (),
) -> Audit:
    ledger = Ledger(Clock())
    for change in changes:
        ledger.expect(change)
    for status, notified in ((None, unanswered), (202, delivered)):
        for change in notified:
            ledger.delivered(delivery(change=change, status=status))
    for event in events:
        ledger.arrived(event, event.inserted_on)
    return audit(ledger, [])


@pytest.mark.parametrize(
    ("changes", "events", "outcomes"),
    [
        pytest.param([CREATED], [_event(CREATED)], {LIVE: 1}, id="event"),
        pytest.param([CREATED], [_event(CREATED, when=WHEN + 4 * SECOND)], {LIVE: 1}, id="event at the last moment"),
        pytest.param(
            [CREATED], [_event(CREATED, when=WHEN + 5 * SECOND)], {Outcome.REDRIVEN: 1}, id="event after parking"
        ),
        pytest.param([CREATED, EDITED], [_event(CREATED)], {LIVE: 1, LOST: 1}, id="one event of two"),
        pytest.param([CREATED], [_bare(_event(CREATED))], {LOST: 1}, id="event without the content"),
        pytest.param(
            [CREATED],
            [_bare(_event(CREATED)), _event(CREATED)],
            {LOST: 1},
            id="content under the id of an event without",
        ),
        pytest.param([CREATED], [_recovered(CREATED)], {RECOVERED: 1}, id="recovered before its parked POST"),
        pytest.param(
            [EDITED, EDITED_AGAIN],
            [_event(EDITED_AGAIN)],
            {LIVE: 1, LOST: 1},
            id="the later one of two delivered edits",
        ),
        pytest.param([RENAMED], [_gap("/teams")], {LOST: 1}, id="gap"),
        pytest.param([RENAMED, RENAMED_AGAIN], [_event(RENAMED)], {LIVE: 1, LOST: 1}, id="one event, state recurs"),
        pytest.param(
            [RENAMED, RENAMED_AGAIN],
            [_event(RENAMED, id_="1"), _event(RENAMED, id_="2")],
            {LIVE: 2},
            id="two events, state recurs",
        ),
        pytest.param(
            [RENAMED, RENAMED_SINCE],
            [_event(RENAMED, id_="1"), _event(RENAMED, id_="2", when=SINCE)],
            {LIVE: 1, Outcome.REDRIVEN: 1},
            id="two events at two times, state recurs",
        ),
        # A consumer that drops by id would drop it.
        pytest.param(
            [RENAMED, RENAMED_AGAIN],
            [_event(RENAMED, id_="1"), _event(RENAMED, id_="1")],
            {LIVE: 1, LOST: 1},
            id="two events under one id, state recurs",
        ),
        pytest.param(
            [RENAMED, RENAMED_SINCE],
            [_event(RENAMED, id_="1", when=WHEN), _event(RENAMED, id_="1")],
            {LIVE: 1, LOST: 1},
            id="two events under one id before the state recurs",
        ),
        pytest.param(
            [replace(RENAMED, when=WHEN + timedelta(milliseconds=999))],
            [_event(RENAMED, when=WHEN)],
            {LIVE: 1},
            id="event in the second of the change",
        ),
        pytest.param([RENAMED_AGAIN], [_event(RENAMED, when=WHEN)], {LOST: 1}, id="event before the change"),
    ],
)
def test_delivered_change_with_events_has_outcome(
    changes: Sequence[Change], events: Sequence[Event], outcomes: dict[Outcome, int]
) -> None:
    result = _audit(changes, events, delivered=changes)
    assert result.outcomes == Counter(outcomes)
    assert (len(result.missing), result.wrong) == (outcomes.get(LOST, 0), [])


@pytest.mark.parametrize(
    "altered",
    [
        pytest.param({"content": CREATED.entity | {"body": {"content": "hello!"}}}, id="content altered"),
        pytest.param({"content": {"id": "1"}}, id="content cut"),
        pytest.param({"changeType": "deleted"}, id="another change"),
        pytest.param({"resource": "chats('c')/messages('2')"}, id="another resource"),
        pytest.param({"tenantId": "x"}, id="another tenant"),
    ],
)
def test_altered_event_is_wrong_and_its_change_lost(altered: dict[str, Any]) -> None:
    result = _audit([CREATED], [_event(CREATED, **altered)], delivered=[CREATED])
    assert (result.missing, len(result.wrong), result.agrees) == ([(CREATED, LOST)], 1, False)


@pytest.mark.parametrize("name", ["type", "subject"])
def test_event_under_a_wrong_name_is_wrong(name: str) -> None:
    event = _event(CREATED)
    result = _audit([CREATED], [replace(event, attributes=event.attributes | {name: "x"})], delivered=[CREATED])
    assert (result.missing, len(result.wrong)) == ([(CREATED, LOST)], 1)


def test_event_of_an_unanswered_post_is_live() -> None:
    assert _audit([CREATED], [_event(CREATED)], unanswered=[CREATED]).outcomes == Counter({LIVE: 1})


def test_event_of_a_recurring_state_belongs_to_the_delivered_change() -> None:
    result = _audit([RENAMED, RENAMED_AGAIN], [_event(RENAMED)], delivered=[RENAMED_AGAIN], unanswered=[RENAMED])
    assert result.outcomes == Counter({OVERTAKEN: 1, LIVE: 1})


def test_id_that_comes_again_without_a_cause_breaks_the_law() -> None:
    result = _audit([CREATED], [_event(CREATED), _event(CREATED)], delivered=[CREATED])
    assert (result.duplicates, result.agrees) == (Counter({None: 1}), False)


def test_change_reported_again_under_another_id_is_counted() -> None:
    result = _audit([RENAMED], [_event(RENAMED, id_="1"), _event(RENAMED, id_="2")], delivered=[RENAMED])
    assert (result.surplus, result.agrees) == (1, True)


def test_recovered_event_that_shows_no_state_of_the_item_is_wrong() -> None:
    altered = _recovered(CREATED, content={"id": "1", "body": {"content": "never said"}})
    assert len(_audit([CREATED], [altered]).wrong) == 1


@pytest.mark.parametrize(
    ("changes", "events", "outcomes"),
    [
        pytest.param([CREATED], [_recovered(CREATED)], {RECOVERED: 1}, id="message recovered"),
        pytest.param(
            [CREATED, EDITED],
            [_recovered(CREATED, content=_recovered(EDITED).data["content"]), _recovered(EDITED)],
            {RECOVERED: 2},
            id="message recovered as edited",
        ),
        pytest.param(
            [EDITED, EDITED_AGAIN], [_recovered(EDITED_AGAIN)], {OVERTAKEN: 1, RECOVERED: 1}, id="last edit recovered"
        ),
        pytest.param([CREATED], [_gap("/chats/getAllMessages")], {UNRECOVERED: 1}, id="message in a gap"),
        pytest.param([RENAMED], [_gap("/teams")], {Outcome.REPORTED_LOST: 1}, id="team in a gap"),
        pytest.param([RENAMED], [_gap("/teams/g")], {Outcome.REPORTED_LOST: 1}, id="team in its own gap"),
        pytest.param([RENAMED], [_gap("/chats")], {UNRECOVERED: 1}, id="gap of something else"),
        pytest.param([RENAMED], [_gap("/teams/x")], {UNRECOVERED: 1}, id="gap of another team"),
        pytest.param([RENAMED], [_gap("/teams/getAllChannels")], {UNRECOVERED: 1}, id="gap of what teams contain"),
        pytest.param([RENAMED], [_gap("/teams", hours=1)], {UNRECOVERED: 1}, id="gap at another time"),
        pytest.param(
            [RENAMED],
            [_recovered(RENAMED, content=RENAMED.entity | {"isArchived": None})],
            {RECOVERED: 1},
            id="list without a property",
        ),
        pytest.param(
            [MADE, RENAMED_BACK], [_recovered(MADE, content=RENAMED_BACK.entity)], {RECOVERED: 2}, id="new and renamed"
        ),
        pytest.param([DELETED], [_bare(_recovered(DELETED))], {RECOVERED: 1}, id="deleted, without content"),
        pytest.param([MADE, DELETED], [], {OVERTAKEN: 2}, id="created and deleted"),
        pytest.param([MADE, RENAMED_BACK, DELETED], [], {OVERTAKEN: 3}, id="created, renamed and deleted"),
        pytest.param([DELETED, MADE], [], {OVERTAKEN: 2}, id="deleted and restored"),
        pytest.param(
            [OPENED, DELETED], [_recovered(DELETED)], {OVERTAKEN: 1, RECOVERED: 1}, id="channel deleted with its team"
        ),
        pytest.param([OPENED], [], {UNRECOVERED: 1}, id="channel of a team that exists"),
        pytest.param([RENAMED], [], {UNRECOVERED: 1}, id="renamed"),
        pytest.param([MADE], [], {UNRECOVERED: 1}, id="created"),
        pytest.param([DELETED], [], {UNRECOVERED: 1}, id="deleted"),
    ],
)
def test_change_that_graph_never_delivered_has_outcome(
    changes: Sequence[Change], events: Sequence[Event], outcomes: dict[Outcome, int]
) -> None:
    result = _audit(changes, events)
    assert (result.outcomes, result.wrong) == (Counter(outcomes), [])
    assert result.agrees == (UNRECOVERED not in outcomes)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(MADE, DELETED, id="created, then deleted"),
        pytest.param(DELETED, MADE, id="deleted, then restored"),
        pytest.param(RENAMED, RENAMED_BACK, id="renamed, then renamed"),
    ],
)
def test_change_missed_after_a_delivered_one_is_unrecovered(before: Change, after: Change) -> None:
    result = _audit([before, after], [_event(before)], delivered=[before])
    assert result.missing == [(after, UNRECOVERED)]


def test_renaming_and_back_in_a_gap_comes_to_nothing() -> None:
    result = _audit([RENAMED, RENAMED_BACK, RENAMED_AGAIN], [_event(RENAMED)], delivered=[RENAMED])
    assert result.outcomes == Counter({LIVE: 1, OVERTAKEN: 2})


def test_recovered_event_does_not_account_for_a_later_change() -> None:
    events = [_recovered(DELETED), _event(MADE)]
    result = _audit([DELETED, MADE, DELETED_SINCE], events, delivered=[MADE])
    assert result.missing == [(DELETED_SINCE, UNRECOVERED)]


def test_creation_and_deletion_in_a_gap_come_to_nothing_after_a_recovery() -> None:
    events = [_recovered(MADE), _event(DELETED)]
    result = _audit([MADE, DELETED, MADE_SINCE, DELETED_SINCE], events, delivered=[DELETED])
    assert result.outcomes == Counter({RECOVERED: 1, LIVE: 1, OVERTAKEN: 2})
