"""The guards of the figures in a run's line: what cannot be read hides nothing, and nobody is woken for nothing."""

from tests.guards.edits import condition, rewrite, without_if, without_keyword, without_with
from tests.guards.guard import Guarded

_HEARD = "tests/unit/subscriptions/test_heard.py"
_FIGURES = "tests/flows/test_run_figures.py"
_OWNERS = "tests/unit/subscriptions/test_records_of_owner.py"

_heard = Guarded(area="figures", module="shared/subscriptions/heard.py")
_row = Guarded(area="figures", module="shared/subscriptions/deployment_status.py")
_run = Guarded(area="figures", module="shared/app/run_figures.py")
_sink = Guarded(area="figures", module="shared/events/queue_sink.py")

GUARDS = (
    _heard(
        "an hour with few runs says nothing",
        "expected_percent",
        without_if("_LEAST_RUNS"),
        f"{_HEARD}::test_quieter_hour_of_a_week_ago_tells_what_to_expect",
    ),
    _heard(
        "the quieter hour counts",
        "expected_percent",
        rewrite("min(_1)", "max(_1)"),
        f"{_HEARD}::test_quieter_hour_of_a_week_ago_tells_what_to_expect",
    ),
    _heard(
        "a week is kept",
        "with_run",
        condition("_WEEK", becomes=True),
        f"{_HEARD}::test_hours_of_more_than_a_week_ago_are_forgotten",
    ),
    _row(
        "they pass to the next owner",
        "status_of_run",
        without_keyword("replace", "heard"),
        f"{_OWNERS}::test_next_run_of_the_owner_has_what_the_former_had",
    ),
    _run(
        "what does not answer hides nothing",
        "run_figures",
        without_with("suppress"),
        f"{_FIGURES}::test_queue_that_does_not_answer_hides_no_other_figure",
    ),
    _run(
        "what is silent holds up no line",
        "run_figures",
        rewrite("_.result_of(_1)", "_1.result()"),
        f"{_FIGURES}::test_storage_that_is_silent_holds_up_no_line",
    ),
    _run(
        "a baseline is no gap",
        "_open_gaps",
        rewrite("not (_1.is_baseline or _1.is_recheck)", "True"),
        f"{_FIGURES}::test_gap_that_waits_is_counted_and_a_baseline_is_not",
    ),
    _sink(
        "a queue that is missing has no backlog",
        "QueueSink.backlog",
        rewrite("ResourceNotFoundError", "KeyError"),
        f"{_FIGURES}::test_queue_that_is_missing_has_no_backlog",
    ),
)
