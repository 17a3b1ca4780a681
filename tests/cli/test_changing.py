"""Rows as an operator's wish changes them."""

import pytest

from cli.changing import added, as_tracked, find, is_of_file, removed, watching
from shared.subscriptions.tracked import TrackedSubscription
from tests.cli.rows import desired, failure, row

FILE, CLI = row(), row(desired=desired("/chats", "created,updated"), added_by="cli")
UNWANTED = row(desired=desired("/teams/getAllChannels"), is_wanted=False)


def test_a_row_is_found_however_its_path_is_spelt() -> None:
    rows = [row(desired=desired("chats('19:a@thread.v2')/messages"))]
    assert find(rows, desired("/chats/19:a@thread.v2/messages")) is rows[0]
    assert find(rows, desired("/chats/19:a@thread.v2/messages", "updated")) is None
    assert find(rows, desired("/chats/19:a@thread.v2/messages", delegated=True)) is None


@pytest.mark.parametrize(("tracked", "of_file"), [(None, False), (FILE, True), (CLI, False), (UNWANTED, False)])
def test_what_subscriptions_json_asks_for_is_its_own_to_change(
    tracked: TrackedSubscription | None,
    of_file: bool,  # noqa: FBT001  a column of the table
) -> None:
    assert is_of_file(tracked) is of_file


def test_what_nobody_watched_is_a_row_of_the_commands() -> None:
    assert added(None, desired()) == TrackedSubscription(desired=desired(), added_by="cli")


def test_what_is_about_to_be_deleted_is_wanted_again_and_keeps_its_subscription() -> None:
    kept = added(row(is_wanted=False, failure=failure(), etag="e"), desired(include_resource_data=True))
    assert kept == row(desired=desired(include_resource_data=True), added_by="cli", etag="e")


def test_what_is_removed_heeds_no_pause() -> None:
    assert removed(row(added_by="cli", failure=failure())) == row(added_by="cli", is_wanted=False)


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
    assert watching([FILE, CLI, UNWANTED], resource, changes) == found


def test_the_table_tells_what_subscriptions_json_asked_for() -> None:
    assert as_tracked([FILE, CLI, UNWANTED]) == [FILE.desired]
