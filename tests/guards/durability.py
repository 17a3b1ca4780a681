"""The guards against loss: what is recorded comes before what it stands for, and of two writers one gives way."""

from tests.guards.edits import (
    condition,
    exchanged,
    in_turn,
    keyword_becomes,
    rewrite,
    without_call,
    without_except,
    without_if,
    without_raise,
)
from tests.guards.guard import Guarded

_PUBLISHING = "tests/unit/events/test_publish_once.py"
_NOT_TAKEN = f"{_PUBLISHING}::test_nothing_is_marked_that_the_sink_did_not_take"
_SENT = f"{_PUBLISHING}::test_what_was_sent_of_a_post_that_fails_is_not_sent_again"
_NO_TABLE = f"{_PUBLISHING}::test_unavailable_table_stops_no_event_and_is_not_read_for_a_while"
_RECEIPT_KEY = f"{_PUBLISHING}::test_key_of_a_receipt_is_looked_up_only_when_redriven"
_SOUGHT = f"{_PUBLISHING}::test_redriven_event_is_sought_where_graph_may_have_sent_it_before"
_RETRIED = f"{_PUBLISHING}::test_redriven_event_repeats_what_graph_sent_four_hours_before"
_ALL_DAYS = f"{_PUBLISHING}::test_live_event_repeats_the_window_and_a_redriven_one_all_days_kept"
_HANGING = f"{_PUBLISHING}::test_table_that_hangs_stops_no_event"
_WRITING = "tests/unit/events/test_publication_writer.py"
_BOUNDED = f"{_WRITING}::test_rows_that_wait_for_a_slow_table_are_bounded"
_FLUSHED = f"{_WRITING}::test_end_of_the_last_invocation_ends_the_waiting"
_HUNDRED = f"{_WRITING}::test_transaction_has_a_hundred_rows_at_most"
_BESIDE = f"{_WRITING}::test_row_that_exists_is_written_beside_it_and_the_others_as_they_are"
_AGAIN = f"{_WRITING}::test_next_invocation_writes_what_a_silent_table_did_not_take"
_RECORDS = "tests/integration/events/test_publication_table.py"
_CUT = "tests/integration/test_storage_transport.py::test_late_call_is_cut"
_IN_TIME = "tests/integration/test_storage_transport.py::test_silent_call_ends_at_its_deadline"
_UNHARMED = "tests/integration/test_storage_transport.py::test_late_call_does_not_harm_the_next_one"
_EARLY = "tests/integration/test_storage_transport.py::test_answer_that_ends_before_the_end_is_none"
_APPLYING = "tests/unit/subscriptions/test_apply.py"
_INTENT = f"{_APPLYING}::test_graph_is_not_asked_when_another_run_has_changed_the_row"
_TRACKED = "tests/integration/subscriptions/test_subscription_table.py"
_OF_TWO_WRITERS = f"{_TRACKED}::test_second_writer_of_a_row_gets_a_conflict"
_HOSTILE = f"{_TRACKED}::test_hostile_subscription_id_records_no_activity"
_RUNS = "tests/unit/gaps/test_catch_up.py"
_COMPARING = "tests/unit/gaps/test_catch_up_snapshots.py"
_FAILURES = "tests/unit/gaps/test_catch_up_failures.py"
_REFUSALS = "tests/unit/gaps/test_backfill_refusals.py"
_PARTIAL = f"{_REFUSALS}::test_ten_refused_users_in_a_row_leave_the_gap_partial"
_LOST = f"{_FAILURES}::test_lost_gap_is_published_before_it_is_recorded"
_RECORDING = "tests/unit/gaps/test_snapshot_recorder.py"
_UNPUBLISHED = f"{_RECORDING}::test_unpublished_event_is_not_recorded"
_UNRECORDED = f"{_RECORDING}::test_unrecorded_event_fails_the_post"
_TWO_TENANTS = f"{_RECORDING}::test_things_of_two_tenants_are_two"
_SNAPSHOTS = "tests/integration/gaps/test_snapshot_table.py"
_READ_MEANWHILE = f"{_SNAPSHOTS}::test_change_recorded_while_a_list_is_read_stays"

