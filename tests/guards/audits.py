"""The guards of the audit: what it leaves out, its pace and its hour, and since when there are records."""

from tests.guards.edits import condition, exchanged, rewrite, without_call, without_if, without_keyword, without_operand
from tests.guards.guard import Guarded

_RECOVERED = "tests/unit/gaps/test_recovered_events.py"
_RUN = "tests/unit/audit/test_audit_run.py"
_LEFT = "tests/unit/audit/test_left_out.py"
_INTERRUPTED = "tests/unit/audit/test_interrupted.py"
_RECORDS = "tests/unit/audit/test_records.py"
_LEFT_OUT = f"{_LEFT}::test_what_cannot_be_compared_is_left_out_and_said"
_GAP_OF_DAY = f"{_LEFT}::test_subscription_with_a_gap_of_the_day_is_left_out"
_NO_VERSIONS = f"{_LEFT}::test_what_has_no_versions_is_not_audited"
_LOST_TABLE = f"{_RECORDS}::test_lost_table_begins_the_records_again"

_audit = Guarded(area="audit", module="shared/audit/audit.py")
_draw = Guarded(area="audit", module="shared/audit/draw.py")
_eligible = Guarded(area="audit", module="shared/audit/eligible.py")
_run = Guarded(area="audit", module="shared/audit/audit_run.py")
_attempt = Guarded(area="audit", module="shared/audit/attempt.py")
_check = Guarded(area="audit", module="shared/audit/list_check.py")
_records = Guarded(area="records", module="shared/audit/records.py")

