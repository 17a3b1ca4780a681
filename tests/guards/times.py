"""The guards of time: a run goes by storage's clock, and no trouble with storage keeps it from its line."""

from tests.guards.edits import rewrite, without_call, without_except, without_if
from tests.guards.guard import Guarded

_CLOCK = "tests/unit/test_storage_clock.py"
_TIME = "tests/integration/app/test_storage_time.py"
_LIMITS = "tests/unit/test_limits_clock_steps.py"
_WITHOUT_TABLE = "tests/unit/app/test_endpoint_without_table.py"

_storage = Guarded(area="clock", module="shared/timing.py")
_clients = Guarded(area="clock", module="shared/app/clients.py")
_run = Guarded(area="clock", module="shared/app/renew_subscriptions.py")

GUARDS = (
    _storage(
        "the machine's clock no longer counts",
        "StorageClock.now",
        rewrite("_._known is None", "True"),
        f"{_CLOCK}::test_step_of_the_machines_clock_moves_nothing_once_storage_answered",
    ),
    _clients(
        "no answer stops no run",
        "Clients.synchronise_clock",
        rewrite("suppress(Problem)", "suppress()"),
        f"{_TIME}::test_answer_that_does_not_come_or_breaks_off_stops_no_run",
    ),
    _clients(
        "a dropped connection is made again",
        "Clients.synchronise_clock",
        rewrite("{**_1, 'retry_total': 1}", "_1"),
        f"{_TIME}::test_connection_that_was_dropped_while_idle_does_not_hide_the_time",
    ),
    _run(
        "a run asks storage for the time",
        "timer_run",
        without_call("synchronise_clock"),
        f"{_TIME}::test_run_goes_by_the_clock_of_storage",
    ),
    Guarded(area="endpoint", module="shared/app/endpoint.py")(
        "an unknown past stops no run",
        "EndpointWatch._knows_yes",
        without_except("Problem"),
        f"{_WITHOUT_TABLE}::test_endpoint_is_asked_although_the_table_does_not_answer",
    ),
    Guarded(area="limit", module="shared/limits.py")(
        "a limiter follows a clock that is set back",
        "RateLimiter._now",
        without_if("_latest"),
        f"{_LIMITS}::test_used_limiter_keeps_its_distance_when_the_clock_is_set_back",
    ),
)
