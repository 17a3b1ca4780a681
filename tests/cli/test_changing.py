"""Rows as an operator's wish changes them."""

import pytest

from cli.changing import desired_of_file, find_row, is_from_file, matching_rows, row_to_add, row_to_remove
from shared.subscriptions.tracked import TrackedSubscription
from tests.cli.rows import desired, failure, row

FILE, CLI = row(), row(desired=desired("/chats", "created,updated"), added_by="cli")
UNWANTED = row(desired=desired("/teams/getAllChannels"), is_wanted=False)


def test_a_row_is_found_however_its_path_is_spelt() -> None:
    rows = [row(desired=desired("chats('19:a@thread.v2')/messages"))]
    assert find_row(rows, desired("/chats/19:a@thread.v2/messages")) is rows[0]
    assert find_row(rows, desired("/chats/19:a@thread.v2/messages", "updated")) is None
    assert find_row(rows, desired("/chats/19:a@thread.v2/messages", delegated=True)) is None


@pytest.mark.parametrize(("tracked", "of_file"), [(None, False), (FILE, True), (CLI, False), (UNWANTED, False)])
def test_what_subscriptions_json_asks_for_is_its_own_to_change(
    tracked: TrackedSubscription | None,
    of_file: bool,  # noqa: FBT001  a column of the table
) -> None:
    assert is_from_file(tracked) is of_file


def test_what_nobody_watched_is_a_row_of_the_commands() -> None:
    assert row_to_add(None, desired()) == TrackedSubscription(desired=desired(), added_by="cli")


def test_what_is_about_to_be_deleted_is_wanted_again_and_keeps_its_subscription() -> None:
    kept = row_to_add(row(is_wanted=False, failure=failure(), etag="e"), desired(include_resource_data=True))
    assert kept == row(desired=desired(include_resource_data=True), added_by="cli", etag="e")


def test_what_is_removed_heeds_no_pause() -> None:
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
def test_rows_are_chosen_by_resource_and_changes(resource: str, changes: str, found: list[TrackedSubscription]) -> None:
    assert matching_rows([FILE, CLI, UNWANTED], resource, changes) == found


def test_the_table_tells_what_subscriptions_json_asked_for() -> None:
    assert desired_of_file([FILE, CLI, UNWANTED]) == [FILE.desired]
