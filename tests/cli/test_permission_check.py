"""The permissions that are needed, compared with those that a token grants."""

import base64
import json
from dataclasses import replace
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.permission_check import (
    GrantState,
    Need,
    PermissionCheck,
    cells,
    least_privileged,
    needs,
    permissions_document,
    warnings,
)
from shared.errors import Misconfigured, Unavailable
from shared.identity.access_tokens import permissions_in
from tests.cli.subscription_rows import desired
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
ALL_MESSAGES = Need(path="/chats/getAllMessages", permissions=("Chat.Read.All",))


CHECK = PermissionCheck(tenant_id=TENANT, delegated=False, needs=(CHATS,))


def test_resources_of_one_path_are_one_need() -> None:
    wanted = [desired(ONE), desired("/chats"), desired(OTHER), desired(ONE, delegated=True)]
    found = needs(wanted, delegated=False)
    assert [need.path for need in found] == ["/chats/{chat-id}/messages", "/chats"]
    assert found[0] == MESSAGES


def test_user_needs_delegated_permissions_without_resource_consent() -> None:
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
def test_need_is_granted_by_any_of_its_permissions(permission: str, need: Need, state: GrantState) -> None:
    check = replace(CHECK, needs=(need,), permissions=frozenset({permission}))
    assert check.state(need) == state
    assert list(check.lacking) == ([need] if state is GrantState.LACKING else [])


def test_need_without_a_token_has_an_unknown_state() -> None:
    check = replace(CHECK, problem=Unavailable("Entra ID does not answer"))
    assert (check.state(CHATS), check.lacking) == (GrantState.UNKNOWN, [])
    assert list(warnings(check)) == ["no token: Entra ID does not answer"]


def test_least_privileged_permission_is_chosen_once_for_several_needs() -> None:
    assert least_privileged([CHATS, TEAMS, ALL_MESSAGES]) == ["Chat.Read.All", "Team.ReadBasic.All"]
    assert least_privileged([CHATS]) == ["Chat.ReadBasic.All"]
    assert least_privileged([]) == []


@pytest.mark.parametrize(("delegated", "kind"), [(False, "application"), (True, "delegated")])
def test_warnings_name_the_permissions_to_grant(delegated: bool, kind: str) -> None:  # noqa: FBT001  a column of the table
    check = replace(CHECK, needs=(CHATS, MESSAGES), delegated=delegated)
    to_grant, *also, consent = warnings(check)
    # Catching up is the app's business, whoever watches.
    assert [sentence.split()[1] for sentence in also] == ([] if delegated else ["User.Read.All"])
    assert to_grant == f"grant the {kind} permissions, with admin consent: Chat.ReadBasic.All"
    assert "which a token does not show" in consent
    assert [row[1] for row in cells(check)] == ["lacking", "consent?", *(["lacking"] if not delegated else [])]
    assert permissions_document([check])["accounts"][0]["toGrant"] == ["Chat.ReadBasic.All"]


@pytest.mark.parametrize(
    ("claims", "found"),
    [
        ({"roles": ["Chat.Read.All", "User.Read.All"]}, {"Chat.Read.All", "User.Read.All"}),
        ({"scp": "Chat.Read Presence.Read.All"}, {"Chat.Read", "Presence.Read.All"}),
        ({}, set()),
        ({"roles": None, "scp": None}, set()),
    ],
)
def test_permissions_are_read_from_roles_and_scopes(claims: dict[str, Any], found: set[str]) -> None:
    assert permissions_in(jwt.encode(claims, "k" * 32)) == found


def _token(payload: bytes) -> str:
    return f"e30.{base64.urlsafe_b64encode(payload).decode().rstrip('=')}."


@pytest.mark.parametrize(
    "token",
    ["", "opaque", "a.b", "a.é.c", *map(_token, (b"\xff", b"{", b"[]", b"null", b'{"roles": 1}', b"[" * 100_000))],
)
def test_unreadable_token_is_misconfigured(token: str) -> None:
    with pytest.raises(Misconfigured, match="cannot be read"):
        permissions_in(token)


@pytest.mark.slow
@given(st.one_of(st.text(), st.binary().map(_token), st.recursive(st.none() | st.text(), st.lists).map(json.dumps)))
def test_any_token_is_read_or_misconfigured(token: str) -> None:
    try:
        permissions_in(token)
    except Misconfigured:
        return