_once = Guarded(area="once", module="shared/events/publish_once.py")
_writer = Guarded(area="records", module="shared/events/publication_writer.py")
_records = Guarded(area="records", module="shared/events/publication_table.py")
_transport = Guarded(area="calls", module="shared/storage_transport.py")
_apply = Guarded(area="apply", module="shared/subscriptions/apply.py")
_table = Guarded(area="table", module="shared/table.py")
_gap = Guarded(area="gap", module="shared/gaps/catch_up.py")
_recording = Guarded(area="gap", module="shared/gaps/recording.py")
_backfill = Guarded(area="gap", module="shared/gaps/backfill.py")
_walk = Guarded(area="gap", module="shared/gaps/list_walk.py")
_comparison = Guarded(area="gap", module="shared/gaps/list_comparison.py")
_recorder = Guarded(area="snapshot", module="shared/gaps/snapshot_recorder.py")
_snapshot = Guarded(area="snapshot", module="shared/gaps/snapshot_table.py")

_PUBLISHED_ONCE = (
    _once(
        "recorded after it is published",
        "PublishOnce._publish_new",
        rewrite("self._publish(_1, _2, _3)", "([_3(each) for each in _1], self._publish(_1, _2, _3))"),
        _NOT_TAKEN,
    ),
    _once(
        "sent events of a failed POST are recorded",
        "PublishOnce._publish_new",
        rewrite("self.writer.add(_, _)", "None"),
        _SENT,
    ),
    _once(
        "nothing is looked up that cannot recur",
        "_Lookup.may_find",
        rewrite("self.is_live and _", "False"),
        _RECEIPT_KEY,
    ),
    _once("redriven keys are looked up", "_Lookup.may_find", rewrite("self.is_live and _1", "_1"), _RECEIPT_KEY),
    _once("redriving looks further back", "_Lookup.since", condition("is_live", becomes=True), _ALL_DAYS),
    _once("recovered events look into every day", "_Lookup.since", without_if("recovered"), _SOUGHT),
    _once(
        "redriving looks as far as Graph retries",
        "_Lookup.since",
        rewrite("_1.time - self.window", "_1.time"),
        _RETRIED,
    ),
    _once("a fast clock hides no record", "_Lookup.since", rewrite("_1 - _CLOCKS_DIFFER", "_1"), _RETRIED),
    _once("live events repeat the window only", "_Lookup.since", condition("is_live", becomes=False), _ALL_DAYS),
    _once(
        "look-ups leave time to publish",
        "PublishOnce._publish_new",
        rewrite("_.seconds_left() * _LOOK_UP_SHARE", "60"),
        _HANGING,
    ),
    _writer("waiting rows are bounded", "PublicationWriter.add", without_if("_MAX_WAITING"), _BOUNDED),
    _writer(
        "the last invocation's rows are written", "PublicationWriter.invocation", without_if("_invocations"), _FLUSHED
    ),
    _writer("what a silent table did not take is kept", "PublicationWriter._write_all", without_call("_keep"), _AGAIN),
    _writer(
        "what storage refuses is given up",
        "PublicationWriter._write_all",
        rewrite("isinstance(_1, Unavailable)", "True"),
        _AGAIN,
    ),
    _writer("the next invocation tries again", "PublicationWriter.invocation", without_call("_try_again"), _AGAIN),
    _writer(
        "no entry of a key is lost",
        "PublicationWriter._try_again",
        rewrite("_1.setdefault(_2, {}).update(_3)", "_1.setdefault(_2, _3)"),
        f"{_WRITING}::test_rows_of_one_key_are_all_written_after_an_outage",
    ),
    _writer(
        "what an outage leaves is bounded",
        "PublicationWriter._keep",
        without_if("_MAX_WAITING"),
        f"{_WRITING}::test_rows_that_wait_for_the_end_of_an_outage_are_bounded",
    ),
    _writer("a hundred rows at most", "_MAX_BATCH", rewrite("100", "1000"), _HUNDRED),
    _writer(
        "a row that exists costs no other one",
        "PublicationWriter._write",
        rewrite("_1.append(replace(_2, is_first=False))", "_2"),
        _BESIDE,
    ),
    _records(
        "another content is looked for beside the first",
        "PublicationTable.read",
        rewrite("self._others(_, _, _)", "()"),
        f"{_RECORDS}::test_second_content_stands_beside_the_first_however_often_it_is_written",
    ),
    _records(
        "a second content replaces nothing",
        "PublicationTable.write",
        keyword_becomes("Row", "replace", "True"),
        f"{_RECORDS}::test_row_that_exists_is_named_and_nothing_is_written",
    ),
    _records(
        "records count by storage's time",
        "_joined",
        rewrite("_1 or _ < _", "_1"),
        f"{_RECORDS}::test_record_counts_by_the_timestamp_that_storage_gave_it",
    ),
    _records(
        "only tables of days are dropped",
        "PublicationTable._names",
        condition("fullmatch", becomes=True),
        f"{_RECORDS}::test_purge_drops_the_tables_of_earlier_days_and_no_other",
    ),
    Guarded(area="calls", module="shared/watchdog.py")(
        "a call that trickles is cut", "Watchdog._run", rewrite("_1.cut()", "None"), _CUT
    ),
    _transport("an answer that was cut is none", "StorageTransport._exchange", without_if("is_cut"), _CUT),
    _transport(
        "a connection that ends is cut too",
        "_Watched.close",
        rewrite("_CURRENT.call is None", "True"),
        _CUT,
    ),
    _transport("what is silent ends in time", "_Watched._wait_at_most", rewrite("_.seconds_left()", "60"), _IN_TIME),
    _transport("an answer that ends early is none", "_Watched.exchange", without_raise("IncompleteRead"), _EARLY),
    _transport("a connection of an error is closed", "_Pool.exchange", without_call("close"), _UNHARMED),
    _once("an outage of the table stops no event", "PublishOnce._rows", without_except("Unavailable"), _NO_TABLE),
    Guarded(area="once", module="shared/events/queue_sink.py")(
        "an event is sent before it is reported as sent",
        "QueueSink._send",
        rewrite("raise as_problem('storage', _1, role=QUEUE_ROLE) from _1", "pass"),
        "tests/integration/events/test_queue_sink.py::test_event_that_is_not_sent_is_not_reported",
    ),
)

