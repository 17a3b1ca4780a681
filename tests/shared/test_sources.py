"""What is read to fill a gap.

Source: https://learn.microsoft.com/graph/api/chats-getallmessages
"""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import unquote

import pytest

from shared.catalogue_rest import CATALOGUE
from shared.recovery import Recovery
from shared.sources import Each, Source, sources_of, unrecoverable
from tests.sender import CHAT
from tests.shared.gap_values import GAP

SECOND = timedelta(seconds=1)
SINCE_TEXT = "2026-11-21T07:25:00Z"
TEAM = "3fa85f64-5717-4562-b3fc-2c963f66afa6"
READABLE = {
    "/chats/{chat-id}/messages",
    "/chats/getAllMessages",
    "/teams/getAllMessages",
    "/teams/{team-id}/channels/{channel-id}/messages",
    "/users/{user-id}/chats/getAllMessages",
}


def _gap(resource: str, **changes: Any) -> Recovery:
    return replace(GAP, resource=resource, **changes)


def _only(resource: str) -> Source:
    source = sources_of(_gap(resource))
    assert isinstance(source, Source)
    return source


def _each(resource: str) -> Each:
    each = sources_of(_gap(resource))
    assert isinstance(each, Each)
    return each


def _readable(source: Source) -> str:
    return unquote(source.path)


def test_a_chat_is_read_in_the_order_without_which_graph_ignores_the_filter() -> None:
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
    assert unquote(source.instead or "") == f"{messages}?$top=50&$expand=replies"


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
    assert sources.listed == listed
    assert _readable(sources.of("x")) == f"{window}?$top=50&$filter=lastModifiedDateTime gt {SINCE_TEXT}"


@pytest.mark.parametrize("id_", ["a/b", "../me", "a?b", "a#b", "a b", "%2e%2e"])
def test_no_id_leads_out_of_its_place(id_: str) -> None:
    sources = _each("/chats/getAllMessages")
    path = sources.of(id_).path.partition("?")[0]
    assert path.count("/") == "/v1.0/users/x/chats/getAllMessages".count("/")
    assert unquote(path.split("/")[3]) == id_


@pytest.mark.parametrize("row", CATALOGUE, ids=lambda row: row.path)
def test_of_every_path_it_is_known_whether_a_gap_can_be_filled(row: Any) -> None:
    resource = row.path.replace("{team-id}", TEAM).replace("{chat-id}", CHAT)
    resource = resource.replace("{channel-id}", "19:c@thread.tacv2").replace("{user-id}", "u")
    reason = unrecoverable(_gap(resource))
    assert (reason is None) == (row.path in READABLE)
    if reason is None:
        assert isinstance(sources_of(_gap(resource)), Source | Each)


@pytest.mark.parametrize(
    ("resource", "changes", "reason"),
    [
        ("/chats/getAllMessages", {"delegated": True}, "in the name of a user"),
        (f"/chats/{CHAT}/messages?$search=hello", {}, "query"),
        (f"/chats/{CHAT}/messages?$filter=mentions/any(u: u/mentioned/user/id eq 'x')", {}, "query"),
        ("/nowhere", {}, "no way"),
    ],
)
def test_what_cannot_be_read_is_told_why(resource: str, changes: dict[str, Any], reason: str) -> None:
    assert reason in (unrecoverable(_gap(resource, **changes)) or "")


def test_the_former_model_means_nothing() -> None:
    assert unrecoverable(_gap("/chats/getAllMessages?model=B")) is None
    assert _each("/chats/getAllMessages?model=B").listed
