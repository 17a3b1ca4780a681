"""Gaps of teams, channels and members: lists compared with the snapshot, with ports in memory.

Source: https://learn.microsoft.com/graph/api/team-list-members
"""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest

from shared.errors import Unavailable
from shared.gaps.snapshot import fingerprint_of
from tests.fakes.calls import Killed, raising
from tests.fakes.catch_up_fixture import SECOND, USERS
from tests.fakes.gap_values import BEFORE, DURING, GAP, LATER, text
from tests.fakes.subscription_values import MINUTE, NOW
from tests.sender import CHAT, TENANT
from tests.unit.gaps.snapshots import (
    ALL_CHANNELS,
    IN_TEAM,
    MEMBERS,
    OF_TEAM,
    OTHER,
    OWNER,
    TEAM,
    TEAMS,
    entry,
    gap_in,
    page,
    published,
    record,
    world_of,
    world_of_members,
)


def test_diff_is_published_and_recorded() -> None:
    world = world_of_members(page(stays=OWNER, rises=OWNER), page(comes={}), stays=OWNER, rises={}, goes={})
    assert world.run() == {"recovered": 1, "events": 3}
    assert published(world) == [
        f"ConversationMemberCreated {MEMBERS}/comes",
        f"ConversationMemberDeleted {MEMBERS}/goes",
        f"ConversationMemberUpdated {MEMBERS}/rises",
    ]
    assert {known.id: known.exists for known in world.known.notes} == {"rises": True, "comes": True, "goes": False}
    assert world.known.there(TENANT, MEMBERS) == {"stays", "rises", "comes"}


def test_recovered_event_has_the_form_of_a_notification() -> None:
    world = world_of_members(page(comes=OWNER), goes={})
    world.run()
    comes, goes = (json.loads(event.to_json()) for event in world.published)
    assert (comes["recovered"], goes["recovered"]) == (True, True)
    resource = f"teams('{TEAM}')/members('comes')"
    assert comes["data"] == {
        "changeType": "created",
        "tenantId": TENANT,
        "subscriptionId": GAP.subscription_id,
        "resource": resource,
        "resourceData": {
            "@odata.type": "#Microsoft.Graph.aadUserConversationMember",
            "@odata.id": resource,
            "id": "comes",
        },
        "content": {"id": "comes", "roles": ["owner"]},
    }
    assert "content" not in goes["data"]
    assert goes["data"]["resourceData"]["id"] == "goes"


def test_unwatched_change_type_is_recorded_and_not_published() -> None:
    gap = gap_in(IN_TEAM.resource, change_types=frozenset({"created"}))
    world = world_of(gap)
    record(world, MEMBERS, goes={}, rises={})
    world.lists[OF_TEAM] = [page(rises=OWNER)]
    assert world.run() == {"recovered": 1}
    assert (world.published, len(world.known.notes)) == ([], 2)


def test_unchanged_list_writes_nothing() -> None:
    world = world_of_members(page(stays=OWNER), stays=OWNER)
    assert world.run() == {"recovered": 1}
    assert world.known.notes == []


def test_diff_is_published_before_it_is_recorded() -> None:
    world = world_of_members(page(comes={}))
    world.before_publishing = raising(Killed())
    with pytest.raises(Killed):
        world.run()
    assert world.known.notes == []
    world.before_publishing = lambda: None
    assert world.run() == {"recovered": 1, "events": 1}


def test_creation_published_without_an_answer_is_known_when_it_is_deleted() -> None:
    world = world_of_members(page(comes={}))
    world.after_publishing = raising(Unavailable("no answer"))
    assert world.run() == {"put off": 1}
    world.after_publishing = lambda: None
    world.lists[OF_TEAM] = [[]]
    world.clock.pass_by(60 * MINUTE)
    world.run()
    assert published(world) == [
        f"ConversationMemberCreated {MEMBERS}/comes",
        f"ConversationMemberDeleted {MEMBERS}/comes",
    ]
    assert world.known.there(TENANT, MEMBERS) == set()


def test_creation_published_without_an_answer_comes_again_under_its_id() -> None:
    world = world_of_members(page(comes={}))
    world.after_publishing = raising(Unavailable("no answer"))
    world.run()
    world.after_publishing = lambda: None
    world.clock.pass_by(60 * MINUTE)
    world.run()
    assert [event.type.rpartition(".")[2] for event in world.published] == ["ConversationMemberCreated"] * 2
    assert len({event.id for event in world.published}) == 1
    assert world.known.list(TENANT, MEMBERS)["comes"].is_announced is False


