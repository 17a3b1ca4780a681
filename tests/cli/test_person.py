"""Whether a text names a person, also in the ids that Teams makes of theirs."""

import pytest

from cli.person import names
from sandbox.teams.ids import member
from tests.sender import TENANT

USER, OTHER = "8e460676-ae3f-4b1e-8790-ee0fb5d6148f", "5fd7f1a0-4b0c-4b0e-9ed4-7ad6d7d3a5c1"


def _member(user_id: str, kind: str = "1") -> str:
    return member("0", kind, TENANT, OTHER, user_id)


@pytest.mark.parametrize(
    "text",
    [
        f'{{"from": {{"user": {{"id": "{USER}"}}}}}}',
        f"users('{USER.upper()}')/chats",
        f"chats/19:{OTHER}_{USER}@unq.gbl.spaces",
        f"teams/{OTHER}/members/{_member(USER)}",
        f"teams('{OTHER}')/members('{_member(USER, '10')}')",
        f"chats/19:x@thread.v2/members/{_member(USER, '100').replace('=', '%3D')}",
    ],
)
def test_person_is_found_by_the_id_of_the_account(text: str) -> None:
    assert names(text, USER)
    assert not names(text, "00000000-0000-0000-0000-00000000dead")


@pytest.mark.parametrize("text", ["", f"teams/{OTHER}/members/{_member(OTHER)}", "x" * 1001, USER[:-1]])
def test_text_about_others_names_nobody_else(text: str) -> None:
    assert not names(text, USER)
