"""The guards of receiving: nothing is done for what is not authentic, and nothing authentic is lost."""

from tests.guards.edits import (
    condition,
    exchanged,
    rewrite,
    without_call,
    without_except,
    without_if,
    without_keyword,
    without_operand,
    without_raise,
    without_with,
)
from tests.guards.guard import Guarded

_RECEIVING = "tests/unit/receiving/test_receive.py"
_PARKING = "tests/unit/receiving/test_receive_parking.py"
_FETCHING = "tests/unit/receiving/test_receive_fetching.py"
_LIMITS = "tests/unit/test_limits_concurrency.py"
_OUTCOME = f"{_RECEIVING}::test_every_post_has_its_documented_outcome_and_writes_no_log"
_OUT_OF_REACH = f"{_RECEIVING}::test_unavailable_dependency_fails_the_whole_post"
_ACTIVITY = f"{_RECEIVING}::test_lifecycle_notification_is_recorded_and_published"
_PARKED = f"{_PARKING}::test_failing_dependency_has_the_post_parked_as_it_came"
_NEVER_KEPT = f"{_PARKING}::test_unauthentic_post_is_never_stored"
_LEADING_OUT = f"{_FETCHING}::test_resource_outside_graph_rejects_only_its_item"
_NO_SLOT = f"{_LIMITS}::test_request_without_a_slot_is_refused_after_a_while"
_RELEASED = f"{_LIMITS}::test_slot_is_released_however_the_block_ends"
_REDRIVING = "tests/unit/receiving/test_redrive.py"
_STORED = "tests/integration/receiving/test_post_store.py"

_receiving = Guarded(area="receiving", module="shared/receiving/receive.py")
_parking = Guarded(area="parking", module="shared/receiving/receive.py")
_post = Guarded(area="post", module="shared/receiving/receive.py")
_limit = Guarded(area="post", module="shared/limits.py")
_redriving = Guarded(area="redriving", module="shared/receiving/redrive.py")

_ORDER = (
    _receiving(
        "client states are checked",
        "Receiver._authenticate",
        rewrite("authenticate(_1, keys=_, tenant_ids=_)", "AuthenticNotification(_1)"),
        _OUTCOME,
    ),
    _receiving(
        "no token before an authentic item",
        "Receiver._covered_tenants",
        condition("encrypted_content", becomes=False),
        f"{_RECEIVING}::test_no_token_is_looked_at_before_a_rich_item_is_authentic",
    ),
    _receiving(
        "a bad token covers no tenant",
        "Receiver._covered_tenants",
        rewrite("return frozenset()", "return frozenset(self.tenant_ids)", nth=1),
        _OUTCOME,
    ),
    _receiving(
        "each tenant's own token",
        "Receiver._decrypt",
        rewrite("_.tenant_id not in _1", "not _1"),
        f"{_RECEIVING}::test_each_tenants_items_need_a_token_of_their_own_tenant",
    ),
    _receiving(
        "no key before a token",
        "Receiver._decrypt",
        exchanged("tenant_id", "private_key"),
        f"{_RECEIVING}::test_no_key_is_asked_for_before_an_item_is_authentic",
    ),
    _receiving("resource data needs a token", "Receiver._decrypt", without_raise("InvalidValidationToken"), _OUTCOME),
    _receiving("a rejected item stops no other", "partition", without_except("Rejected"), _OUTCOME),
    _receiving(
        "nothing is published before all is decided",
        "Receiver._process",
        rewrite(
            "self._decide(_1, _2)",
            "([self.publish(self._decide(_1, [each])[0], _1.deadline) for each in _2], self._decide(_1, _2))[1]",
        ),
        _OUT_OF_REACH,
    ),
    _receiving(
        "quarantine comes before publishing",
        "Receiver._process",
        exchanged("_quarantine", "publish"),
        f"{_PARKING}::test_quarantine_comes_before_publishing",
    ),
    _receiving(
        "refused items are quarantined",
        "Receiver._process",
        without_call("_quarantine"),
        f"{_PARKING}::test_what_was_authentic_and_is_refused_goes_to_quarantine_as_it_came",
    ),
    _receiving(
        "an item that cannot be written as JSON",
        "Receiver._quarantine",
        without_except("RecursionError"),
        f"{_PARKING}::test_item_that_cannot_be_serialized_is_stored_with_its_post",
    ),
    _receiving(
        "no arbitrary text in a blob's metadata",
        "Receiver.receive",
        without_call("api_version"),
        f"{_PARKING}::test_fetch_parameter_that_is_no_version_is_not_stored",
    ),
    _receiving(
        "a slot is needed",
        "Receiver.receive",
        without_with("slot"),
        f"{_PARKING}::test_post_without_a_slot_is_parked_without_any_call",
    ),
)

