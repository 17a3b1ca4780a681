"""The books of a chaos run: what accounts for a change, and that they notice what does not."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sandbox.chaos.arrival import Arrival
from sandbox.chaos.books import Balance, Books, Fate
from sandbox.run.queue_consumer import Event
from sandbox.teams import Change

WHEN = datetime(2026, 11, 21, 12, tzinfo=UTC)
LATER = WHEN + timedelta(seconds=1)
LONGER = timedelta(seconds=1)
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


def _event(change: Change, *, id_: str = "", recovered: bool = False, **data: Any) -> Event:
    kinds = {"teams": "Team", "channels": "Channel", "members": "ConversationMember", "messages": "ChatMessage"}
    kind = kinds[change.path[-2]]
    spelled = "/".join(f"{name}('{key}')" for name, key in zip(change.path[::2], change.path[1::2], strict=True))
    content = {name: value for name, value in change.entity.items() if name != "replies" or not recovered}
    said = {"tenantId": "t", "resource": spelled, "changeType": change.change_type, "content": content}
    attributes = {
        "id": id_ or f"{spelled}{change.change_type}{change.entity.get('etag')}",
        "type": f"Microsoft.Graph.{kind}{change.change_type.title()}",
        "subject": "/".join(change.path),
        "time": WHEN.isoformat(),
    }
    return Event(attributes=attributes | ({"recovered": True} if recovered else {}), data=said | data, size=1)


def _balance(*changes: Change, events: list[Event], delivered: bool = True, when: datetime = LATER) -> Balance:
    arrivals = [Arrival(event=event, when=when) for event in events]
    identities = {id(change) for change in changes} if delivered else set()
    return Books(changes=list(changes), delivered=identities, arrivals=arrivals).balance()


def test_a_change_with_its_event_is_live() -> None:
    balance = _balance(CREATED, events=[_event(CREATED)])
    assert (balance.fates, balance.agrees) == (Counter({Fate.LIVE: 1}), True)


def test_a_change_whose_post_was_parked_is_redriven() -> None:
    at_last = WHEN + timedelta(seconds=4)
    for when, fate in ((at_last, Fate.LIVE), (at_last + LONGER, Fate.REDRIVEN)):
        assert _balance(CREATED, events=[_event(CREATED)], when=when).fates == Counter({fate: 1})


def test_a_delivered_change_without_an_event_is_lost() -> None:
    balance = _balance(CREATED, EDITED, events=[_event(CREATED)])
    assert (balance.missing, balance.agrees) == ([(EDITED, Fate.LOST)], False)


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
def test_an_altered_event_is_wrong_and_its_change_lost(altered: dict[str, Any]) -> None:
    balance = _balance(CREATED, events=[_event(CREATED, **altered)])
    assert (len(balance.missing), len(balance.wrong), balance.agrees) == (1, 1, False)


@pytest.mark.parametrize("name", ["type", "subject"])
def test_an_event_under_a_wrong_name_is_wrong(name: str) -> None:
    event = _event(CREATED)
    balance = _balance(CREATED, events=[replace(event, attributes=event.attributes | {name: "x"})])
    assert (len(balance.missing), len(balance.wrong)) == (1, 1)


def test_a_basic_notification_does_not_account_for_a_change_that_is_watched_with_content() -> None:
    event = _event(CREATED)
    del event.data["content"]
    balance = _balance(CREATED, events=[event])
    assert (len(balance.missing), balance.wrong) == (1, [])


def test_a_state_that_comes_back_needs_an_event_of_its_own() -> None:
    again = replace(RENAMED, when=LATER)
    assert _balance(RENAMED, again, events=[_event(RENAMED, id_="1")]).missing == [(again, Fate.LOST)]
    assert _balance(RENAMED, again, events=[_event(RENAMED, id_="1"), _event(RENAMED, id_="2")]).agrees


def test_of_two_changes_into_one_state_the_event_is_of_the_one_that_graph_has_delivered() -> None:
    again = replace(RENAMED, when=LATER)
    arrivals = [Arrival(event=_event(RENAMED, id_="1"), when=LATER)]
    balance = Books(changes=[RENAMED, again], delivered={id(again)}, arrivals=arrivals).balance()
    assert balance.fates == Counter({Fate.OVERTAKEN: 1, Fate.LIVE: 1})


def test_state_that_comes_back_under_the_id_of_before_is_lost() -> None:
    """A consumer that drops by id would drop it."""
    again = replace(RENAMED, when=LATER)
    balance = _balance(RENAMED, again, events=[_event(RENAMED, id_="1"), _event(RENAMED, id_="1")])
    assert (balance.fates, balance.agrees) == (Counter({Fate.LIVE: 1, Fate.LOST: 1}), False)


def test_content_under_the_id_of_an_event_without_it_is_lost() -> None:
    bare = _event(CREATED)
    del bare.data["content"]
    assert _balance(CREATED, events=[bare, _event(CREATED)]).fates == Counter({Fate.LOST: 1})


def test_what_graph_never_delivered_may_be_recovered() -> None:
    balance = _balance(CREATED, events=[_event(CREATED, recovered=True)], delivered=False)
    assert (balance.fates, balance.agrees) == (Counter({Fate.RECOVERED: 1}), True)


def test_what_was_recovered_before_its_parked_post_came_to_its_turn_is_not_lost() -> None:
    assert _balance(CREATED, events=[_event(CREATED, recovered=True)]).fates == Counter({Fate.RECOVERED: 1})


def test_a_recovered_creation_may_show_what_has_become_of_the_message() -> None:
    created = _event(CREATED, recovered=True, content=_event(EDITED, recovered=True).data["content"])
    events = [created, _event(EDITED, recovered=True)]
    assert _balance(CREATED, EDITED, events=events, delivered=False).fates == Counter({Fate.RECOVERED: 2})


def test_a_recovered_event_that_shows_no_state_of_the_message_is_wrong() -> None:
    altered = _event(CREATED, recovered=True, content={"id": "1", "body": {"content": "never said"}})
    assert len(_balance(CREATED, events=[altered], delivered=False).wrong) == 1


def test_of_two_edits_that_graph_never_delivered_the_last_one_is_enough() -> None:
    balance = _balance(EDITED, EDITED_AGAIN, events=[_event(EDITED_AGAIN, recovered=True)], delivered=False)
    assert balance.fates == Counter({Fate.OVERTAKEN: 1, Fate.RECOVERED: 1})


def test_of_two_edits_that_graph_did_deliver_the_last_one_is_not_enough() -> None:
    balance = _balance(EDITED, EDITED_AGAIN, events=[_event(EDITED_AGAIN)])
    assert balance.missing == [(EDITED, Fate.LOST)]


def test_a_message_that_nobody_recovered_is_missing_whatever_is_said() -> None:
    balance = _balance(CREATED, events=[_gap("/chats/getAllMessages")], delivered=False)
    assert balance.missing == [(CREATED, Fate.UNRECOVERED)]


def _gap(resource: str, *, hours: int = 0) -> Event:
    begins = WHEN + timedelta(hours=hours)
    said = {
        "resource": resource,
        "changeType": "created,deleted,updated",
        "startDateTime": begins.isoformat(),
        "endDateTime": (begins + timedelta(minutes=1)).isoformat(),
    }
    return Event(attributes={"id": "gap", "type": "Microsoft.Graph.SubscriptionGap"}, data=said, size=1)


@pytest.mark.parametrize("resource", ["/teams", "/teams/g"])
def test_a_renaming_that_is_said_to_be_lost_is_accounted_for(resource: str) -> None:
    assert _balance(RENAMED, events=[_gap(resource)], delivered=False).fates == Counter({Fate.SAID: 1})


@pytest.mark.parametrize(
    "gap",
    [
        pytest.param(_gap("/chats"), id="of something else"),
        pytest.param(_gap("/teams/x"), id="of another team"),
        pytest.param(_gap("/teams/getAllChannels"), id="of what teams contain"),
        pytest.param(_gap("/teams", hours=1), id="at another time"),
    ],
)
def test_a_gap_that_is_said_excuses_nothing_else(gap: Event) -> None:
    assert _balance(RENAMED, events=[gap], delivered=False).missing == [(RENAMED, Fate.UNRECOVERED)]


def test_what_graph_delivered_is_not_excused_by_a_gap() -> None:
    assert _balance(RENAMED, events=[_gap("/teams")]).missing == [(RENAMED, Fate.LOST)]


def test_an_id_that_comes_twice_breaks_the_law() -> None:
    balance = _balance(CREATED, events=[_event(CREATED), _event(CREATED)])
    assert (balance.duplicates, balance.agrees) == (Counter({None: 1}), False)


def test_what_is_told_once_more_under_another_id_is_counted() -> None:
    balance = _balance(RENAMED, events=[_event(RENAMED, id_="1"), _event(RENAMED, id_="2")])
    assert (balance.surplus, balance.agrees) == (1, True)


# --- Teams, channels and members, which are compared after a gap

MADE, GONE = replace(RENAMED, change_type="created"), replace(RENAMED, change_type="deleted")
RENAMED_BACK = replace(RENAMED, entity={"id": "g", "displayName": "Marketing"})
OPENED = replace(MADE, path=("teams", "g", "channels", "c"), entity={"id": "c", "displayName": "Deals"})


def test_a_list_that_leaves_properties_out_tells_the_truth() -> None:
    read = _event(RENAMED, recovered=True, content=RENAMED.entity | {"isArchived": None})
    balance = _balance(RENAMED, events=[read], delivered=False)
    assert (balance.fates, balance.wrong) == (Counter({Fate.RECOVERED: 1}), [])


def test_a_thing_that_is_new_may_be_told_as_it_has_become() -> None:
    read = _event(MADE, recovered=True, content=RENAMED_BACK.entity)
    assert _balance(MADE, RENAMED_BACK, events=[read], delivered=False).fates == Counter({Fate.RECOVERED: 2})


def test_what_is_gone_is_told_without_its_content() -> None:
    read = _event(GONE, recovered=True)
    del read.data["content"]
    assert _balance(GONE, events=[read], delivered=False).fates == Counter({Fate.RECOVERED: 1})


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param((MADE, GONE), id="came and went"),
        pytest.param((MADE, RENAMED_BACK, GONE), id="came, changed and went"),
        pytest.param((GONE, MADE), id="went and came back"),
    ],
)
def test_of_what_comes_to_nothing_in_a_gap_nobody_can_know(changes: tuple[Change, ...]) -> None:
    balance = _balance(*changes, events=[], delivered=False)
    assert (balance.fates, balance.agrees) == (Counter({Fate.OVERTAKEN: len(changes)}), True)


def test_who_changes_back_in_a_gap_has_come_to_nothing() -> None:
    back = replace(RENAMED, when=LATER)
    arrivals = [Arrival(event=_event(RENAMED), when=LATER)]
    books = Books(changes=[RENAMED, RENAMED_BACK, back], delivered={id(RENAMED)}, arrivals=arrivals)
    assert books.balance().fates == Counter({Fate.LIVE: 1, Fate.OVERTAKEN: 2})


@pytest.mark.parametrize(
    ("before", "last"),
    [
        pytest.param((), RENAMED, id="renamed"),
        pytest.param((), MADE, id="came"),
        pytest.param((), GONE, id="went"),
        pytest.param((MADE,), GONE, id="told, and went"),
        pytest.param((GONE,), MADE, id="told to be gone, and came"),
        pytest.param((RENAMED,), RENAMED_BACK, id="told, and renamed"),
    ],
)
def test_the_last_state_of_a_thing_has_to_be_told(before: tuple[Change, ...], last: Change) -> None:
    arrivals = [Arrival(event=_event(change), when=LATER) for change in before]
    books = Books(changes=[*before, last], delivered={id(change) for change in before}, arrivals=arrivals)
    assert books.balance().missing == [(last, Fate.UNRECOVERED)]


# Who was found to have come, or gone, before; then they come or go again.
FOUND = WHEN + timedelta(seconds=2)
SINCE = WHEN + timedelta(seconds=10)
GONE_AGAIN, MADE_AGAIN = replace(GONE, when=SINCE), replace(MADE, when=SINCE)


def test_what_was_found_before_accounts_for_nothing_that_happened_since() -> None:
    arrivals = [Arrival(event=_event(GONE, recovered=True), when=FOUND), Arrival(event=_event(MADE), when=FOUND)]
    books = Books(changes=[GONE, MADE, GONE_AGAIN], delivered={id(MADE)}, arrivals=arrivals)
    assert books.balance().missing == [(GONE_AGAIN, Fate.UNRECOVERED)]


def test_who_comes_and_goes_in_a_gap_has_come_to_nothing_though_their_coming_was_found_before() -> None:
    arrivals = [Arrival(event=_event(MADE, recovered=True), when=FOUND), Arrival(event=_event(GONE), when=FOUND)]
    books = Books(changes=[MADE, GONE, MADE_AGAIN, GONE_AGAIN], delivered={id(GONE)}, arrivals=arrivals)
    assert books.balance().fates == Counter({Fate.RECOVERED: 1, Fate.LIVE: 1, Fate.OVERTAKEN: 2})


def test_an_event_tells_no_change_that_came_after_it_but_for_the_second_in_which_it_came() -> None:
    for later, fate in ((timedelta(milliseconds=999), Fate.LIVE), (LONGER, Fate.LOST)):
        arrivals = [Arrival(event=_event(RENAMED), when=WHEN)]
        change = replace(RENAMED, when=WHEN + later)
        assert Books(changes=[change], delivered={id(change)}, arrivals=arrivals).balance().fates == Counter({fate: 1})


def test_of_two_changes_into_one_state_each_has_the_event_that_came_after_it() -> None:
    again = replace(RENAMED, when=SINCE)
    arrivals = [Arrival(event=_event(RENAMED, id_=str(when)), when=when) for when in (LATER, SINCE)]
    books = Books(changes=[RENAMED, again], delivered={id(RENAMED), id(again)}, arrivals=arrivals)
    assert books.balance().agrees


def test_an_id_that_comes_again_before_a_change_hides_nothing_of_it() -> None:
    arrivals = [Arrival(event=_event(RENAMED, id_="1"), when=when) for when in (WHEN, LATER)]
    again = replace(RENAMED, when=SINCE)
    books = Books(changes=[RENAMED, again], delivered={id(RENAMED), id(again)}, arrivals=arrivals)
    assert books.balance().missing == [(again, Fate.LOST)]


def test_with_a_team_its_channels_are_gone_without_a_word() -> None:
    gone = _event(GONE, recovered=True)
    balance = _balance(OPENED, GONE, events=[gone], delivered=False)
    assert balance.fates == Counter({Fate.OVERTAKEN: 1, Fate.RECOVERED: 1})
    assert _balance(OPENED, events=[], delivered=False).missing == [(OPENED, Fate.UNRECOVERED)]
