"""What the live page says of the next run of an app in Azure."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from cli.page.plan import next_run
from shared.timing import Backoff
from tests.cli.subscription_rows import row
from tests.cli.test_glance import OWNER, WELL, parked
from tests.fakes.subscription_values import NOW

HALF_AN_HOUR = timedelta(minutes=30)
MINUTE = timedelta(minutes=1)
QUIET = replace(WELL, gaps=[], rows=[row()])
FAILED = Backoff(text="x", at=NOW, count=1, retry_at=NOW + MINUTE)


def _steps(**changes: Any) -> list[str]:
    found = next_run(replace(QUIET, **changes), 10 * HALF_AN_HOUR)
    assert found is not None
    return list(found.plan)


def test_settled_deployment_is_only_compared() -> None:
    assert _steps() == ["Compare 1 desired subscription with Graph's list"]


@pytest.mark.parametrize(
    ("changes", "step"),
    [
        ({"rows": [replace(row(), applied=None)]}, "Create 1 subscription"),
        ({"rows": [replace(row(), failure=FAILED)]}, "Try 1 subscription again that failed"),
        ({"parked": [parked(1), parked(2)]}, "Publish 2 parked POSTs"),
        ({"gaps": WELL.gaps}, "Read back 1 gap"),
    ],
)
def test_what_is_due_is_a_step(changes: dict[str, Any], step: str) -> None:
    assert _steps(**changes)[1:] == [step]


def test_what_nobody_wants_is_deleted_and_not_compared() -> None:
    steps = _steps(rows=[replace(row(), is_wanted=False)])
    assert steps == ["Compare 0 desired subscriptions with Graph's list", "Delete 1 subscription that nobody wants"]


def test_old_renewal_is_due_at_the_next_run() -> None:
    found = next_run(QUIET, timedelta())
    assert found is not None
    assert found.plan[1:] == ("Renew 1 subscription",)
    assert (found.last_at, found.at) == (OWNER.last_run_at, OWNER.last_run_at + 5 * MINUTE)


def test_deployment_that_never_ran_has_no_next_run() -> None:
    assert next_run(replace(QUIET, owner=None), HALF_AN_HOUR) is None
