"""What is read to fill a gap.

Source: https://learn.microsoft.com/graph/api/chats-getallmessages
"""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import unquote

import pytest

from shared.gaps.gap import Gap, GapCause
from shared.gaps.graph_queries import (
    ForEachQuery,
    Query,
    SnapshotQuery,
    TimeWindowQuery,
    needs_snapshot,
    query_for,
    why_unrecoverable,
)
from shared.resources.catalogue import CATALOGUE
from tests.fakes.gap_values import GAP
from tests.sender import CHAT

SECOND = timedelta(seconds=1)
SINCE_TEXT = "2026-11-21T07:25:00Z"
TEAM = "3fa85f64-5717-4562-b3fc-2c963f66afa6"
COMPARED = {
    "/chats/getAllMembers",
    "/chats/{chat-id}/members",
    "/teams",
    "/teams/getAllChannels",
    "/teams/getAllChannels/getAllMembers",
    "/teams/getAllMembers",
    "/teams/{team-id}",
    "/teams/{team-id}/channels",
    "/teams/{team-id}/channels/getAllMembers",
    "/teams/{team-id}/members",
}
ONE_LIST = {path for path in COMPARED if "getAll" not in path}
READABLE = COMPARED | {
    "/chats",
    "/chats/{chat-id}",
    "/users/{user-id}/chats",
    "/chats/{chat-id}/messages",
    "/chats/getAllMessages",
    "/teams/getAllMessages",
    "/teams/{team-id}/channels/{channel-id}/messages",
    "/users/{user-id}/chats/getAllMessages",
}


def _gap(resource: str, **changes: Any) -> Gap:
    return replace(GAP, resource=resource, **changes)


def _only(resource: str) -> TimeWindowQuery:
    source = query_for(_gap(resource))
    assert isinstance(source, TimeWindowQuery)
    return source


def _each(resource: str) -> ForEachQuery:
    each = query_for(_gap(resource))
    assert isinstance(each, ForEachQuery)
    return each


def _readable(source: Query | None) -> str:
    assert isinstance(source, TimeWindowQuery | SnapshotQuery)
    return unquote(source.path)


def test_chat_query_has_the_order_that_its_filter_requires() -> None:
    source = _only(f"/chats/{CHAT}/messages")
    assert source.spacing == SECOND
    assert _readable(source) == (
        f"/v1.0/chats/{CHAT}/messages?$top=50&$orderby=lastModifiedDateTime desc"
        f"&$filter=lastModifiedDateTime gt {SINCE_TEXT}"
    )
    assert " " not in source.path


def test_a_channel_is_asked_for_its_changes_else_for_its_list() -> None:
    source = _only(f"/teams/{TEAM}/channels/19:c@thread.tacv2/messages")
    messages = f"/v1.0/teams/{TEAM}/channels/19:c@thread.tacv2/messages"
    assert _readable(source) == f"{messages}/delta?$top=50&$expand=replies&$filter=lastModifiedDateTime gt {SINCE_TEXT}"
    assert unquote(source.fallback_path or "") == f"{messages}?$top=50&$expand=replies"


def test_a_user_is_read_by_a_window() -> None:
    expected = f"/v1.0/users/u/chats/getAllMessages?$top=50&$filter=lastModifiedDateTime gt {SINCE_TEXT}"
    assert _readable(_only("/users/u/chats/getAllMessages")) == expected


@pytest.mark.parametrize(
    ("resource", "listed", "window"),
    [
        ("/chats/getAllMessages", "/v1.0/users?$select=id&$top=999", "/v1.0/users/x/chats/getAllMessages"),
        ("/teams/getAllMessages", "/v1.0/teams?$select=id&$top=999", "/v1.0/teams/x/channels/getAllMessages"),
    ],
)
def test_a_tenant_is_read_user_by_user_or_team_by_team(resource: str, listed: str, window: str) -> None:
    sources = _each(resource)
    assert sources.list_path == listed
    assert _readable(sources.query_for({"id": "x"})) == f"{window}?$top=50&$filter=lastModifiedDateTime gt {SINCE_TEXT}"


@pytest.mark.parametrize("id_", ["a/b", "../me", "a?b", "a#b", "a b", "%2e%2e"])
def test_no_id_leads_out_of_its_place(id_: str) -> None:
    sources = _each("/chats/getAllMessages")
    source = sources.query_for({"id": id_})
    assert isinstance(source, TimeWindowQuery)
    path = source.path.partition("?")[0]
    assert path.count("/") == "/v1.0/users/x/chats/getAllMessages".count("/")
    assert unquote(path.split("/")[3]) == id_


@pytest.mark.parametrize("row", CATALOGUE, ids=lambda row: row.path)
def test_of_every_path_it_is_known_whether_a_gap_can_be_filled(row: Any) -> None:
    resource = row.path.replace("{team-id}", TEAM).replace("{chat-id}", CHAT)
    resource = resource.replace("{channel-id}", "19:c@thread.tacv2").replace("{user-id}", "u")
    reason = why_unrecoverable(_gap(resource))
    assert (reason is None) == (row.path in READABLE)
    assert needs_snapshot(_gap(resource)) == (row.path in COMPARED)
    if reason is None:
        assert isinstance(
            query_for(_gap(resource)), SnapshotQuery if row.path in ONE_LIST else TimeWindowQuery | ForEachQuery
        )


