"""The guards against loss: what is recorded comes before what it stands for, and of two writers one gives way."""

from tests.guards.edits import (
    condition,
    exchanged,
    in_turn,
    rewrite,
    without_call,
    without_except,
    without_if,
)
from tests.guards.guard import Guarded

_PUBLISHING = "tests/unit/events/test_publish_once.py"
_NOT_TAKEN = f"{_PUBLISHING}::test_nothing_is_marked_that_the_sink_did_not_take"
_SENT = f"{_PUBLISHING}::test_what_was_sent_of_a_post_that_fails_is_not_sent_again"
_NO_TABLE = f"{_PUBLISHING}::test_unavailable_table_stops_no_event_and_is_not_read_for_a_while"
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
        "PublishOnce.publish",
        rewrite("self._publish(_1, _2, _3)", "([_3(each) for each in _1], self._publish(_1, _2, _3))"),
        _NOT_TAKEN,
    ),
    _once("sent events of a failed POST are recorded", "PublishOnce.publish", without_call("_write_soon"), _SENT),
    _once("an outage of the table stops no event", "PublishOnce._rows", without_except("Unavailable"), _NO_TABLE),
    Guarded(area="once", module="shared/events/queue_sink.py")(
        "an event is sent before it is reported as sent",
        "QueueSink.publish",
        rewrite("_1.submit(self._send, _2, _3)", "_1.submit(self._send, _2, _3(_2) or _3)"),
        "tests/integration/events/test_queue_sink.py::test_each_sent_event_is_reported",
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
    _gap("what could not be read leaves it partial", "_Attempt._finish", without_if("skipped"), _PARTIAL),
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
