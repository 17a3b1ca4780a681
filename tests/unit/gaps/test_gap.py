"""Recoveries: when it is their turn, how they join, and that a table keeps them as they are."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from azure.data.tables import TableEntity
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Misconfigured
from shared.gaps.gap import DONE_STATES, Gap, GapCause, GapState, Step
from shared.gaps.gap_table import gaps_from, to_entity
from shared.subscriptions.tracked import MissedInterval
from shared.timing import Backoff
from tests.fakes.gap_values import GAP, SINCE, UNTIL
from tests.fakes.subscription_values import HOUR, MINUTE, NOW, ROW, failure

_MOMENTS = st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  made aware
_TEXTS = st.text(max_size=20)
_RECOVERIES = st.builds(
    Gap,
    tenant_id=_TEXTS,
    subscription_key=_TEXTS,
    subscription_id=_TEXTS,
    resource=_TEXTS,
    change_types=st.frozensets(st.sampled_from(["created", "updated", "deleted"]), min_size=1),
    delegated=st.booleans(),
    since=_MOMENTS,
    until=_MOMENTS,
    cause=st.sampled_from(GapCause),
    state=st.sampled_from(GapState),
    reason=st.none() | _TEXTS,
    position=st.lists(st.builds(Step, _TEXTS, st.none() | _TEXTS), max_size=3).map(tuple),
    recovered=st.integers(0, 10**9),
    read=st.integers(0, 10**9),
    skipped=st.integers(0, 10**9),
    failure=st.none() | st.builds(Backoff, text=_TEXTS, at=_MOMENTS, count=st.integers(1, 99), retry_at=_MOMENTS),
    due_at=st.none() | _MOMENTS,
    begun_at=st.none() | _MOMENTS,
    turn_at=st.none() | _MOMENTS,
    ended_at=st.none() | _MOMENTS,
    etag=st.just("e1"),
)


def _kept(columns: Mapping[str, Any]) -> TableEntity:
    entity = TableEntity(columns)
    entity._metadata = {"etag": "e1", "timestamp": None}
    return entity


@pytest.mark.slow
@given(_RECOVERIES)
def test_every_row_comes_back_as_it_was(row: Gap) -> None:
    assert gaps_from([_kept(to_entity(row))]) == (row,)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("state", "unknown"),
        ("recovered", -1),
        ("recovered", True),
        ("skipped", "1"),
        ("startDateTime", NOW),
        ("startDateTime", "yesterday"),
        ("subscription", "another"),
        ("delegated", "yes"),
        ("cause", "unknown"),
        ("cause", 1),
        ("changeType", 1),
        ("reason", 1),
        ("position", 1),
        ("position", "{"),
        ("position", "7"),
        ("position", "[7]"),
        ("position", '[["page"]]'),
        ("position", "[[1, null]]"),
        ("position", '[["page", 1]]'),
        ("read", -1),
        ("dueDateTime", 1),
        ("begunDateTime", 1),
        ("turnDateTime", 1),
        ("endedDateTime", 1),
    ],
)
def test_invalid_row_is_named(column: str, value: Any) -> None:
    with pytest.raises(Misconfigured, match=f"{GAP.tenant_id}/{GAP.key} of the table gaps"):
        gaps_from([_kept(to_entity(GAP) | {column: value})])


@pytest.mark.parametrize("column", ["subscription", "resource", "changeType", "state", "startDateTime", "endDateTime"])
def test_a_row_without_what_it_needs_is_named(column: str) -> None:
    with pytest.raises(Misconfigured, match="delete the row"):
        gaps_from([_kept({name: value for name, value in to_entity(GAP).items() if name != column})])


def test_a_gap_that_has_ended_is_to_be_recovered() -> None:
    row = replace(ROW, missed_interval=MissedInterval(since=SINCE, until=UNTIL))
    found = Gap.from_tracked(row)
    assert found == replace(
        GAP,
        cause=GapCause.REPLACED,
        subscription_key=row.key,
        resource=row.desired.resource,
        change_types=row.desired.change_types,
        with_content=True,
    )
    assert found is not None
    assert found.key == f"{row.key}-replaced-{SINCE:%Y%m%dT%H%M%S%f}"


@pytest.mark.parametrize("gap", [None, MissedInterval(since=SINCE)], ids=["none", "one that lasts"])
def test_nothing_is_recovered_before_a_gap_has_ended(gap: MissedInterval | None) -> None:
    assert Gap.from_tracked(replace(ROW, missed_interval=gap)) is None


def test_nothing_is_recovered_before_there_is_a_subscription() -> None:
    assert (
        Gap.from_tracked(replace(ROW, missed_interval=MissedInterval(since=SINCE, until=UNTIL), applied=None)) is None
    )


@pytest.mark.parametrize(
    ("changes", "due"),
    [
        ({}, True),
        ({"state": GapState.REFUSED}, True),
        ({"until": NOW}, True),
        ({"until": NOW + MINUTE}, False),
        ({"due_at": NOW}, True),
        ({"due_at": NOW + MINUTE}, False),
        ({"failure": failure(retry_at=NOW)}, True),
        ({"failure": failure(retry_at=NOW + MINUTE)}, False),
        *[({"state": state}, False) for state in sorted(DONE_STATES)],
    ],
)
def test_it_is_due_until_it_is_done_but_for_its_pauses(changes: dict[str, Any], due: bool) -> None:  # noqa: FBT001  a column
    assert replace(GAP, **changes).is_due(NOW) is due


def test_position_that_does_not_fit_into_a_row_is_left_out() -> None:
    long = replace(GAP, position=(Step("/v1.0/users?" + "x" * 33_000, "a"),), etag="e1")
    assert gaps_from([_kept(to_entity(long))]) == (replace(long, position=()),)


def test_second_comparison_is_a_row_of_its_own() -> None:
    done = replace(GAP, state=GapState.PARTIAL, position=(Step("/", "a"),), recovered=7, begun_at=NOW, etag="e7")
    again = done.recheck_at(NOW + HOUR)
    assert again == replace(GAP, cause=GapCause.RECHECK, due_at=NOW + HOUR)
    assert again.key != done.key


def test_extended_gap_starts_again() -> None:
    known = replace(GAP, state=GapState.RECOVERED, position=(Step("/", "a"),), recovered=7, ended_at=NOW, etag="e7")
    assert known.merged_with(GAP) is known
    assert known.merged_with(replace(GAP, until=UNTIL + HOUR)) == replace(GAP, until=UNTIL + HOUR, etag="e7")


def test_an_operator_may_have_it_done_again() -> None:
    done = replace(
        GAP,
        state=GapState.UNRECOVERABLE,
        reason="no",
        position=(Step("/", "a"),),
        recovered=7,
        read=7,
        skipped=1,
        failure=failure(retry_at=NOW),
        ended_at=NOW,
        etag="e7",
    )
    assert done.reset() == replace(GAP, etag="e7")
