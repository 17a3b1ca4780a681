"""The guards of the event hub: nothing is reported that it does not have, and nobody waits for it for ever."""

from tests.guards.edits import exchanged, rewrite, without_if
from tests.guards.guard import Guarded

_BATCHES = "tests/unit/events/test_open_batch.py"
_UNTIL_FULL = f"{_BATCHES}::test_batch_waits_for_more_until_it_is_full"
_SILENT = "tests/integration/events/test_event_hub_silent.py::test_silent_hub_is_given_up_in_time"
_SETTINGS = "tests/unit/test_event_hub_settings.py"
_UNUSABLE = f"{_SETTINGS}::test_unusable_connection_string_is_named_and_not_repeated"
_WRONG = f"{_SETTINGS}::test_wrong_settings_are_named"

_batch = Guarded(area="hub", module="shared/events/open_batch.py")
_hub = Guarded(area="hub", module="shared/events/event_hub.py")
_settings = Guarded(area="hub", module="shared/event_hub_settings.py")
_claims = Guarded(area="sink", module="shared/events/claim_check.py")

GUARDS = (
    _batch(
        "what was given up is not sent",
        "OpenBatch._take",
        rewrite("[_1 for _1 in _2 if _1.sent.set_running_or_notify_cancel()]", "_2"),
        f"{_BATCHES}::test_cancelled_message_is_not_sent",
    ),
    _batch(
        "what failed is not reported",
        "OpenBatch._send_all",
        rewrite("_1.sent.set_exception(_2)", "(_1.on_sent(), _1.sent.set_exception(_2))"),
        f"{_BATCHES}::test_failed_message_is_not_reported",
    ),
    _batch(
        "a failure is passed on",
        "OpenBatch._send_all",
        rewrite("_1.sent.set_exception(_2)", "_1.sent.set_result(None)"),
        f"{_BATCHES}::test_failed_batch_fails_all_of_it_and_nothing_else",
    ),
    _batch(
        "what does not fit is sent next",
        "OpenBatch._send_all",
        rewrite("_1[_2:]", "[]"),
        f"{_BATCHES}::test_what_the_hub_leaves_is_sent_next_in_order",
    ),
    _batch(
        "only what was sent is answered",
        "OpenBatch._send_all",
        rewrite("_1[:_2]", "_1"),
        f"{_BATCHES}::test_what_the_hub_leaves_is_sent_next_in_order",
    ),
    _batch(
        "a message is reported before its POST goes on",
        "OpenBatch._send_all",
        exchanged("on_sent", "set_result"),
        f"{_BATCHES}::test_message_is_reported_before_its_wait_ends",
    ),
    _batch(
        "a batch stays open for a while",
        "OpenBatch._take",
        rewrite("_1 > 0", "False"),
        _UNTIL_FULL,
    ),
    _batch(
        "a full batch does not wait",
        "OpenBatch._take",
        rewrite("lambda: self._bytes >= _FULL_BYTES", "lambda: False"),
        _UNTIL_FULL,
    ),
    _hub("a silent hub is given up", "EventHub._in_time", rewrite("self._calls.call(_1)", "_1()"), _SILENT),
    _settings("a hub in a connection string is the sink's", "_faults", without_if("entitypath"), _UNUSABLE),
    _settings("a connection string has a key", "_faults", without_if("sharedaccesskeyname"), _UNUSABLE),
    _settings("a namespace is a host", "EventHubSettings.from_reader", without_if("_HOST"), _WRONG),
    _claims(
        "large data go into a blob",
        "is_too_large",
        rewrite("len(_1) > MAX_MESSAGE_BYTES", "False"),
        "tests/integration/events/test_queue_sink.py::test_data_go_into_a_blob_if_the_message_would_exceed_64_kib",
    ),
)