_SUBSCRIPTIONS = (
    _apply("intent before a creation", "Applier._record_intent", rewrite("self._save_signing_key(_1)", "_1"), _INTENT),
    _apply(
        "intent before a deletion",
        "Applier._record_intent",
        rewrite("_1 if _ is None else self.subscription_table.save(_1)", "_1"),
        _INTENT,
    ),
    _apply(
        "intent before a recreation",
        "Applier._record_intent",
        rewrite("return self.subscription_table.save(_1)", "return _1"),
        _INTENT,
    ),
    _table("an ETag on change", "Table._replace_row", rewrite("if_unchanged(_)", "{}"), _OF_TWO_WRITERS),
    _table("an ETag on deletion", "Table.delete", rewrite("if_unchanged(_)", "{}"), _OF_TWO_WRITERS),
    _table(
        "a tenant id is a parameter of the query",
        "Table.query_partition",
        rewrite("self.query(_, {'key': _1})", "self.query(f\"PartitionKey eq '{_1}'\", {})"),
        f"{_TRACKED}::test_hostile_tenant_id_loads_no_rows_of_other_tenants",
    ),
    Guarded(area="tracking", module="shared/subscriptions/subscription_table.py")(
        "ids are valid in a key", "SubscriptionTable.record_activity", without_if("_SUBSCRIPTION_ID"), _HOSTILE
    ),
)

