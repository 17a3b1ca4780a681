"""The guards of what is bounded: what an operator deletes, lists without an end, and calls without an answer."""

from tests.guards.edits import condition, keyword_becomes, rewrite, without_call, without_if, without_raise
from tests.guards.guard import Guarded

_PURGING = "tests/cli/test_parked_purge.py"
_BY_BOTH = f"{_PURGING}::test_purge_deletes_what_is_parked_by_tenant_and_reason"
_ASKED = f"{_PURGING}::test_purge_shows_the_count_and_asks_first"
_NOT_ALL = f"{_PURGING}::test_purge_without_tenant_and_reason_exits_2"

_CALLS = "tests/unit/test_bounded_calls.py"
_DOWN = f"{_CALLS}::test_system_with_four_abandoned_calls_is_not_called"
_TRICKLING = "tests/integration/graph/test_client_trickling.py"

_TRANSPORT = "tests/integration/test_bounded_transport.py"

_transport = Guarded(area="bounded", module="shared/app/bounded_transport.py")
_calls = Guarded(area="bounded", module="shared/bounded_calls.py")
_graph = Guarded(area="bounded", module="shared/graph/client.py")
_purging = Guarded(area="parked purge", module="cli/commands/parked.py")

_PURGED = (
    _purging("an operator is asked", "purge", without_call("confirm"), _ASKED),
    _purging("not everything", "purge", without_raise("BadParameter"), _NOT_ALL),
    _purging("of one tenant", "purge", rewrite("tenant.lower() in _", "True"), _BY_BOTH),
    _purging("for one reason", "purge", rewrite("reason in _", "True"), _BY_BOTH),
)

_LINKED = (
    Guarded(area="gap", module="shared/gaps/list_walk.py")(
        "links in a circle end the list",
        "_Links.after",
        without_raise("Unavailable"),
        "tests/unit/gaps/test_list_walk_circles.py::test_links_in_a_circle_are_unavailable",
    ),
    Guarded(area="gap", module="shared/gaps/list_walk.py")(
        "a circle behind the first pages ends the list",
        "_Links.after",
        rewrite("_1 == self._until_next_mark", "False"),
        "tests/unit/gaps/test_list_walk_circles.py::test_links_in_a_circle_are_unavailable",
    ),
)

_BOUNDED = (
    _calls(
        "not longer than its time-out",
        "BoundedCalls.call",
        keyword_becomes("result", "timeout", "None"),
        f"{_CALLS}::test_call_that_goes_on_for_too_long_is_unavailable",
    ),
    _calls("down with four abandoned calls", "BoundedCalls.call", without_if("MAX_ABANDONED"), _DOWN),
    _calls("abandoned calls are counted", "BoundedCalls._abandon", without_call("add"), _DOWN),
    _calls(
        "up again when they have ended",
        "BoundedCalls._abandon",
        without_call("add_done_callback"),
        f"{_CALLS}::test_system_whose_abandoned_calls_have_ended_is_called_again",
    ),
    _transport(
        "a call to storage or the vault",
        "BoundedTransport.send",
        rewrite("self._calls.call(_1)", "_1()"),
        f"{_TRANSPORT}::test_call_that_trickles_is_unavailable_in_time",
    ),
    _transport(
        "a call that has a deadline of its own is not",
        "BoundedTransport.send",
        without_if("FAIL_FAST"),
        f"{_TRANSPORT}::test_call_of_the_receiving_path_is_left_to_its_deadline",
    ),
    _graph(
        "a call for a subscription",
        "Graph._request_json",
        rewrite("self._calls.call(_1, _2, _3)", "_1(_2, _3)"),
        f"{_TRICKLING}::test_call_that_trickles_is_unavailable_in_time",
    ),
    _graph(
        "a read of a list",
        "Graph._get",
        rewrite("self._reads.call(_1, _2, _3)", "_1(_2, _3)"),
        f"{_TRICKLING}::test_call_that_trickles_is_unavailable_in_time",
    ),
    _graph(
        "reads apart from renewals",
        "Graph._get",
        rewrite("self._reads.call(_1, _2, _3)", "self._calls.call(_1, _2, _3)"),
        f"{_TRICKLING}::test_lists_that_trickle_leave_renewals_alone",
    ),
    _graph(
        "a read that has a deadline of its own is not",
        "Graph._get",
        condition("is_bounded", becomes=True),
        f"{_TRICKLING}::test_resource_that_a_post_waits_for_is_left_to_its_deadline",
    ),
    _graph(
        "the token of a renewal",
        "Graph.token_expires_at",
        rewrite("self._calls.call(_1)", "_1()"),
        f"{_TRICKLING}::test_token_that_does_not_come_is_unavailable_in_time",
    ),
    _graph(
        "the token that people are shown the permissions of",
        "Graph.access_token",
        rewrite("self._calls.call(_1)", "_1()"),
        f"{_TRICKLING}::test_token_that_does_not_come_is_unavailable_in_time",
    ),
)

GUARDS = (*_PURGED, *_LINKED, *_BOUNDED)
