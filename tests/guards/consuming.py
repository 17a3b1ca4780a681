"""The guards of what consumers import and of their poison queue: no message does harm, none is lost on its way back."""

from tests.guards.edits import (
    condition,
    exchanged,
    rewrite,
    without_call,
    without_item,
    without_keyword,
    without_operand,
    without_raise,
)
from tests.guards.guard import Guarded

_PARSING = "tests/unit/teams_events/test_parsing.py"
_NO_EVENT = f"{_PARSING}::test_what_is_no_event_is_one_error"
_SECRET = f"{_PARSING}::test_error_does_not_repeat_what_the_message_says"
_OTHER_DATA = f"{_PARSING}::test_blob_with_other_data_is_that_error"
_REPR = f"{_PARSING}::test_content_is_not_in_the_text_of_an_event"
_BLOBS = "tests/integration/teams_events/test_azure_blobs.py"
_REFUSED = f"{_BLOBS}::test_address_of_anything_else_is_refused"
_POISON = "tests/cli/commands/test_poison.py"
_DEDUPLICATOR = "tests/unit/teams_events/test_deduplicator.py"

_parse = Guarded(area="consumer's parser", module="teams_events/parsing.py")
_events = Guarded(area="consumer's event", module="teams_events/events.py")
_blobs = Guarded(area="consumer's blobs", module="teams_events/azure_blobs.py")
_poison = Guarded(area="poison queue", module="cli/poison_queue.py")
_retry = Guarded(area="poison queue", module="cli/commands/events.py")
_memory = Guarded(area="consumer's memory", module="teams_events/deduplicator.py")

GUARDS = (
    _parse("version", "parse", without_raise("NotAnEvent"), _NO_EVENT),
    _parse(
        "strict Base64", "_decoded", rewrite("base64.b64decode(_1, validate=True)", "base64.b64decode(_1)"), _NO_EVENT
    ),
    _parse("neither JSON nor Base64", "_decoded", without_raise("NotAnEvent"), _NO_EVENT),
    _parse("invalid JSON", "_json_object", without_item("ValueError"), _NO_EVENT),
    _parse("nesting", "_json_object", without_item("RecursionError"), _NO_EVENT),
    _parse(
        "no content in an error",
        "_json_object",
        rewrite("raise NotAnEvent(_1) from None", "raise NotAnEvent(_1) from sys.exception()"),
        _SECRET,
    ),
    _parse("an object", "_json_object", without_raise("NotAnEvent", "isinstance"), _NO_EVENT),
    _parse("texts", "_text", without_operand("isinstance"), _NO_EVENT),
    _parse(
        "texts are not empty",
        "_text",
        rewrite("not isinstance(_1, str) or not _1", "not isinstance(_1, str)"),
        _NO_EVENT,
    ),
    _parse("time", "_time", without_raise("NotAnEvent", "ValueError"), _NO_EVENT),
    _parse("time has an offset", "_time", without_raise("NotAnEvent", "tzinfo"), _NO_EVENT),
    _parse("one of data and dataref", "_data_or_reference", without_raise("NotAnEvent"), _NO_EVENT),
    _parse("data are an object", "_checked", without_raise("NotAnEvent", nth=0), _NO_EVENT),
    _parse("what data have", "_checked", without_raise("NotAnEvent", nth=1), _NO_EVENT),
    _parse("content is an object", "_checked", without_raise("NotAnEvent", nth=2), _NO_EVENT),
    _parse("data in a blob are checked", "open_data", rewrite("_checked(_, _1)", "_1"), _OTHER_DATA),
    _events("content is not shown", "CloudEvent", rewrite("field(repr=False)", "field()"), _REPR),
    _blobs("container", "blob_name", rewrite("not _1 or _2 or _3", "_2 or _3"), _REFUSED),
    _blobs("no way out of the container", "blob_name", without_operand("isdisjoint"), _REFUSED),
    _blobs("the container is the first segment", "blob_name", without_operand("removeprefix"), _REFUSED),
    _memory(
        "window",
        "Deduplicator.is_repetition",
        without_operand("_window"),
        f"{_DEDUPLICATOR}::test_event_is_new_again_after_the_window",
    ),
    _memory(
        "memory is bounded",
        "Deduplicator.handled",
        condition("_window", becomes=False),
        f"{_DEDUPLICATOR}::test_memory_holds_the_events_of_one_window",
    ),
    _poison(
        "retrying ends",
        "move_back",
        rewrite("islice(_1, _)", "_1"),
        f"{_POISON}::test_retry_ends_where_the_consumer_fails_again_at_once",
    ),
    _poison(
        "sent before it is deleted",
        "move_back",
        exchanged("send_message", "delete_message"),
        f"{_POISON}::test_retry_without_a_queue_to_move_to_keeps_the_messages",
    ),
    _poison(
        "messages never expire",
        "move_back",
        without_keyword("send_message", "time_to_live"),
        f"{_POISON}::test_moved_messages_never_expire",
    ),
    _retry("the operator is asked", "retry", without_call("confirm"), f"{_POISON}::test_retry_asks_first"),
)