_GAPS = (
    _recording(
        "recorded before it leaves the subscription",
        "Recording._record",
        exchanged("gap_table", "subscription_table"),
        f"{_RUNS}::test_run_cut_short_before_the_gap_moves_loses_and_repeats_nothing",
    ),
    _gap(
        "a loss is announced before its gap is closed",
        "_Attempt._declare_lost",
        exchanged("_announce_loss", "_close"),
        _LOST,
    ),
    _gap("what could not be read leaves it partial", "_Attempt._close_read", without_if("skipped"), _PARTIAL),
    _gap(
        "a late baseline has what was missed",
        "_Attempt._close_read",
        without_if("began_before"),
        "tests/unit/gaps/test_catch_up_baselines.py::test_gap_that_began_before_its_baseline_was_complete_is_reported",
    ),
    _gap(
        "a requested gap is published again",
        "_Run.backfill",
        rewrite("_1 if _.cause is GapCause.REQUESTED else _2", "_2"),
        f"{_REFUSALS}::test_requested_gap_publishes_what_was_published_before",
    ),
    Guarded(area="gap", module="shared/gaps/gap_table.py")(
        "an ETag on change",
        "GapTable.save",
        rewrite("self._table.save(_1, _)", "self._table.save(_1, '*')"),
        "tests/integration/gaps/test_gap_table.py::test_second_writer_of_a_gap_gets_a_conflict",
    ),
    _walk(
        "published before the position moves",
        "ListWalk._visit_item",
        exchanged("pop", "on_progress"),
        f"{_FAILURES}::test_unavailable_sink_does_not_advance_the_gap",
    ),
    _walk(
        "an item is read to its end",
        "ListWalk._remaining",
        condition("position", becomes=False),
        f"{_RUNS}::test_next_run_resumes_at_the_user_and_page_of_the_last_one",
    ),
    _backfill(
        "a chat is published before it is recorded",
        "Backfill._publish_items",
        exchanged("_publish", "record_all"),
        f"{_COMPARING}::test_chat_is_published_before_it_is_recorded",
    ),
    _comparison(
        "published before it is recorded",
        "ListComparison._publish_diff",
        in_turn(exchanged("publish", "record_all"), exchanged("record_all", "changed_entries")),
        f"{_COMPARING}::test_diff_is_published_before_it_is_recorded",
    ),
    _comparison(
        "a creation is announced before it is published",
        "ListComparison._publish_diff",
        without_call("announce"),
        f"{_COMPARING}::test_creation_published_without_an_answer_is_known_when_it_is_deleted",
    ),
    Guarded(area="gap", module="shared/gaps/snapshot.py")(
        "an announced creation is published again",
        "_difference",
        without_if("is_announced"),
        f"{_COMPARING}::test_creation_published_without_an_answer_comes_again_under_its_id",
    ),
    Guarded(area="gap", module="shared/gaps/snapshot.py")(
        "any gap tells an announced creation",
        "_change_type",
        rewrite("_1 is not None and _1.is_announced", "False"),
        "tests/unit/gaps/test_snapshot.py::test_announced_creation_is_told_by_whatever_gap_comes_next",
    ),
    Guarded(area="gap", module="shared/gaps/snapshot_table.py")(
        "what was reported since stays",
        "SnapshotTable._announce",
        rewrite("self._table.save(_1, _2.etag)", "self.record(_2)"),
        "tests/integration/gaps/test_snapshot_table.py::test_change_recorded_before_a_creation_is_announced_stays",
    ),
    _comparison(
        "what another subscription missed is left to its gap",
        "ListComparison._publish_diff",
        condition("has_other", becomes=True),
        "tests/unit/gaps/test_coverage.py::test_each_gap_finds_the_changes_of_its_own_types",
    ),
    _comparison(
        "what is published is recorded, whoever waits for it",
        "ListComparison._publish_diff",
        rewrite("_1.id in _2", "False"),
        "tests/unit/gaps/test_coverage.py::test_change_that_is_published_is_recorded_for_all",
    ),
)

_NOTED = (
    _recorder(
        "published before it is recorded",
        "SnapshotRecorder.publish",
        rewrite("self._publish(_1, _) or _1", "_1"),
        _UNPUBLISHED,
    ),
    _recorder(
        "not done until it is recorded",
        "SnapshotRecorder.publish",
        condition("is_required", becomes=False),
        _UNRECORDED,
    ),
    _recorder(
        "tenants have entries of their own",
        "SnapshotRecorder.publish",
        rewrite("(_.tenant_id, _1)", "_1"),
        _TWO_TENANTS,
    ),
    _snapshot(
        "a change while a list is read is not overwritten",
        "_operation",
        rewrite("if_unchanged(_)", "{}"),
        _READ_MEANWHILE,
    ),
)

GUARDS = (*_PUBLISHED_ONCE, *_SUBSCRIPTIONS, *_GAPS, *_NOTED)
