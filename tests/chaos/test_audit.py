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


FIRST, AGAIN = (_event(RENAMED, id_=id_) for id_ in "12")
AT_ONCE = _event(RENAMED, id_="1", when=WHEN)


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


DELIVERED = {
    "event": ([CREATED], [_event(CREATED)], {LIVE: 1}),
    "event at the last moment": ([CREATED], [_event(CREATED, when=WHEN + 4 * SECOND)], {LIVE: 1}),
    "event after parking": ([CREATED], [_event(CREATED, when=WHEN + 5 * SECOND)], {Outcome.REDRIVEN: 1}),
    "one event of two": ([CREATED, EDITED], [_event(CREATED)], {LIVE: 1, LOST: 1}),
    "event without the content": ([CREATED], [_bare(_event(CREATED))], {LOST: 1}),
    "content under the id of an event without": ([CREATED], [_bare(_event(CREATED)), _event(CREATED)], {LOST: 1}),
    "recovered before its parked POST": ([CREATED], [_recovered(CREATED)], {RECOVERED: 1}),
    "the later one of two delivered edits": ([EDITED, EDITED_AGAIN], [_event(EDITED_AGAIN)], {LIVE: 1, LOST: 1}),
    "gap": ([RENAMED], [_gap("/teams")], {LOST: 1}),
    "one event, state recurs": ([RENAMED, RENAMED_AGAIN], [FIRST], {LIVE: 1, LOST: 1}),
    "two events, state recurs": ([RENAMED, RENAMED_AGAIN], [FIRST, AGAIN], {LIVE: 2}),
    "two events at two times": (
        [RENAMED, RENAMED_SINCE],
        [FIRST, _event(RENAMED, id_="2", when=SINCE)],
        {LIVE: 1, Outcome.REDRIVEN: 1},
    ),
    # A consumer that drops by id would drop it.
    "two events under one id": ([RENAMED, RENAMED_AGAIN], [FIRST, FIRST], {LIVE: 1, LOST: 1}),
    "one id, before the state recurs": ([RENAMED, RENAMED_SINCE], [AT_ONCE, FIRST], {LIVE: 1, LOST: 1}),
    "event in the second of the change": (
        [replace(RENAMED, when=WHEN + timedelta(milliseconds=999))],
        [AT_ONCE],
        {LIVE: 1},
    ),
    "event before the change": ([RENAMED_AGAIN], [AT_ONCE], {LOST: 1}),
}


@pytest.mark.parametrize(("changes", "events", "outcomes"), DELIVERED.values(), ids=DELIVERED)
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
    result = _audit([RENAMED], [FIRST, AGAIN], delivered=[RENAMED])
    assert (result.surplus, result.agrees) == (1, True)


def test_recovered_event_that_shows_no_state_of_the_item_is_wrong() -> None:
    altered = _recovered(CREATED, content={"id": "1", "body": {"content": "never said"}})
    assert len(_audit([CREATED], [altered]).wrong) == 1


UNDELIVERED = {
    "message recovered": ([CREATED], [_recovered(CREATED)], {RECOVERED: 1}),
    "message recovered as edited": (
        [CREATED, EDITED],
        [_recovered(CREATED, content=_recovered(EDITED).data["content"]), _recovered(EDITED)],
        {RECOVERED: 2},
    ),
    "last edit recovered": ([EDITED, EDITED_AGAIN], [_recovered(EDITED_AGAIN)], {OVERTAKEN: 1, RECOVERED: 1}),
    "message in a gap": ([CREATED], [_gap("/chats/getAllMessages")], {UNRECOVERED: 1}),
    "team in a gap": ([RENAMED], [_gap("/teams")], {Outcome.REPORTED_LOST: 1}),
    "team in its own gap": ([RENAMED], [_gap("/teams/g")], {Outcome.REPORTED_LOST: 1}),
    "gap of something else": ([RENAMED], [_gap("/chats")], {UNRECOVERED: 1}),
    "gap of another team": ([RENAMED], [_gap("/teams/x")], {UNRECOVERED: 1}),
    "gap of what teams contain": ([RENAMED], [_gap("/teams/getAllChannels")], {UNRECOVERED: 1}),
    "gap at another time": ([RENAMED], [_gap("/teams", hours=1)], {UNRECOVERED: 1}),
    "list without a property": (
        [RENAMED],
        [_recovered(RENAMED, content=RENAMED.entity | {"isArchived": None})],
        {RECOVERED: 1},
    ),
    "new and renamed": ([MADE, RENAMED_BACK], [_recovered(MADE, content=RENAMED_BACK.entity)], {RECOVERED: 2}),
    "deleted, without content": ([DELETED], [_bare(_recovered(DELETED))], {RECOVERED: 1}),
    "created and deleted": ([MADE, DELETED], [], {OVERTAKEN: 2}),
    "created, renamed and deleted": ([MADE, RENAMED_BACK, DELETED], [], {OVERTAKEN: 3}),
    "deleted and restored": ([DELETED, MADE], [], {OVERTAKEN: 2}),
    "channel deleted with its team": ([OPENED, DELETED], [_recovered(DELETED)], {OVERTAKEN: 1, RECOVERED: 1}),
    "channel of a team that exists": ([OPENED], [], {UNRECOVERED: 1}),
    "renamed": ([RENAMED], [], {UNRECOVERED: 1}),
    "created": ([MADE], [], {UNRECOVERED: 1}),
    "deleted": ([DELETED], [], {UNRECOVERED: 1}),
}


@pytest.mark.parametrize(("changes", "events", "outcomes"), UNDELIVERED.values(), ids=UNDELIVERED)
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
