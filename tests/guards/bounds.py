"""The guards of what is bounded: what an operator deletes, lists without an end, and calls without an answer."""

from tests.guards.edits import rewrite, without_call, without_raise
from tests.guards.guard import Guarded

_PURGING = "tests/cli/test_parked_purge.py"
_BY_BOTH = f"{_PURGING}::test_purge_deletes_what_is_parked_by_tenant_and_reason"
_ASKED = f"{_PURGING}::test_purge_shows_the_count_and_asks_first"
_NOT_ALL = f"{_PURGING}::test_purge_without_tenant_and_reason_exits_2"

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

GUARDS = (*_PURGED, *_LINKED)