_PARKED_POSTS = (
    _parking(
        "a POST without authentic items is not parked",
        "Receiver.receive",
        rewrite("if not _:\n  return _", "pass"),
        _NEVER_KEPT,
    ),
    _parking(
        "only authentic items are parked",
        "Receiver.receive",
        rewrite("partition(_1, self._authenticate)", "([each for each in _1 if not isinstance(each, Malformed)], {})"),
        _NEVER_KEPT,
    ),
    _parking(
        "time is left for parking",
        "Receiver.receive",
        rewrite("_1.less(_FOR_PARKING)", "_1"),
        f"{_PARKING}::test_hanging_dependency_leaves_time_for_parking",
    ),
    _post("parked whatever the problem is", "Receiver.receive", without_except("Problem"), _PARKED),
    _post("a malformed item is dropped", "Receiver._authenticate", without_if("Malformed"), _OUTCOME),
    _post("no success without parking", "Receiver._park", without_if("park"), _OUT_OF_REACH),
    _post("activity is recorded", "Receiver._process", without_call("record_activity"), _ACTIVITY),
    _post(
        "an unavailable key is not a bad token",
        "Receiver._covered_tenants",
        rewrite("InvalidValidationToken", "Exception"),
        _OUT_OF_REACH,
    ),
    _post(
        "nothing is fetched without a version",
        "Receiver._fetch",
        without_if("fetch"),
        f"{_FETCHING}::test_without_a_version_of_graph_nothing_is_fetched",
    ),
    _post(
        "a malformed path is not fetched",
        "Receiver._fetch",
        condition("ResourceLocation", becomes=True, nth=0),
        _LEADING_OUT,
    ),
    _post("a malformed path stops no other item", "_location", without_except("Malformed"), _LEADING_OUT),
    _post("a malformed path is refused", "Receiver._decide", without_if("Malformed"), _LEADING_OUT),
)

_LIMITED = (
    _limit("no work without a slot", "ConcurrencyLimiter.slot", without_raise("Unavailable"), _NO_SLOT),
    _limit("the wait for a slot is short", "_WAIT_SECONDS", rewrite("1.4", "5.0"), _NO_SLOT),
    _limit("slots are released", "ConcurrencyLimiter._release", rewrite("self._free += _", "pass"), _RELEASED),
)

_REDRIVEN = (
    _redriving(
        "postponed before it is processed",
        "Redriver.attempt",
        rewrite("self.store.claim(_1, _)", "_1"),
        f"{_REDRIVING}::test_post_that_crashes_the_run_is_postponed_and_never_lost",
    ),
    _redriving(
        "checked as of its receipt",
        "Redriver.attempt",
        rewrite("_.received_at", "self.now()"),
        f"{_REDRIVING}::test_a_body_is_judged_and_published_as_of_its_receipt",
    ),
    _redriving(
        "a dropped POST stays stored",
        "Redriver._is_done",
        rewrite("_.published + _.quarantined > 0", "True"),
        f"{_REDRIVING}::test_what_is_not_authentic_any_more_stays_where_it_is",
    ),
    _redriving(
        "a POST in quarantine stays until all of it is published",
        "Redriver._is_done",
        without_operand("quarantined"),
        f"{_REDRIVING}::test_a_body_in_quarantine_stays_until_all_of_it_is_published",
    ),
    Guarded(area="storage", module="shared/receiving/post_store.py")(
        "a POST is claimed by one run",
        "PostStore.claim",
        without_keyword("set_blob_metadata", "match_condition"),
        f"{_STORED}::test_second_claim_of_a_post_is_a_conflict",
    ),
)

GUARDS = (*_ORDER, *_PARKED_POSTS, *_LIMITED, *_REDRIVEN)
