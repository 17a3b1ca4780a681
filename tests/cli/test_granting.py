"""What is needed and what a token grants, compared."""

import base64
import json
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.granting import (
    GrantState,
    Need,
    PermissionCheck,
    cells,
    document,
    least_privileged,
    needs,
    permissions_in,
    warnings,
)
from shared.errors import Misconfigured, Unavailable
from tests.cli.rows import desired
from tests.sender import TENANT

ONE, OTHER = "/chats/19:a@thread.v2/messages", "/chats/19:b@thread.v2/messages"
MESSAGES = Need(
    path="/chats/{chat-id}/messages",
    resources=(ONE, OTHER),
    permissions=("Chat.Read.All",),
    resource_specific=("ChatMessage.Read.Chat",),
)
CHATS = Need(path="/chats", resources=("/chats",), permissions=("Chat.ReadBasic.All", "Chat.Read.All"))
TEAMS = Need(path="/teams", resources=("/teams",), permissions=("Team.ReadBasic.All", "TeamSettings.Read.All"))
ALL_MESSAGES = Need(path="/chats/getAllMessages", resources=(), permissions=("Chat.Read.All",))


def _granted(*permissions: str, needs: tuple[Need, ...], **changes: Any) -> PermissionCheck:
    values: dict[str, Any] = {
        "tenant_id": TENANT,
        "delegated": False,
        "needs": needs,
        "permissions": frozenset(permissions),
    }
    return PermissionCheck(**(values | changes))


def test_resources_of_one_path_are_one_need() -> None:
    wanted = [desired(ONE), desired("/chats"), desired(OTHER), desired(ONE, delegated=True)]
    found = needs(wanted, delegated=False)
    assert [need.path for need in found] == ["/chats/{chat-id}/messages", "/chats"]
    assert found[0] == MESSAGES


def test_a_user_needs_delegated_permissions_and_no_consent_of_the_resource() -> None:
    [need] = needs([desired(ONE), desired(ONE, delegated=True)], delegated=True)
    assert (need.permissions[0], need.resource_specific) == ("Chat.Read", ())


@pytest.mark.parametrize(
    ("permission", "need", "state"),
    [
        ("Chat.Read.All", CHATS, GrantState.GRANTED),
        ("Chat.Read.All", MESSAGES, GrantState.GRANTED),
        ("User.Read.All", MESSAGES, GrantState.RESOURCE_SPECIFIC),
        ("User.Read.All", CHATS, GrantState.LACKING),
    ],
)
def test_any_permission_of_a_need_is_enough(permission: str, need: Need, state: GrantState) -> None:
    granted = _granted(permission, needs=(need,))
    assert granted.state(need) == state
    assert list(granted.lacking) == ([need] if state is GrantState.LACKING else [])


def test_without_a_token_nothing_is_claimed() -> None:
    granted = _granted(needs=(CHATS,), problem=Unavailable("Entra ID does not answer"))
    assert (granted.state(CHATS), granted.lacking) == (GrantState.UNKNOWN, [])
    assert list(warnings(granted)) == ["no token: Entra ID does not answer"]


def test_one_permission_serves_all_that_it_grants() -> None:
    assert least_privileged([CHATS, TEAMS, ALL_MESSAGES]) == ["Chat.Read.All", "Team.ReadBasic.All"]
    assert least_privileged([CHATS]) == ["Chat.ReadBasic.All"]
    assert least_privileged([]) == []


@pytest.mark.parametrize(("delegated", "kind"), [(False, "application"), (True, "delegated")])
def test_what_to_grant_is_told(delegated: bool, kind: str) -> None:  # noqa: FBT001  a column of the table
    granted = _granted(needs=(CHATS, MESSAGES), delegated=delegated)
    told = list(warnings(granted))
    assert told[0] == f"grant the {kind} permissions, with admin consent: Chat.ReadBasic.All"
    assert "which a token does not show" in told[1]
    assert [row[1] for row in cells(granted)] == ["lacking", "consent?"]
    assert document([granted])["accounts"][0]["toGrant"] == ["Chat.ReadBasic.All"]


@pytest.mark.parametrize(
    ("claims", "found"),
    [
        ({"roles": ["Chat.Read.All", "User.Read.All"]}, {"Chat.Read.All", "User.Read.All"}),
        ({"scp": "Chat.Read Presence.Read.All"}, {"Chat.Read", "Presence.Read.All"}),
        ({}, set()),
        ({"roles": None, "scp": None}, set()),
    ],
)
def test_a_tokens_permissions_are_read(claims: dict[str, Any], found: set[str]) -> None:
    assert permissions_in(jwt.encode(claims, "k" * 32)) == found


def _token(payload: bytes) -> str:
    return f"e30.{base64.urlsafe_b64encode(payload).decode().rstrip('=')}."


@pytest.mark.parametrize(
    "token",
    [
        "",
        "opaque",
        "a.b",
        "a.é.c",
        _token(b"\xff"),
        _token(b"{"),
        _token(b"[]"),
        _token(b"null"),
        _token(b'{"roles": 1}'),
        _token(b"[" * 100_000),
    ],
)
def test_a_token_that_cannot_be_read_is_told(token: str) -> None:
    with pytest.raises(Misconfigured, match="cannot be read"):
        permissions_in(token)


@pytest.mark.slow
@given(st.one_of(st.text(), st.binary().map(_token), st.recursive(st.none() | st.text(), st.lists).map(json.dumps)))
def test_whatever_the_token_nothing_else_is_raised(token: str) -> None:
    try:
        permissions_in(token)
    except Misconfigured:
        return
