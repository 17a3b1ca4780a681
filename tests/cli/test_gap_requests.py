"""``gaps add``: the interval and the gap that an operator asks for."""

from dataclasses import replace
from datetime import timedelta

import pytest
import typer

from cli.gap_requests import replacing_earlier, requested_gap, requested_interval
from shared.gaps.gap import GapCause, GapState
from tests.fakes.gap_values import GAP, SINCE, UNTIL
from tests.fakes.subscription_values import HOUR, NOW, ROW, WANTED

DAY = timedelta(days=1)
INTERVAL = (SINCE, UNTIL)


@pytest.mark.parametrize("since", ["2026-11-20T08:00:00Z", "2026-11-20T08:00:00", "2026-11-20 10:00+02:00"])
def test_time_is_in_utc_unless_it_has_an_offset(since: str) -> None:
    begin, end = requested_interval(since, "", NOW)
    assert (begin.isoformat(), end) == ("2026-11-20T08:00:00+00:00", NOW)


@pytest.mark.parametrize(
    ("since", "until", "why"),
    [
        ("yesterday", "", "is not a time"),
        ("0001-01-01T00:00:00+14:00", "", "is not a time"),
        ("2026-11-20", "soon", "is not a time"),
        ("2026-11-20", "2026-11-20", "is not before --until"),
        ("2026-11-20", "2026-11-19", "is not before --until"),
        ("2026-11-20", str(NOW + HOUR), "lies in the future"),
        (str(NOW - 241 * DAY), "", "eight months"),
    ],
)
def test_interval_that_cannot_be_read_is_refused(since: str, until: str, why: str) -> None:
    with pytest.raises(typer.BadParameter, match=why):
        requested_interval(since, until, NOW)


def test_requested_gap_is_that_of_the_subscription() -> None:
    gap = requested_gap(ROW, INTERVAL)
    assert (gap.cause, gap.state, gap.since, gap.until) == (GapCause.REQUESTED, GapState.OPEN, SINCE, UNTIL)
    assert (gap.subscription_key, gap.change_types) == (ROW.key, ROW.desired.change_types)


@pytest.mark.parametrize(
    ("resource", "delegated", "why"),
    [
        ("/teams/getAllMembers", False, "only changes of messages and chats"),
        ("/communications/callRecords", False, "Graph has no list of past changes"),
        ("/chats/getAllMessages", True, "as a signed-in user"),
    ],
)
def test_resource_without_a_list_of_changes_is_refused(resource: str, delegated: bool, why: str) -> None:  # noqa: FBT001  a column
    row = replace(ROW, desired=replace(WANTED, resource=resource, delegated=delegated))
    with pytest.raises(typer.BadParameter, match=why):
        requested_gap(row, INTERVAL)


def test_subscription_that_does_not_exist_yet_is_refused() -> None:
    with pytest.raises(typer.BadParameter, match="not been created"):
        requested_gap(replace(ROW, applied=None), INTERVAL)


def test_same_request_replaces_the_earlier_one() -> None:
    gap = replace(GAP, cause=GapCause.REQUESTED)
    done = replace(gap, until=UNTIL - HOUR / 2, state=GapState.RECOVERED, etag="e7")
    assert replacing_earlier(gap, [GAP, done]) == replace(gap, etag="e7")
    assert replacing_earlier(gap, [replace(GAP, etag="e8")]) == gap
