"""The guards of receiving: nothing is done for what is not ours, and trouble with one item delays no other."""

from tests.guards.edits import (
    condition,
    exchanged,
    keyword_becomes,
    rewrite,
    without_call,
    without_except,
    without_if,
    without_item,
    without_operand,
    without_raise,
)
from tests.guards.guard import Guarded

_RECEIVING = "tests/unit/receiving/test_receive.py"
_PARKING = "tests/unit/receiving/test_receive_parking.py"
_FETCHING = "tests/unit/receiving/test_receive_fetching.py"
_LIMITS = "tests/unit/test_limits_concurrency.py"
_AT_ONCE = "tests/unit/receiving/test_receive_at_once.py"
_IN_TURN = f"{_AT_ONCE}::test_large_bodies_are_processed_one_after_the_other"
_FAIL_SLOWLY = f"{_AT_ONCE}::test_items_that_fail_after_long_are_a_stall"
_OUTCOME = f"{_RECEIVING}::test_every_post_has_its_documented_outcome_and_writes_no_log"
_ACTIVITY = f"{_RECEIVING}::test_lifecycle_notification_is_recorded_for_the_timer_and_published"
_LARGE = f"{_RECEIVING}::test_second_large_body_at_a_time_is_refused_and_small_ones_are_not"
_NO_CALL = f"{_RECEIVING}::test_nothing_that_is_not_ours_causes_a_call"
_NO_TOKEN = f"{_RECEIVING}::test_no_token_is_judged_before_a_rich_item_is_authentic"
_OWN_TENANT = f"{_RECEIVING}::test_token_vouches_for_its_own_tenant_only"
_NO_KEY = f"{_RECEIVING}::test_no_key_is_asked_for_before_an_item_is_authentic"
_TWO_UPDATES = f"{_RECEIVING}::test_two_updates_without_content_in_one_post_are_two_events"
_DEPENDENT = f"{_PARKING}::test_failing_port_parks_the_items_that_depend_on_it_alone"
_POSITIONS = f"{_PARKING}::test_id_of_an_update_does_not_depend_on_what_else_is_published"
_NOT_STORED = f"{_PARKING}::test_post_is_refused_if_an_item_can_be_neither_published_nor_parked"
_NO_SLOT = f"{_PARKING}::test_items_that_get_no_slot_are_parked_and_cause_no_call"
_HANGS = f"{_PARKING}::test_tenant_that_hangs_is_parked_and_the_other_published"
_NO_VERSION = f"{_PARKING}::test_text_in_the_url_that_is_no_version_is_not_stored"
_NO_QUARANTINE = f"{_PARKING}::test_post_is_refused_if_a_rejected_item_cannot_be_quarantined"
_TIME_LEFT = f"{_PARKING}::test_hanging_port_leaves_time_for_parking"
_NOT_SERVED = f"{_PARKING}::test_tenant_that_is_not_served_is_parked_beside_the_others"
_TEN_THOUSAND = f"{_PARKING}::test_post_of_ten_thousand_items_is_parked_in_time"
_TOO_LATE = "tests/unit/receiving/test_receive_deadline.py::test_item_is_parked_once_the_deadline_has_passed"
_LEADING_OUT = f"{_FETCHING}::test_other_path_is_quarantined_and_the_rest_published"
_CREATED = f"{_FETCHING}::test_404_is_reported_as_gone_but_for_what_was_just_created"
_NOT_FETCHED = f"{_FETCHING}::test_nothing_that_is_not_ours_is_fetched"
_WITHOUT_VERSION = f"{_FETCHING}::test_nothing_is_fetched_without_a_version_of_graph"
_RICH = f"{_FETCHING}::test_rich_item_without_a_token_is_not_fetched_instead"
_LIFECYCLE = f"{_FETCHING}::test_rich_item_and_lifecycle_notification_are_not_fetched"
_TWICE = f"{_FETCHING}::test_resource_that_is_named_twice_is_fetched_once"
_UNREADABLE = f"{_FETCHING}::test_one_resource_that_cannot_be_read_delays_no_other"
_REFUSED = f"{_LIMITS}::test_request_without_a_slot_is_refused_after_a_while"
_STALLED = f"{_LIMITS}::test_requests_wait_only_briefly_while_another_is_stalled"
_RELEASED = f"{_LIMITS}::test_slot_is_released_however_the_block_ends"
_RESERVED = f"{_LIMITS}::test_slow_tenant_leaves_the_last_slots_to_the_others"
_QUICK = f"{_LIMITS}::test_quick_refusal_is_no_stall"
_REPORTED = f"{_LIMITS}::test_slot_that_reports_a_failure_after_long_is_a_stall"
_CUT = f"{_LIMITS}::test_stall_cuts_the_wait_of_those_already_waiting"