def test_a_deletion_has_one_id_for_one_gap() -> None:
    ids = []
    for gap in (IN_TEAM, IN_TEAM, replace(IN_TEAM, since=BEFORE)):
        world = world_of(gap)
        record(world, MEMBERS, goes={})
        world.lists[OF_TEAM] = [[]]
        world.took = SECOND
        world.clock.pass_by(MINUTE)
        world.run()
        ids += [event.id for event in world.published]
    assert ids[0] == ids[1] != ids[2]


def test_incomplete_list_reports_no_deletion() -> None:
    world = world_of_members(page(stays=OWNER), Unavailable("Graph answered 503"), stays=OWNER, last=OWNER)
    assert world.run() == {"put off": 1}
    world.lists[OF_TEAM] = [page(stays=OWNER), page(last=OWNER)]
    world.took = 200 * SECOND
    world.clock.pass_by(10 * MINUTE)
    assert world.run(time=150 * SECOND) == {"to be continued": 1}
    assert (world.published, world.known.notes) == ([], [])


def test_page_link_to_itself_does_not_end_the_list() -> None:
    world = world_of(IN_TEAM)
    record(world, MEMBERS, stays=OWNER)
    world.endless.add(OF_TEAM)
    assert world.run() == {"put off": 1}
    assert world.published == []


@pytest.mark.parametrize("thing", [{"id": None}, {"id": 7}, {}])
def test_item_without_an_id_is_skipped(thing: dict[str, Any]) -> None:
    world = world_of_members([thing, *page(comes={})])
    assert world.run() == {"recovered": 1, "events": 1}


def test_item_that_is_not_json_is_skipped_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    world = world_of_members(page(odd={"rank": "\ud800"}, comes={}))
    assert world.run() == {"partial": 1, "events": 1}
    assert "is malformed and left out" in caplog.text


def test_member_added_while_the_list_is_read_is_not_deleted() -> None:
    world = world_of_members([])
    world.before_reading = lambda _tenant_id: world.known.note(entry("comes", OWNER))
    assert world.run() == {"recovered": 1}
    assert world.known.there(TENANT, MEMBERS) == {"comes"}


def test_entries_have_the_start_of_reading_and_old_deletions_expire() -> None:
    world, began = world_of_members(page(comes={}), goes={}), NOW
    world.took = SECOND
    world.run()
    assert (world.clock.now() > began, [known.recorded_at for known in world.known.notes]) == (True, [began] * 2)
    assert world.known.forgotten == [(TENANT, MEMBERS, began - timedelta(days=30))]


def test_entries_are_replaced_by_their_etag() -> None:
    world = world_of_members(page(rises=OWNER, comes={}))
    for id_ in ("rises", "goes"):
        world.known.note(entry(id_, {}, etag=f"of {id_}"))
    world.known.notes.clear()
    world.run()
    assert {known.id: known.etag for known in world.known.notes} == {
        "rises": "of rises",
        "goes": "of goes",
        "comes": None,
    }


# --- One thing, and all of a tenant


ONE = gap_in(f"/teams/{TEAM}")


def test_single_team_is_compared_without_the_others() -> None:
    world = world_of(ONE)
    record(world, "teams", **{TEAM: {"displayName": "Sales"}, OTHER: {}})
    world.lists[f"{TEAMS}/{TEAM}"] = [[{"id": TEAM, "displayName": "Marketing"}]]
    assert world.run() == {"recovered": 1, "events": 1}
    assert published(world) == [f"TeamUpdated teams/{TEAM}"]
    assert [known.id for known in world.known.notes] == [TEAM]


def test_missing_team_is_reported_as_deleted() -> None:
    world = world_of(ONE)
    record(world, "teams", **{TEAM: {}, OTHER: {}})
    assert world.run() == {"recovered": 1, "events": 1}
    assert published(world) == [f"TeamDeleted teams/{TEAM}"]


