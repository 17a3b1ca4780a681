"""What is amiss in an account, told from values."""

from typing import Any

import pytest

from cli.checking import Preview, document, is_empty, keys_in_use, warnings
from shared.errors import Unavailable
from shared.settings import ClientStateKey
from shared.subscriptions.tracked import Delete, MissedInterval
from tests.cli.rows import back, failure, observed, row, subscription
from tests.sender import TENANT

CURRENT, PREVIOUS = ClientStateKey.from_text("c" * 32), ClientStateKey.from_text("p" * 32)
GAP = MissedInterval(since=back(hours=2), until=back(hours=1))


def _checked(**changes: Any) -> Preview:
    values: dict[str, Any] = {"tenant_id": TENANT, "delegated": False}
    return Preview(**(values | changes))


@pytest.mark.parametrize(
    ("changes", "settled"),
    [
        ({}, True),
        ({"rows": [row(missed_interval=GAP)]}, True),
        ({"untracked": [subscription("other")]}, True),
        ({"rows": [row(failure=failure())]}, False),
        ({"problem": Unavailable("Graph answered 503")}, False),
        ({"actions": [Delete(tracked=row(), subscription=None)]}, False),
    ],
    ids=["nothing", "an ended gap", "a stranger", "a failure", "an outage", "something to do"],
)
def test_settled_is_nothing_to_do_and_nothing_amiss(changes: dict[str, Any], settled: bool) -> None:  # noqa: FBT001  a column of the table
    assert _checked(**changes).is_settled is settled
    assert document([_checked(**changes)])["settled"] is settled


@pytest.mark.parametrize(
    ("changes", "empty"),
    [
        ({"delegated": True}, True),
        ({}, False),
        ({"delegated": True, "rows": [row()]}, False),
        ({"delegated": True, "problem": Unavailable("x")}, False),
    ],
)
def test_a_user_whom_nobody_asks_for_is_left_out(changes: dict[str, Any], empty: bool) -> None:  # noqa: FBT001  a column of the table
    assert is_empty(_checked(**changes)) is empty


def test_a_strangers_url_is_told_without_its_query() -> None:
    stranger = subscription("other", notification_url="https://elsewhere.example/api?code=secret")
    checked = _checked(untracked=[stranger], rows=[row(failure=failure(), missed_interval=GAP)])
    told = list(warnings(checked))
    assert told[2].startswith("untracked at Graph and not changed: other of /teams to https://elsewhere.example/")
    assert "secret" not in str(told) + str(document([checked]))
    assert told[0] == "/teams (created): Graph answered 403: no"
    assert "from 2026-11-21T10:00:00Z until 2026-11-21T11:00:00Z" in told[1]


def test_keys_and_certificates_in_use_are_counted() -> None:
    rich = observed(include_resource_data=True, certificate_id="f" * 32)
    rows = [
        row(client_state_key_id=CURRENT.key_id),
        row(client_state_key_id=PREVIOUS.key_id, applied=rich),
        row(client_state_key_id=None, applied=rich),
        row(client_state_key_id=CURRENT.key_id, applied=None),
    ]
    assert sorted(keys_in_use(_checked(rows=rows), [CURRENT, PREVIOUS], None)) == [
        f"certificate versions in use: {'f' * 32} by 2",
        "client-state keys in use: " + ", ".join(sorted(_key_lines())),
    ]


def _key_lines() -> list[str]:
    return [
        f"{CURRENT.key_id} (CLIENT_STATE_KEY) by 1",
        f"{PREVIOUS.key_id} (CLIENT_STATE_KEY_PREVIOUS) by 1",
        "unknown by 1",
    ]


@pytest.mark.parametrize(
    ("key_ids", "can_go"),
    [
        ([CURRENT.key_id], True),
        ([CURRENT.key_id, PREVIOUS.key_id], False),
        ([CURRENT.key_id, None], False),
        ([], False),
    ],
    ids=["nobody uses it", "somebody does", "somebody may", "nothing is known"],
)
def test_the_previous_key_can_go_when_nobody_uses_it(key_ids: list[str | None], can_go: bool) -> None:  # noqa: FBT001  a column of the table
    rows = [row(client_state_key_id=key_id) for key_id in key_ids]
    told = " ".join(keys_in_use(_checked(rows=rows), [CURRENT, PREVIOUS], None))
    assert ("CLIENT_STATE_KEY_PREVIOUS can go" in told) is can_go


def test_without_a_previous_key_there_is_nothing_that_can_go() -> None:
    assert "can go" not in " ".join(
        keys_in_use(_checked(rows=[row(client_state_key_id=CURRENT.key_id)]), [CURRENT], None)
    )