@pytest.mark.parametrize(
    ("resource", "changes", "reason"),
    [
        ("/chats/getAllMessages", {"delegated": True}, "as a signed-in user"),
        (f"/chats/{CHAT}/messages?$search=hello", {}, "query"),
        (f"/chats/{CHAT}/messages?$filter=mentions/any(u: u/mentioned/user/id eq 'x')", {}, "query"),
        ("/nowhere", {}, "no list of past changes"),
    ],
)
def test_unreadable_resource_has_a_reason(resource: str, changes: dict[str, Any], reason: str) -> None:
    assert reason in (why_unrecoverable(_gap(resource, **changes)) or "")


def test_the_former_model_means_nothing() -> None:
    assert why_unrecoverable(_gap("/chats/getAllMessages?model=B")) is None
    assert _each("/chats/getAllMessages?model=B").list_path


@pytest.mark.parametrize(
    ("resource", "path", "place"),
    [
        ("/teams", "/v1.0/teams?$top=999", ("teams",)),
        (f"/teams/{TEAM}", f"/v1.0/teams/{TEAM}", ("teams",)),
        (f"/teams/{TEAM}/channels", f"/v1.0/teams/{TEAM}/channels", ("teams", TEAM, "channels")),
        (f"/teams('{TEAM}')/members", f"/v1.0/teams/{TEAM}/members", ("teams", TEAM, "members")),
        (f"/chats/{CHAT}/members", f"/v1.0/chats/{CHAT}/members", ("chats", CHAT, "members")),
    ],
)
def test_what_has_no_times_is_listed_in_full(resource: str, path: str, place: tuple[str, ...]) -> None:
    collection = query_for(_gap(resource))
    assert isinstance(collection, SnapshotQuery)
    assert (_readable(collection), collection.path_parts, collection.items) == (path, place, None)
    assert collection.single_id == (TEAM if resource == f"/teams/{TEAM}" else None)


@pytest.mark.parametrize(
    ("resource", "listed", "path"),
    [
        ("/teams/getAllChannels", "/v1.0/teams?$select=id&$top=999", "/v1.0/teams/x/channels"),
        ("/teams/getAllMembers", "/v1.0/teams?$select=id&$top=999", "/v1.0/teams/x/members"),
        ("/chats", "/v1.0/users?$select=id&$top=999", "/v1.0/users/x/chats?$top=50"),
    ],
)
def test_of_a_tenant_each_list_is_read(resource: str, listed: str, path: str) -> None:
    each = _each(resource)
    assert (each.list_path, _readable(each.query_for({"id": "x"}))) == (listed, path)


def test_only_channels_with_members_of_their_own_are_asked_for_them() -> None:
    each = _each(f"/teams/{TEAM}/channels/getAllMembers")
    assert each.list_path == f"/v1.0/teams/{TEAM}/channels"
    for kind in ("private", "shared"):
        path = _readable(each.query_for({"id": "19:c@thread.tacv2", "membershipType": kind}))
        assert path == f"/v1.0/teams/{TEAM}/channels/19:c@thread.tacv2/members"
    assert each.query_for({"id": "19:c@thread.tacv2", "membershipType": "standard"}) is None
    assert each.query_for({"id": "19:c@thread.tacv2"}) is None


def _members(count: int) -> list[dict[str, str]]:
    return [{"id": str(number)} for number in range(count)]


def _chats_of_x(gap: Gap) -> ForEachQuery:
    users = query_for(gap)
    assert isinstance(users, ForEachQuery)
    chats = users.query_for({"id": "x"})
    assert isinstance(chats, ForEachQuery)
    assert chats.list_path == "/v1.0/users/x/chats?$top=50&$expand=members"
    return chats


@pytest.mark.parametrize(
    ("members", "listed"),
    [(_members(24), 24), (_members(25), None), (None, None), ([1, {"id": "a"}], 1)],
    ids=["all of them", "perhaps more", "none", "junk"],
)
def test_members_are_queried_if_the_chat_lists_only_some(members: Any, listed: Any) -> None:
    """ "... the response returns a maximum of 25 member items, even if a larger $top value is specified"."""
    collection = _chats_of_x(_gap("/chats/getAllMembers")).query_for({"id": CHAT, "members": members})
    assert isinstance(collection, SnapshotQuery)
    assert collection.path_parts == ("chats", CHAT, "members")
    assert (collection.items and len(collection.items)) == listed


@pytest.mark.parametrize(
    ("updated", "is_read", "is_read_for_baseline"),
    [
        ("2026-11-21T07:24:59Z", False, True),
        ("2026-11-21T07:25:01Z", True, True),
        ("2026-11-21T12:54:59+05:30", False, True),
        ("yesterday", True, True),
        (None, True, True),
    ],
)
def test_a_chat_that_has_not_changed_since_the_gap_began_is_left_alone(
    updated: Any,
    is_read: bool,  # noqa: FBT001  a parameter of the test
    is_read_for_baseline: bool,  # noqa: FBT001  a parameter of the test
) -> None:
    gap, chat = _gap("/chats/getAllMembers"), {"id": CHAT, "lastUpdatedDateTime": updated, "members": []}
    assert (_chats_of_x(gap).query_for(chat) is not None) == is_read
    assert (_chats_of_x(replace(gap, cause=GapCause.BASELINE)).query_for(chat) is not None) == is_read_for_baseline