_WHAT = (
    _eligible("only messages", "rows_by_path", without_operand("type_name"), _NO_VERSIONS),
    _eligible("only what is wanted", "rows_by_path", without_operand("is_wanted"), _NO_VERSIONS),
    _eligible(
        "only messages with their content",
        "rows_by_path",
        rewrite("_1.desired.include_resource_data or _2", "True"),
        _NO_VERSIONS,
    ),
    _eligible(
        "not before its subscription",
        "_gap_in_window",
        rewrite("max(_1.since, _2)", "_1.since"),
        _LEFT_OUT,
    ),
    _eligible(
        "not before its window",
        "_gap_in_window",
        rewrite("_1 + MARGIN", "_1"),
        f"{_RUN}::test_window_is_the_day_that_ended_five_hours_ago",
    ),
    _eligible("nothing with a gap in its row", "_why_not", without_operand("missed_interval"), _LEFT_OUT),
    _eligible("nothing with an open gap", "_why_not", without_operand("DONE_STATES"), _GAP_OF_DAY),
    _eligible("nothing filled today", "_why_not", without_if("_was_filled_within_a_day"), _GAP_OF_DAY),
    _eligible(
        "its own gap bounds nothing",
        "_was_filled_within_a_day",
        rewrite("_1.cause is not GapCause.AUDIT", "True"),
        _GAP_OF_DAY,
    ),
    _eligible("nothing that Graph cannot list", "_why_not", rewrite("why_unrecoverable(_)", "None"), _LEFT_OUT),
    _eligible(
        "one gap a day",
        "gaps_to_open",
        condition("_is_of_same_day", becomes=True),
        f"{_RUN}::test_second_gap_of_a_day_is_not_opened",
    ),
    _run(
        "nothing of a tenant with something parked",
        "_Run._why_not",
        without_if("_is_parked"),
        f"{_LEFT}::test_tenant_with_something_parked_from_the_window_is_left_out",
    ),
    _run(
        "nothing without records",
        "_Run._why_not",
        condition("records", becomes=False, nth=0),
        f"{_LEFT}::test_without_records_nothing_is_checked_and_the_line_says_so",
    ),
    _run(
        "nothing from before the records",
        "_Run._begun",
        rewrite("readable_since(_1, deduplicate_for=_2, until=_3)", "self.ports.clock.now().replace(year=2000)"),
        f"{_LEFT}::test_what_is_older_than_the_records_is_not_checked",
    ),
    _run(
        "nothing after the records are lost",
        "_Run._why_not",
        rewrite("_1.since > _2.since", "False"),
        f"{_LEFT}::test_records_that_are_lost_meanwhile_end_an_audit",
    ),
)
_HOW = (
    _audit(
        "one in a thousand is no gap",
        "Audit.is_incomplete",
        rewrite("_1 * _2 > _3", "_1 > 0"),
        f"{_RUN}::test_more_than_one_in_a_thousand_missing_opens_a_gap",
    ),
    _audit(
        "ten refusals are enough",
        "Audit.is_refused_altogether",
        rewrite("_1 and _2", "False"),
        f"{_INTERRUPTED}::test_audit_ends_when_graph_refuses_the_first_ten_lists",
    ),
    _audit(
        "once a day",
        "next_audits",
        rewrite("_1.begun_at + _2 <= _3", "True"),
        f"{_RUN}::test_next_audit_is_a_day_later",
    ),
    _run(
        "the gap is opened first",
        "_Run._finish",
        exchanged("is_incomplete", "DONE"),
        f"{_INTERRUPTED}::test_gap_is_opened_before_an_audit_counts_as_ended",
    ),
    _attempt(
        "a row is taken in hand first",
        "Attempt._run",
        without_call("_save"),
        f"{_INTERRUPTED}::test_audit_that_another_run_has_in_hand_is_left_to_it",
    ),
    _attempt(
        "a forgotten page begins the draw again",
        "Attempt._page_to_draw_from",
        without_call("begun_again"),
        f"{_INTERRUPTED}::test_draw_begins_again_if_graph_forgets_its_page",
    ),
    _attempt(
        "no list after its hour",
        "Attempt._next_list",
        without_call("_raise_if_over"),
        "tests/unit/audit/test_audit_hour.py::test_hour_that_is_over_ends_a_sample_of_users_without_teams",
    ),
    _check(
        "a message of two lists counts once",
        "ListCheck._check",
        condition("_seen", becomes=True),
        f"{_RUN}::test_message_in_two_lists_is_checked_once",
    ),
    _draw(
        "the order is random",
        "with_page",
        without_call("shuffle"),
        "tests/unit/audit/test_draw.py::test_lists_that_are_read_first_are_of_all_pages",
    ),
    Guarded(area="audit", module="shared/gaps/turns.py")(
        "the pace of a tenant",
        "Turns._start_next",
        rewrite("self.tenant_spacing", "DEFAULT_SPACING"),
        f"{_RUN}::test_whole_tenant_is_sampled_at_five_reads_a_second_for_an_hour",
    ),
    Guarded(area="audit", module="shared/events/publish_once.py")(
        "nothing is missing while the table is silent",
        "PublishOnce.publish_missing",
        rewrite(
            "self._publish_new(_1, _2, require_lookup=True, is_live=False)",
            "self._publish_new(_1, _2, require_lookup=False, is_live=False)",
        ),
        "tests/unit/events/test_publish_missing.py::test_nothing_is_missing_as_long_as_the_table_is_silent",
    ),
    Guarded(area="audit", module="shared/events/publish_once.py")(
        "records of all days count",
        "PublishOnce.publish_missing",
        rewrite(
            "self._publish_new(_1, _2, require_lookup=True, is_live=False)",
            "self._publish_new(_1, _2, require_lookup=True, is_live=True)",
        ),
        "tests/unit/events/test_publish_missing.py::test_record_of_two_days_ago_still_counts",
    ),
    Guarded(area="audit", module="shared/app/timer_run.py")(
        "a part of a run",
        "TimerRun._has_more",
        rewrite("self.clock.now() >= _1", "False", nth=0),
        "tests/unit/app/test_timer_step_within.py::test_other_steps_go_on_without_it",
    ),
    Guarded(area="audit", module="shared/settings.py")(
        "not more than once a day",
        "_check_combinations",
        without_if("audit_every"),
        "tests/unit/test_settings.py::test_audit_more_than_once_a_day_is_a_fault",
    ),
    Guarded(area="audit", module="cli/audit_requests.py")(
        "not while Graph may deliver",
        "audited_window",
        rewrite("_1 > _2", "False"),
        "tests/cli/commands/test_audit.py::test_window_in_which_graph_may_still_deliver_is_a_usage_error",
    ),
)
_SINCE = (
    _records("every day has its marker", "_are_whole", rewrite("all(_)", "True"), _LOST_TABLE),
    _records(
        "one layout",
        "_are_whole",
        without_if("layout"),
        f"{_RECORDS}::test_another_layout_begins_the_records_again",
    ),
    _records(
        "no look-ups, no records",
        "checked_records",
        rewrite("not _1", "False"),
        f"{_RECORDS}::test_without_look_ups_there_are_no_records",
    ),
    _records(
        "tables that are dropped are not missed",
        "_are_whole",
        rewrite("max(_1.since, _2)", "_1.since"),
        f"{_RECORDS}::test_whole_records_stay_as_they_are",
    ),
    Guarded(area="records", module="shared/subscriptions/deployment_status.py")(
        "they pass to the next owner",
        "status_of_run",
        without_keyword("replace", "records"),
        "tests/unit/subscriptions/test_records_of_owner.py::test_next_run_of_the_owner_has_what_the_former_had",
    ),
    Guarded(area="records", module="shared/events/publication.py")(
        "content that is owed comes after an event without it",
        "PublicationRecord.repeats",
        without_if("owes_content"),
        f"{_RECOVERED}::test_recovered_content_follows_its_bare_event_only_if_it_is_owed",
    ),
    Guarded(area="records", module="shared/gaps/recovered_events.py")(
        "only content is owed",
        "event_from_change",
        without_operand("has_content"),
        f"{_RECOVERED}::test_recovered_deletion_without_content_repeats_its_bare_event",
    ),
    Guarded(area="records", module="shared/gaps/recovered_events.py")(
        "content is owed to who subscribed to it",
        "event_from_change",
        without_operand("with_content"),
        f"{_RECOVERED}::test_recovered_content_follows_its_bare_event_only_if_it_is_owed",
    ),
    Guarded(area="records", module="shared/events/publication_table.py")(
        "a table made by a record has no marker",
        "PublicationTable.has_marker",
        rewrite("_1 is not None", "True"),
        "tests/integration/events/test_record_markers.py::"
        "test_marker_is_there_from_its_writing_until_its_table_is_lost",
    ),
)

GUARDS = (*_WHAT, *_HOW, *_SINCE)
