"""The guards of what saves calls: what is renewed beside Graph's list, and rows that are not read first."""

from tests.guards.edits import rewrite, without_if
from tests.guards.guard import Guarded

_EARLY = "tests/unit/subscriptions/test_early_renewals.py"

_early = Guarded(area="early", module="shared/subscriptions/early_renewals.py")
_reconcile = Guarded(area="early", module="shared/subscriptions/reconcile.py")

_snapshot = Guarded(area="snapshot", module="shared/gaps/snapshot_table.py")

GUARDS = (
    _snapshot(
        "a new row is not read first",
        "SnapshotTable.record",
        without_if("_is_new"),
        "tests/integration/gaps/test_snapshot_table.py::test_what_is_reported_for_the_first_time_is_not_read",
    ),
    _early(
        "renewals do not wait for the list",
        "EarlyRenewals.beside",
        without_if("_renewals"),
        f"{_EARLY}::test_due_subscriptions_are_renewed_before_the_list_ends",
    ),
    _early(
        "what is renewed early is not renewed again",
        "EarlyRenewals.without",
        rewrite("_1.tracked.key not in _2", "True"),
        f"{_EARLY}::test_list_that_breaks_off_creates_nothing_and_renews_once",
    ),
    _reconcile(
        "a run renews until it ends",
        "Reconciler.run",
        rewrite("_1 or self.clock.now() + _TIME_LIMIT", "self.clock.now() + _TIME_LIMIT"),
        f"{_EARLY}::test_run_renews_until_its_end",
    ),
    _reconcile(
        "all accounts have one end",
        "Reconciler.run",
        rewrite("RateLimiter(_1, _2, ends=_3)", "RateLimiter(_1, _2, ends=self.clock.now() + _TIME_LIMIT)"),
        f"{_EARLY}::test_account_that_waits_for_its_turn_has_no_more_time",
    ),
)
