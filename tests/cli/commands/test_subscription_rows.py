"""How ``subscriptions add`` and ``remove`` change rows of the table."""

import pytest

from cli.commands.subscriptions import row_to_add
from cli.subscription_rows import is_from_file, matching_rows, row_to_remove
from shared.subscriptions.tracked import TrackedSubscription
from tests.cli.subscription_rows import desired, failure, row

FILE, CLI = row(), row(desired=desired("/chats", "created,updated"), added_by="cli")
UNWANTED = row(desired=desired("/teams/getAllChannels"), is_wanted=False)


@pytest.mark.parametrize(("tracked", "from_file"), [(None, False), (FILE, True), (CLI, False), (UNWANTED, False)])
def test_wanted_row_of_subscriptions_json_is_from_the_file(
    tracked: TrackedSubscription | None,
    from_file: bool,  # noqa: FBT001  a column of the table
) -> None:
    assert is_from_file(tracked) is from_file


def test_new_row_is_added_by_the_command_line() -> None:
    assert row_to_add(None, desired()) == TrackedSubscription(desired=desired(), added_by="cli")


def test_unwanted_row_added_again_retains_its_subscription() -> None:
    added = row_to_add(row(is_wanted=False, failure=failure(), etag="e"), desired(include_resource_data=True))
    assert added == row(desired=desired(include_resource_data=True), added_by="cli", etag="e")


def test_removed_row_has_no_backoff() -> None:
    assert row_to_remove(row(added_by="cli", failure=failure())) == row(added_by="cli", is_wanted=False)


@pytest.mark.parametrize(
    ("resource", "changes", "found"),
    [
        ("/chats", "", [CLI]),
        ("chats", "updated, created", [CLI]),
        ("/chats", "created", []),
        ("/teams", "", [FILE]),
        ("/teams/getAllChannels", "", []),
    ],
)
def test_rows_match_by_resource_and_change_types(resource: str, changes: str, found: list[TrackedSubscription]) -> None:
    assert matching_rows([FILE, CLI, UNWANTED], resource, changes) == found