_post = Guarded(area="post", module="shared/receiving/receive.py")
_item = Guarded(area="items", module="shared/receiving/item_publisher.py")
_limit = Guarded(area="limit", module="shared/limits.py")

_OURS = (
    _post(
        "client states are checked",
        "Receiver.open",
        rewrite("authenticate(_1, keys=_)", "AuthenticItem(tenant_id=self.tenant_ids[0], raw=_1)"),
        _OUTCOME,
    ),
    _post(
        "nothing is fetched for what is not ours",
        "Receiver.open",
        rewrite("authenticate(_1, keys=_)", "AuthenticItem(tenant_id=self.tenant_ids[0], raw=_1)"),
        _NOT_FETCHED,
    ),
    _post(
        "nothing is asked for what is not ours",
        "Receiver.open",
        rewrite("authenticate(_1, keys=_)", "AuthenticItem(tenant_id=self.tenant_ids[0], raw=_1)"),
        _NO_CALL,
    ),
    _post("a stranger's item is dropped", "Receiver.open", condition("authenticate", becomes=True), _OUTCOME),
    _post("no arbitrary text in a blob's metadata", "Receiver.open", without_call("api_version"), _NO_VERSION),
    _post(
        "items keep their positions", "Receiver.open", rewrite("zip(_, _1, strict=True)", "enumerate(_1)"), _POSITIONS
    ),
    _post("one large body at a time", "Receiver._room_for", without_raise("Unavailable"), _LARGE),
    _post("a large body makes room", "Receiver._room_for", without_call("release"), _IN_TURN),
)

_STORED = (
    _post("no 202 before all is stored", "Receiver.receive", without_call("store"), _NOT_STORED),
    _post("what may work later is parked", "Receiver.store", without_call("park"), _NOT_STORED),
    _post("what will not work is quarantined", "Receiver.store", without_call("quarantine"), _NO_QUARANTINE),
    _post("time is left for storing", "Receiver.receive", rewrite("_1.less(_FOR_STORING)", "_1"), _TIME_LEFT),
    _post("a tenant that is not served", "Receiver._process_tenant", without_if("tenant_ids"), _NOT_SERVED),
    _post("each tenant by itself", "Receiver.process", rewrite("len(_) <= 1", "True"), _HANGS),
    _post("a tenant that takes too long", "_problems_of", without_except("Unavailable"), _HANGS),
    _post(
        "a slot is needed",
        "Receiver._process_tenant",
        rewrite("self.limiter.slot(_1)", "ConcurrencyLimiter(9).slot(_1)"),
        _NO_SLOT,
    ),
    _post("without a slot it is parked", "_problems_of", without_except("Unavailable"), _NO_SLOT),
    _post("items that fail are a stall", "Receiver._process_tenant", rewrite("any(_)", "False"), _FAIL_SLOWLY),
)

