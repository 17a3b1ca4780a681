"""What a preview of the next run shows of an account."""

from dataclasses import replace
from typing import Any

import pytest

from cli.reconcile_preview import Preview, check_document, is_empty, keys_in_use, warnings
from shared.errors import Unavailable
from shared.settings import ClientStateKey
from shared.subscriptions.tracked import Delete, MissedInterval
from tests.cli.subscription_rows import APPLIED, before, failure, row, untracked
from tests.sender import TENANT

CURRENT, PREVIOUS = ClientStateKey.from_text("c" * 32), ClientStateKey.from_text("p" * 32)
GAP = MissedInterval(since=before(hours=2), until=before(hours=1))


PREVIEW = Preview(tenant_id=TENANT, delegated=False)


@pytest.mark.parametrize(
    ("changes", "settled"),
    [
        ({}, True),
        ({"rows": [row(missed_interval=GAP)]}, True),
        ({"untracked": [untracked()]}, True),
        ({"rows": [row(failure=failure())]}, False),
        ({"problem": Unavailable("Graph answered 503")}, False),
        ({"actions": [Delete(tracked=row(), subscription=None)]}, False),
    ],
    ids=["nothing", "an ended gap", "an untracked subscription", "a failure", "an outage", "an action"],
)
def test_account_without_actions_and_failures_is_settled(changes: dict[str, Any], settled: bool) -> None:  # noqa: FBT001  a column of the table
    assert replace(PREVIEW, **changes).is_settled is settled
    assert check_document([replace(PREVIEW, **changes)])["settled"] is settled


@pytest.mark.parametrize(
    ("changes", "empty"),
    [
        ({"delegated": True}, True),
        ({}, False),
        ({"delegated": True, "rows": [row()]}, False),
        ({"delegated": True, "problem": Unavailable("x")}, False),
    ],
)
def test_user_without_subscriptions_and_problems_is_empty(changes: dict[str, Any], empty: bool) -> None:  # noqa: FBT001  a column of the table
    assert is_empty(replace(PREVIEW, **changes)) is empty


def test_warnings_show_failure_gap_and_untracked_url_without_query() -> None:
    foreign = untracked(notification_url="https://elsewhere.example/api?code=secret")
    preview = replace(PREVIEW, untracked=[foreign], rows=[row(failure=failure(), missed_interval=GAP)])
    failed, missed, found = warnings(preview)
    assert failed == "/teams (created): Graph answered 403: no"
    assert "from 2026-11-21T07:30:00Z until 2026-11-21T08:30:00Z" in missed
    assert found.startswith("untracked at Graph and not changed: untracked of /teams to https://elsewhere.example/")
    assert "secret" not in found + str(check_document([preview]))


def test_keys_and_certificates_in_use_are_counted() -> None:
    with_data = replace(APPLIED, include_resource_data=True, certificate_id="f" * 32)
    rows = [
        row(client_state_key_id=CURRENT.key_id),
        row(client_state_key_id=PREVIOUS.key_id, applied=with_data),
        row(client_state_key_id=None, applied=with_data),
        row(client_state_key_id=CURRENT.key_id, applied=None),
    ]
    keys, certificates = keys_in_use(replace(PREVIEW, rows=rows), [CURRENT, PREVIOUS], None)
    assert set(keys.removeprefix("client-state keys in use: ").split(", ")) == {
        f"{CURRENT.key_id} (CLIENT_STATE_KEY) by 1",
        f"{PREVIOUS.key_id} (CLIENT_STATE_KEY_PREVIOUS) by 1",
        "unknown by 1",
    }
    assert certificates == f"certificate versions in use: {'f' * 32} by 2"


@pytest.mark.parametrize(
    ("keys", "key_ids", "can_go"),
    [
        ([CURRENT, PREVIOUS], [CURRENT.key_id], True),
        ([CURRENT, PREVIOUS], [CURRENT.key_id, PREVIOUS.key_id], False),
        ([CURRENT, PREVIOUS], [CURRENT.key_id, None], False),
        ([CURRENT, PREVIOUS], [], False),
        ([CURRENT], [CURRENT.key_id], False),
    ],
    ids=["unused", "in use", "perhaps in use", "no subscriptions", "no previous key"],
)
def test_previous_key_can_go_once_no_subscription_uses_it(
    keys: list[ClientStateKey],
    key_ids: list[str | None],
    can_go: bool,  # noqa: FBT001  a column of the table
) -> None:
    rows = [row(client_state_key_id=key_id) for key_id in key_ids]
    lines = " ".join(keys_in_use(replace(PREVIEW, rows=rows), keys, None))
    assert ("CLIENT_STATE_KEY_PREVIOUS can go" in lines) is can_go