def test_channels_are_compared_team_by_team() -> None:
    world = world_of(ALL_CHANNELS)
    record(world, f"teams/{TEAM}/channels", old={})
    world.lists = {
        TEAMS: [[{"id": OTHER}, {"id": TEAM}]],
        f"{TEAMS}/{TEAM}/channels": [page(old={}, new={"createdDateTime": text(DURING)})],
        f"{TEAMS}/{OTHER}/channels": [page(older={"createdDateTime": text(BEFORE)})],
    }
    assert world.run() == {"recovered": 1, "events": 1}
    assert published(world) == [f"ChannelCreated teams/{TEAM}/channels/new"]
    assert world.known.asked == [f"teams/{id_}/channels" for id_ in (OTHER, TEAM)]


ALL_CHATS = gap_in("/chats/getAllMembers")
IN_CHATS = "/v1.0/users/{}/chats"


def _chat(*members: str) -> dict[str, Any]:
    return {"id": CHAT, "lastUpdatedDateTime": text(DURING), "members": [{"id": id_} for id_ in members]}


def test_chat_shared_by_several_users_is_compared_once() -> None:
    world = world_of(ALL_CHATS)
    world.lists[USERS] = [[{"id": "a"}, {"id": "b"}]]
    world.lists |= {IN_CHATS.format(user): [[_chat("a", "b")]] for user in "ab"}
    assert world.run() == {"recovered": 1, "events": 2}
    assert len(world.known.notes) == 2
    assert world.known.asked == [f"chats/{CHAT}/members"]


def test_member_added_after_the_chat_was_listed_is_not_deleted() -> None:
    world = world_of(ALL_CHATS)
    record(world, f"chats/{CHAT}/members", a={}, comes={}, goes={})
    world.lists |= {USERS: [[{"id": "a"}]], IN_CHATS.format("a"): [[_chat("a")]]}
    world.lists[f"/v1.0/chats/{quote(CHAT, safe='')}/members"] = [page(a={}, comes={})]
    assert world.run() == {"recovered": 1, "events": 1}
    assert published(world) == [f"ConversationMemberDeleted chats/{CHAT}/members/goes"]


def test_chat_deleted_during_the_run_does_not_skip_the_others() -> None:
    world = world_of(ALL_CHATS)
    world.lists[USERS] = [[{"id": "a"}]]
    gone = {"id": "19:gone@thread.v2", "lastUpdatedDateTime": text(DURING)}
    world.lists[IN_CHATS.format("a")] = [[gone, _chat("a")]]
    assert world.run() == {"recovered": 1, "events": 1}
    assert world.gap_of(ALL_CHATS).skipped == 0


CHATS = gap_in("/users/u/chats")


@pytest.mark.parametrize(("topic", "expected"), [("Lunch", []), ("Dinner", [f"ChatUpdated chats/{CHAT}"])])
def test_chat_is_published_only_if_it_differs_from_its_snapshot(topic: str, expected: list[str]) -> None:
    world = world_of(CHATS)
    lunch = {"topic": "Lunch", "lastUpdatedDateTime": text(DURING)}
    record(world, "chats", **{CHAT: lunch})
    chat = {"id": CHAT, "chatType": "group", "createdDateTime": text(BEFORE)} | lunch | {"topic": topic}
    world.lists[IN_CHATS.format("u")] = [[chat]]
    assert world.run()["recovered"] == 1
    assert published(world) == expected
    assert world.known.list(TENANT, "chats")[CHAT].fingerprint == fingerprint_of("chats", chat)
    assert len(world.known.notes) == len(expected)


def test_new_and_changed_chat_gives_two_events_and_one_entry() -> None:
    world = world_of(CHATS)
    times = {"chatType": "group", "createdDateTime": text(DURING), "lastUpdatedDateTime": text(LATER)}
    world.lists[IN_CHATS.format("u")] = [[{"id": f"19:{name}@thread.v2"} | times for name in "ab"]]
    assert world.run() == {"recovered": 1, "events": 4}
    assert len(world.known.notes) == 2


def test_chat_is_published_before_it_is_recorded() -> None:
    world = world_of(CHATS)
    chat = {"id": CHAT, "chatType": "group", "createdDateTime": text(DURING), "lastUpdatedDateTime": text(DURING)}
    world.lists[IN_CHATS.format("u")] = [[chat]]
    world.before_publishing = raising(Killed())
    with pytest.raises(Killed):
        world.run()
    assert world.known.notes == []
    world.before_publishing = lambda: None
    assert world.run() == {"recovered": 1, "events": 1}
