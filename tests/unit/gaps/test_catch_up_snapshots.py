"""Gaps of teams, channels and members: lists compared with the snapshot, with ports in memory.

Source: https://learn.microsoft.com/graph/api/team-list-members
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest

from shared.errors import Misconfigured, Unavailable
from shared.gaps.gap import Gap, GapState
from shared.gaps.snapshot import SnapshotEntry, fingerprint_of
from shared.subscriptions.tracked import TrackedSubscription
from tests.fakes.calls import Killed
from tests.fakes.catch_up_fixture import SECOND, USERS, CatchUpFixture
from tests.fakes.gap_values import BEFORE, DURING, GAP, LATER, text
from tests.fakes.subscription_values import MINUTE, NOW, ROW, WANTED
from tests.sender import CHAT, TENANT

TEAM, OTHER = "3fa85f64-5717-4562-b3fc-2c963f66afa6", "3fa85f64-5717-4562-b3fc-2c963f66afa7"
TEAMS, OF_TEAM = "/v1.0/teams", f"/v1.0/teams/{TEAM}/members"
MEMBERS = f"teams/{TEAM}/members"
IN_TEAM = replace(GAP, resource=f"/{MEMBERS}")
OWNER = {"roles": ["owner"]}


def _baseline(gap: Gap, **changes: Any) -> Gap:
    return replace(
        gap, is_baseline=True, since=BEFORE, until=BEFORE, state=GapState.BASELINED, ended_at=BEFORE, **changes
    )


def _world(gap: Gap) -> CatchUpFixture:
    """Return a world with a complete snapshot from before the gap."""
    world = CatchUpFixture(gap, _baseline(gap))
    world.tracking.save(_row(gap))
    return world


def _row(gap: Gap) -> TrackedSubscription:
    wanted = replace(WANTED, resource=gap.resource, change_types=gap.change_types)
    return replace(ROW, desired=wanted, etag=None)


def _of_row(gap: Gap) -> Gap:
    return replace(gap, subscription_key=_row(gap).key)


def _knows(world: CatchUpFixture, collection: str, **things: dict[str, Any]) -> None:
    for id_, thing in things.items():
        world.known.note(
            SnapshotEntry(
                tenant_id=TENANT, subject=f"{collection}/{id_}", fingerprint=fingerprint_of(collection, thing)
            )
        )
    world.known.notes.clear()


def _listed(**things: dict[str, Any]) -> list[Mapping[str, Any]]:
    return [{"id": id_} | thing for id_, thing in things.items()]


def _events(world: CatchUpFixture) -> list[str]:
    return sorted(f"{event.type.removeprefix('Microsoft.Graph.')} {event.subject}" for event in world.published)


GAP_OF_MEMBERS = _of_row(IN_TEAM)


def test_diff_is_published_and_recorded() -> None:
    world = _world(GAP_OF_MEMBERS)
    _knows(world, MEMBERS, stays=OWNER, rises={}, goes={})
    world.lists[OF_TEAM] = [_listed(stays=OWNER, rises=OWNER), _listed(comes={})]
    assert world.run() == {"recovered": 1, "events": 3}
    assert _events(world) == [
        f"ConversationMemberCreated {MEMBERS}/comes",
        f"ConversationMemberDeleted {MEMBERS}/goes",
        f"ConversationMemberUpdated {MEMBERS}/rises",
    ]
    assert {known.id: known.exists for known in world.known.notes} == {"rises": True, "comes": True, "goes": False}
    assert world.known.there(TENANT, MEMBERS) == {"stays", "rises", "comes"}


def test_recovered_event_has_the_form_of_a_notification() -> None:
    world = _world(GAP_OF_MEMBERS)
    _knows(world, MEMBERS, goes={})
    world.lists[OF_TEAM] = [_listed(comes=OWNER)]
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
    gap = _of_row(replace(IN_TEAM, change_types=frozenset({"created"})))
    world = _world(gap)
    _knows(world, MEMBERS, goes={}, rises={})
    world.lists[OF_TEAM] = [_listed(rises=OWNER)]
    assert world.run() == {"recovered": 1}
    assert (world.published, len(world.known.notes)) == ([], 2)


def test_unchanged_list_writes_nothing() -> None:
    world = _world(GAP_OF_MEMBERS)
    _knows(world, MEMBERS, stays=OWNER)
    world.lists[OF_TEAM] = [_listed(stays=OWNER)]
    assert world.run() == {"recovered": 1}
    assert world.known.notes == []


def test_diff_is_published_before_it_is_recorded() -> None:
    world = _world(GAP_OF_MEMBERS)
    world.lists[OF_TEAM] = [_listed(comes={})]
    world.before_publishing = _raising(Killed())
    with pytest.raises(Killed):
        world.run()
    assert world.known.notes == []
    world.before_publishing = lambda: None
    assert world.run() == {"recovered": 1, "events": 1}


def _raising(what: BaseException) -> Any:
    def raises(*_of_whom: object) -> None:
        raise what

    return raises


def test_a_deletion_has_one_id_for_one_gap() -> None:
    ids = []
    for gap in (GAP_OF_MEMBERS, GAP_OF_MEMBERS, replace(GAP_OF_MEMBERS, since=BEFORE)):
        world = _world(gap)
        _knows(world, MEMBERS, goes={})
        world.lists[OF_TEAM] = [[]]
        world.took = SECOND
        world.clock.pass_by(MINUTE)
        world.run()
        ids += [event.id for event in world.published]
    assert ids[0] == ids[1] != ids[2]


def test_incomplete_list_reports_no_deletion() -> None:
    world = _world(GAP_OF_MEMBERS)
    _knows(world, MEMBERS, stays=OWNER, last=OWNER)
    world.lists[OF_TEAM] = [_listed(stays=OWNER), Unavailable("Graph answered 503")]
    assert world.run() == {"put off": 1}
    world.lists[OF_TEAM] = [_listed(stays=OWNER), _listed(last=OWNER)]
    world.took = 200 * SECOND
    world.clock.pass_by(10 * MINUTE)
    assert world.run(time=150 * SECOND) == {"to be continued": 1}
    assert (world.published, world.known.notes) == ([], [])


def test_page_link_to_itself_does_not_end_the_list() -> None:
    world = _world(GAP_OF_MEMBERS)
    _knows(world, MEMBERS, stays=OWNER)
    world.endless.add(OF_TEAM)
    assert world.run() == {"put off": 1}
    assert world.published == []


@pytest.mark.parametrize("thing", [{"id": None}, {"id": 7}, {}])
def test_item_without_an_id_is_skipped(thing: dict[str, Any]) -> None:
    world = _world(GAP_OF_MEMBERS)
    world.lists[OF_TEAM] = [[thing, *_listed(comes={})]]
    assert world.run() == {"recovered": 1, "events": 1}


def test_item_that_is_not_json_is_skipped_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    world = _world(GAP_OF_MEMBERS)
    world.lists[OF_TEAM] = [_listed(odd={"rank": float("nan")}, comes={})]
    assert world.run() == {"recovered": 1, "events": 1}
    assert "is malformed and left out" in caplog.text


def test_member_added_while_the_list_is_read_is_not_deleted() -> None:
    world = _world(GAP_OF_MEMBERS)
    comes = SnapshotEntry(tenant_id=TENANT, subject=f"{MEMBERS}/comes", fingerprint=fingerprint_of(MEMBERS, OWNER))
    world.before_reading = lambda _tenant_id: world.known.note(comes)
    world.lists[OF_TEAM] = [[]]
    assert world.run() == {"recovered": 1}
    assert world.known.there(TENANT, MEMBERS) == {"comes"}


def test_entries_have_the_start_of_reading_and_old_deletions_expire() -> None:
    world, began = _world(GAP_OF_MEMBERS), NOW
    world.took = SECOND
    _knows(world, MEMBERS, goes={})
    world.lists[OF_TEAM] = [_listed(comes={})]
    world.run()
    assert (world.clock.now() > began, [known.recorded_at for known in world.known.notes]) == (True, [began] * 2)
    assert world.known.forgotten == [(TENANT, MEMBERS, began - timedelta(days=30))]


def test_entries_are_replaced_by_their_etag() -> None:
    world = _world(GAP_OF_MEMBERS)
    for id_ in ("rises", "goes"):
        known = SnapshotEntry(
            tenant_id=TENANT, subject=f"{MEMBERS}/{id_}", fingerprint=fingerprint_of(MEMBERS, {}), etag=f"of {id_}"
        )
        world.known.note(known)
    world.known.notes.clear()
    world.lists[OF_TEAM] = [_listed(rises=OWNER, comes={})]
    world.run()
    assert {known.id: known.etag for known in world.known.notes} == {
        "rises": "of rises",
        "goes": "of goes",
        "comes": None,
    }


# --- One thing, and all of a tenant


ONE = _of_row(replace(GAP, resource=f"/teams/{TEAM}"))


def test_single_team_is_compared_without_the_others() -> None:
    world = _world(ONE)
    _knows(world, "teams", **{TEAM: {"displayName": "Sales"}, OTHER: {}})
    world.lists[f"{TEAMS}/{TEAM}"] = [[{"id": TEAM, "displayName": "Marketing"}]]
    assert world.run() == {"recovered": 1, "events": 1}
    assert _events(world) == [f"TeamUpdated teams/{TEAM}"]
    assert [known.id for known in world.known.notes] == [TEAM]


def test_missing_team_is_reported_as_deleted() -> None:
    world = _world(ONE)
    _knows(world, "teams", **{TEAM: {}, OTHER: {}})
    assert world.run() == {"recovered": 1, "events": 1}
    assert _events(world) == [f"TeamDeleted teams/{TEAM}"]


ALL = _of_row(replace(GAP, resource="/teams/getAllChannels"))


def test_channels_are_compared_team_by_team() -> None:
    world = _world(ALL)
    _knows(world, f"teams/{TEAM}/channels", old={})
    world.lists = {
        TEAMS: [[{"id": OTHER}, {"id": TEAM}]],
        f"{TEAMS}/{TEAM}/channels": [_listed(old={}, new={"createdDateTime": text(DURING)})],
        f"{TEAMS}/{OTHER}/channels": [_listed(older={"createdDateTime": text(BEFORE)})],
    }
    assert world.run() == {"recovered": 1, "events": 1}
    assert _events(world) == [f"ChannelCreated teams/{TEAM}/channels/new"]
    assert world.known.asked == [f"teams/{id_}/channels" for id_ in (TEAM, OTHER)]


ALL_CHATS = _of_row(replace(GAP, resource="/chats/getAllMembers"))
IN_CHATS = "/v1.0/users/{}/chats"


def _chat(*members: str) -> dict[str, Any]:
    return {"id": CHAT, "lastUpdatedDateTime": text(DURING), "members": [{"id": id_} for id_ in members]}


def test_chat_shared_by_several_users_is_compared_once() -> None:
    world = _world(ALL_CHATS)
    world.lists[USERS] = [[{"id": "a"}, {"id": "b"}]]
    world.lists |= {IN_CHATS.format(user): [[_chat("a", "b")]] for user in "ab"}
    assert world.run() == {"recovered": 1, "events": 2}
    assert len(world.known.notes) == 2
    assert world.known.asked == [f"chats/{CHAT}/members"]


def test_member_added_after_the_chat_was_listed_is_not_deleted() -> None:
    world = _world(ALL_CHATS)
    _knows(world, f"chats/{CHAT}/members", a={}, comes={}, goes={})
    world.lists |= {USERS: [[{"id": "a"}]], IN_CHATS.format("a"): [[_chat("a")]]}
    world.lists[f"/v1.0/chats/{quote(CHAT, safe='')}/members"] = [_listed(a={}, comes={})]
    assert world.run() == {"recovered": 1, "events": 1}
    assert _events(world) == [f"ConversationMemberDeleted chats/{CHAT}/members/goes"]


def test_chat_deleted_during_the_run_does_not_skip_the_others() -> None:
    world = _world(ALL_CHATS)
    world.lists[USERS] = [[{"id": "a"}]]
    gone = {"id": "19:gone@thread.v2", "lastUpdatedDateTime": text(DURING)}
    world.lists[IN_CHATS.format("a")] = [[gone, _chat("a")]]
    assert world.run() == {"recovered": 1, "events": 1}
    assert world.gap_of(ALL_CHATS).skipped == 0


CHATS = _of_row(replace(GAP, resource="/users/u/chats"))


@pytest.mark.parametrize(("topic", "expected"), [("Lunch", []), ("Dinner", [f"ChatUpdated chats/{CHAT}"])])
def test_chat_is_published_only_if_it_differs_from_its_snapshot(topic: str, expected: list[str]) -> None:
    world = _world(CHATS)
    lunch = {"topic": "Lunch", "lastUpdatedDateTime": text(DURING)}
    _knows(world, "chats", **{CHAT: lunch})
    chat = {"id": CHAT, "chatType": "group", "createdDateTime": text(BEFORE)} | lunch | {"topic": topic}
    world.lists[IN_CHATS.format("u")] = [[chat]]
    assert world.run()["recovered"] == 1
    assert _events(world) == expected
    assert world.known.list(TENANT, "chats")[CHAT].fingerprint == fingerprint_of("chats", chat)
    assert len(world.known.notes) == len(expected)


def test_new_and_changed_chat_gives_two_events_and_one_entry() -> None:
    world = _world(CHATS)
    times = {"chatType": "group", "createdDateTime": text(DURING), "lastUpdatedDateTime": text(LATER)}
    world.lists[IN_CHATS.format("u")] = [[{"id": f"19:{name}@thread.v2"} | times for name in "ab"]]
    assert world.run() == {"recovered": 1, "events": 4}
    assert len(world.known.notes) == 2


# --- The second comparison, after Graph's retry period


RECHECK_AFTER = timedelta(hours=4, minutes=5)


def _compared(*, known: Mapping[str, dict[str, Any]], listed: Mapping[str, dict[str, Any]]) -> CatchUpFixture:
    """Return a world in which a gap was compared, and late notifications arrived afterwards."""
    world = _world(GAP_OF_MEMBERS)
    world.lists[OF_TEAM] = [_listed(**listed)]
    assert world.run()["recovered"] == 1
    world.published.clear()
    for id_ in listed.keys() - known.keys():
        world.known.note(SnapshotEntry(tenant_id=TENANT, subject=f"{MEMBERS}/{id_}", exists=False))
    _knows(world, MEMBERS, **known)
    return world


def test_late_addition_of_a_deleted_member_is_corrected() -> None:
    world = _compared(known={"came": {}}, listed={})
    world.clock.pass_by(RECHECK_AFTER - SECOND)
    assert world.run() == {}
    world.clock.pass_by(SECOND)
    assert world.run() == {"compared again": 1, "events": 1}
    assert _events(world) == [f"ConversationMemberDeleted {MEMBERS}/came"]
    assert (world.gap_of(GAP_OF_MEMBERS).state, world.gap_of(GAP_OF_MEMBERS).recovered) == (GapState.RECOVERED, 1)
    assert world.run() == {}


def test_late_deletion_of_a_present_member_is_corrected() -> None:
    world = _compared(known={}, listed={"back": OWNER})
    world.clock.pass_by(RECHECK_AFTER)
    assert world.run() == {"compared again": 1, "events": 1}
    assert _events(world) == [f"ConversationMemberCreated {MEMBERS}/back"]


def test_second_deletion_has_another_event_id() -> None:
    """The second look at one gap may come before the first look at the next."""
    world = _world(GAP_OF_MEMBERS)
    _knows(world, MEMBERS, comes_and_goes=OWNER)
    world.lists[OF_TEAM] = [[]]
    for gone in (1, 2):
        world.run()
        assert len({event.id for event in world.published}) == gone
        came = SnapshotEntry(tenant_id=TENANT, subject=f"{MEMBERS}/comes_and_goes", recorded_at=world.clock.now())
        world.known.note(came)
        world.clock.pass_by(RECHECK_AFTER)
    assert _events(world) == [f"ConversationMemberDeleted {MEMBERS}/comes_and_goes"] * 2


def test_found_change_has_the_id_of_what_it_differs_from() -> None:
    """A member who goes, comes back and goes again within one gap is found twice, and published twice."""

    def ids(recorded_at: datetime) -> dict[str, str]:
        world = _world(GAP_OF_MEMBERS)
        for id_ in ("back", "goes", "rises"):
            known = SnapshotEntry(
                tenant_id=TENANT,
                subject=f"{MEMBERS}/{id_}",
                fingerprint=fingerprint_of(MEMBERS, {}),
                recorded_at=recorded_at,
            )
            world.known.note(replace(known, exists=id_ != "back"))
        world.lists[OF_TEAM] = [_listed(back={}, new={}, rises=OWNER)]
        world.run()
        assert world.known.there(TENANT, MEMBERS) == {"back", "new", "rises"}
        return {event.subject.rpartition("/")[2]: event.id for event in world.published}

    first, again, later = ids(BEFORE), ids(BEFORE), ids(BEFORE + SECOND)
    assert first == again
    assert {id_ for id_ in first if first[id_] == later[id_]} == {"new"}


def test_recheck_waits_for_parked_posts_from_before_the_gap() -> None:
    world = _compared(known={"came": {}}, listed={})
    world.clock.pass_by(RECHECK_AFTER)
    world.parked = [world.clock.now() - SECOND]
    assert world.run() == {"put off": 1}
    assert world.published == []
    world.clock.pass_by(timedelta(hours=1))
    world.parked = [world.clock.now()]
    assert world.run() == {"compared again": 1, "events": 1}


def test_refused_recheck_leaves_the_gap_recovered() -> None:
    world = _compared(known={}, listed={})
    world.clock.pass_by(RECHECK_AFTER)
    world.lists[OF_TEAM] = [Unavailable("Graph answered 503"), []]
    assert world.run() == {"put off": 1}
    world.lists[OF_TEAM] = [Misconfigured("Graph answered 403")]
    world.clock.pass_by(timedelta(hours=1))
    assert world.run() == {"compared again": 1}
    assert (world.gap_of(GAP_OF_MEMBERS).state, world.published) == (GapState.RECOVERED, [])
    assert world.run() == {}


def test_recheck_of_a_whole_tenant_restarts_and_resumes() -> None:
    world = _world(ALL)
    world.lists = {TEAMS: [[{"id": OTHER}, {"id": TEAM}]]}
    world.lists |= {f"{TEAMS}/{id_}/channels": [[]] for id_ in (TEAM, OTHER)}
    assert world.run() == {"recovered": 1}
    for id_ in (TEAM, OTHER):
        _knows(world, f"teams/{id_}/channels", late={})
    world.clock.pass_by(RECHECK_AFTER)
    world.took = SECOND
    assert world.run(time=1.5 * SECOND) == {"to be continued": 1, "events": 1}
    assert world.run() == {"compared again": 1, "events": 1}
    assert _events(world) == [f"ChannelDeleted teams/{id_}/channels/late" for id_ in (TEAM, OTHER)]


def test_gap_of_messages_is_not_rechecked() -> None:
    world = CatchUpFixture(GAP)
    world.has("a")
    assert world.run() == {"recovered": 1}
    assert world.gap().recheck_at is None


# --- Baselines


def _subscribed(gap: Gap) -> CatchUpFixture:
    world = CatchUpFixture()
    world.tracking.save(_row(gap))
    return world


def test_new_subscription_gets_a_baseline_and_no_events() -> None:
    world = _subscribed(IN_TEAM)
    world.lists[OF_TEAM] = [_listed(a=OWNER, b={"createdDateTime": text(NOW)})]
    assert world.run() == {"noted": 1}
    assert (world.published, [known.id for known in world.known.notes]) == ([], ["a", "b"])
    [row] = world.gaps.rows.values()
    assert (row.is_baseline, row.state, row.since) == (True, GapState.BASELINED, row.until)
    asked = len(world.asked)
    world.gaps.before_saving = _raising(AssertionError("nothing is to be saved"))
    assert world.run() == {}
    assert len(world.asked) == asked


def test_baseline_removes_stale_entries() -> None:
    world = _subscribed(IN_TEAM)
    _knows(world, MEMBERS, stale={})
    world.lists[OF_TEAM] = [_listed(a=OWNER)]
    assert world.run() == {"noted": 1}
    assert world.known.there(TENANT, MEMBERS) == {"a"}
    assert world.published == []


@pytest.mark.parametrize(
    ("resource", "changes"),
    [
        ("/chats/getAllMessages", {}),
        ("/chats", {}),
        ("/communications/callRecords", {}),
        (f"/{MEMBERS}", {"delegated": True}),
        (f"/teams/{TEAM}/channels/getAllMembers?notifyOnIndirectMembershipUpdate=true", {}),
    ],
)
def test_resource_that_is_not_compared_has_no_baseline(resource: str, changes: dict[str, Any]) -> None:
    world = CatchUpFixture()
    wanted = replace(WANTED, resource=resource, **changes)
    world.tracking.save(replace(ROW, desired=wanted, etag=None))
    assert world.run() == {}
    assert world.asked == []


def test_subscription_not_yet_created_has_no_baseline() -> None:
    world = CatchUpFixture()
    world.tracking.save(replace(_row(IN_TEAM), applied=None))
    assert world.run() == {}


def test_gaps_come_before_baselines() -> None:
    begun = replace(_baseline(GAP_OF_MEMBERS), state=GapState.OPEN, ended_at=None)
    world = CatchUpFixture(begun, replace(GAP, since=NOW - MINUTE, until=NOW))
    world.has("a")
    world.tracking.save(_row(IN_TEAM))
    world.lists[OF_TEAM] = [[]]
    assert world.run() == {"recovered": 1, "noted": 1}
    assert world.asked[-1].startswith(OF_TEAM)


def test_interrupted_baseline_is_resumed() -> None:
    world = _subscribed(ALL)
    world.lists = {TEAMS: [[{"id": OTHER}, {"id": TEAM}]]}
    world.lists |= {f"{TEAMS}/{id_}/channels": [_listed(c={})] for id_ in (TEAM, OTHER)}
    world.took = SECOND
    assert world.run(time=1.5 * SECOND) == {"to be continued": 1}
    assert world.run() == {"noted": 1}
    assert [known.collection for known in world.known.notes] == [
        f"teams/{TEAM}/channels",
        f"teams/{OTHER}/channels",
    ]


def test_refused_baseline_is_logged_and_not_published(caplog: pytest.LogCaptureFixture) -> None:
    world = _subscribed(IN_TEAM)
    world.lists[OF_TEAM] = [Misconfigured("Graph answered 403")]
    assert world.run() == {"refused": 1}
    assert world.published == []
    assert "changes in a gap would be lost: Graph answered 403" in caplog.text
    world.lists[OF_TEAM] = [[]]
    world.clock.pass_by(10 * MINUTE)
    assert world.run() == {"noted": 1}


def test_gap_without_a_baseline_is_partly_recovered() -> None:
    world = CatchUpFixture(GAP_OF_MEMBERS)
    _knows(world, MEMBERS, goes={})
    world.lists[OF_TEAM] = [_listed(unknown={}, new={"createdDateTime": text(DURING)})]
    assert world.run() == {"unrecoverable": 1, "events": 2}
    *_, said = world.published
    assert _events(world)[:2] == [
        f"ConversationMemberCreated {MEMBERS}/new",
        f"ConversationMemberDeleted {MEMBERS}/goes",
    ]
    assert json.loads(said.data)["reason"] == "there was no complete snapshot to compare with"


@pytest.mark.parametrize("done", [timedelta(days=1), timedelta(days=400)])
def test_baseline_is_deleted_with_its_subscription(done: timedelta) -> None:
    world = CatchUpFixture(replace(_baseline(GAP_OF_MEMBERS), ended_at=NOW - done))
    world.tracking.save(_row(IN_TEAM))
    world.run()
    assert len(world.gaps.rows) == 1
    [row] = world.tracking.tracked()
    world.tracking.delete(row)
    world.run()
    assert world.gaps.rows == {}


def test_baseline_is_taken_by_one_of_two_concurrent_runs() -> None:
    world = _subscribed(IN_TEAM)
    world.lists[OF_TEAM] = [[]]

    def theirs() -> Iterator[None]:
        world.gaps.before_saving = lambda: None
        world.gaps.save(_baseline(GAP_OF_MEMBERS))
        yield

    world.gaps.before_saving = lambda: next(theirs())
    assert world.run() == {}
    assert world.asked == []