_VOUCHED = (
    _item(
        "no token before an item of ours",
        "_Publication._vouchers",
        condition("encrypted_content", becomes=False),
        _NO_TOKEN,
    ),
    _item("resource data needs a token", "_Publication._keys", without_if("tenant_ids"), _OUTCOME),
    _item(
        "each tenant's own token",
        "_Publication._keys",
        rewrite("_ not in _1.tenant_ids", "not _1.tenant_ids"),
        _OWN_TENANT,
    ),
    _item("no keys is no bad token", "_Publication._keys", rewrite("_.problem or _1", "_1"), _DEPENDENT),
    _item("no key before a token", "_Publication._keys", exchanged("tenant_ids", "private_key"), _NO_KEY),
)

_EACH = (
    _item("a pending item stops no other", "_Publication._each", without_item("Pending"), _DEPENDENT),
    _item("a rejected item stops no other", "_Publication._each", without_item("Rejected"), _OUTCOME),
    _item("a sink that fails parks", "_Publication._all", without_item("Pending"), _DEPENDENT),
    _item("a copy of an expired subscription", "_Publication._notification", without_raise("Expired"), _OUTCOME),
    _item("lifecycle events are recorded", "_Publication._record_activity", without_call("_all"), _ACTIVITY),
    _item(
        "a stored change is no activity",
        "_Publication._record_activity",
        without_operand("age"),
        "tests/unit/receiving/test_redrive_settling.py::test_stored_change_is_no_activity",
    ),
    _item(
        "no key is unwrapped after the deadline", "_Publication._keys", without_call("raise_if_passed"), _TEN_THOUSAND
    ),
    _item("no event is built after the deadline", "_Publication._event", without_call("raise_if_passed"), _TOO_LATE),
    _item(
        "ids tell positions apart", "_Publication._event", keyword_becomes("change_event", "ordinal", "0"), _TWO_UPDATES
    ),
)

_FETCHED = (
    _item(
        "nothing without a version",
        "_Publication._fetch",
        rewrite("if _ is None:\n  return {}", "pass"),
        _WITHOUT_VERSION,
    ),
    _item("only items without content", "_Publication._fetch", without_operand("encrypted_content"), _RICH),
    _item("changes only", "_Publication._fetch", without_operand("lifecycle_event"), _LIFECYCLE),
    _item("a resource is read once", "_Publication._fetch", rewrite("set(_1)", "list(_1)"), _TWICE),
    _item("another path is not published", "_Publication.run", rewrite("_ not in self.problems", "True"), _LEADING_OUT),
    _item("what cannot be read is not published", "_Publication._event", without_if("Rejected"), _UNREADABLE),
    _item("a 404 of a creation is parked", "_Publication._event", without_raise("NotFoundYet"), _CREATED),
    _item("a 404 of an update is not", "_Publication._event", without_operand("created"), _CREATED),
    _item("a 404 of an old creation is not", "_Publication._event", without_operand("age"), _CREATED),
)

_LIMITED = (
    _limit("no work without a slot", "ConcurrencyLimiter.slot", without_raise("Unavailable"), _REFUSED),
    _limit("the wait for a slot is short", "_WAIT_SECONDS", rewrite("1.4", "5.0"), _REFUSED),
    _limit("slots are released", "ConcurrencyLimiter._release", rewrite("self._free += _", "pass"), _RELEASED),
    _limit(
        "slots are reserved for other tenants", "ConcurrencyLimiter._is_free", rewrite("_ if _ else 0", "0"), _RESERVED
    ),
    _limit("a slow failure is a stall", "ConcurrencyLimiter.slot", condition("_SLOW_SECONDS", becomes=False), _STALLED),
    _limit("a quick failure is none", "ConcurrencyLimiter.slot", condition("_SLOW_SECONDS", becomes=True), _QUICK),
    _limit(
        "a reported failure is a stall", "ConcurrencyLimiter.slot", condition("has_failed", becomes=True), _REPORTED
    ),
    _limit("a stall cuts the wait of others", "ConcurrencyLimiter.slot", without_operand("_is_stalled"), _CUT),
)

GUARDS = (*_OURS, *_STORED, *_VOUCHED, *_EACH, *_FETCHED, *_LIMITED)
