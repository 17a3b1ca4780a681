"""The guards of the warm-up: it is no miss, fails nothing, and runs only where POSTs will come."""

from tests.guards.edits import condition, rewrite, without_except
from tests.guards.guard import Guarded

_KEYS = "tests/integration/identity/test_signing_keys.py"
_WARM_UP = "tests/integration/app/test_warm_up.py"
_DOWN = f"{_WARM_UP}::test_what_is_down_is_one_line_and_the_first_post_tries_it_again"

_keys = Guarded(area="warm-up", module="shared/identity/signing_keys.py")
_warm_up = Guarded(area="warm-up", module="shared/app/warm_up.py")
_batch = Guarded(area="warm-up", module="shared/events/open_batch.py")

GUARDS = (
    _keys(
        "keys that are there are not fetched again",
        "_KeySet.fetch",
        condition("_is_usable", becomes=True),
        f"{_KEYS}::test_keys_that_were_fetched_before_are_not_fetched_by_a_post",
    ),
    _warm_up("one call that fails ends no other", "_problem_of", without_except("Problem"), _DOWN),
    _warm_up(
        "wrong settings are one line",
        "warm_up",
        without_except("Problem"),
        f"{_WARM_UP}::test_wrong_settings_are_one_line_of_a_warm_up",
    ),
    _warm_up(
        "success is silent",
        "_problems",
        rewrite("[_1 for _1 in _2 if _1 is not None]", "list(_2)"),
        f"{_WARM_UP}::test_warm_up_that_succeeds_writes_no_line",
    ),
    _batch(
        "a hub is for one thread at a time",
        "OpenBatch.between",
        rewrite("self._pool.submit(_1).result()", "_1()"),
        "tests/unit/events/test_open_batch.py::test_call_between_batches_waits_for_the_one_under_way",
    ),
)
