"""What of the app a chaos run can do without, each a check or a rule: such a run has to fail."""

from collections.abc import Mapping
from enum import StrEnum

from tests.guards.edits import condition, rewrite, without_operand
from tests.guards.guard import Guard, Guarded

_TEST = "tests/chaos/test_run.py::test_run_without_the_rule_that_a_trouble_is_for_fails"
_FETCHED = "return _1.run_on(self._pool, self._fetch, _2).private_key"
_FETCHED_OR_NONE = f"""
try:
    {_FETCHED}
except Exception as silence:
    raise Undecryptable("no key") from silence
"""


class Without(StrEnum):
    """What to disable: redriving and catching up from outside, all else by an edit of the app."""

    REDRIVE = "redrive"
    CATCH_UP = "catch-up"
    CLIENT_STATES = "client states"
    GAPS_OF_REMOVED = "gaps of removed subscriptions"
    GAPS_OF_REPLACED = "gaps of replaced subscriptions"
    SILENCE = "silence of the vault"
    KNOWN_IDS = "known ids"


_graph = Guarded(area="chaos", module="shared/subscriptions/plan.py")
EDITS: Mapping[Without, Guard] = {
    Without.CLIENT_STATES: Guarded(area="chaos", module="shared/notifications/client_state.py")(
        Without.CLIENT_STATES, "authenticate", condition("compare_digest", becomes=True), _TEST
    ),
    Without.GAPS_OF_REMOVED: Guarded(area="chaos", module="shared/subscriptions/apply.py")(
        Without.GAPS_OF_REMOVED, "Applier._replacement", rewrite("_.merged_with(_1)", "_1"), _TEST
    ),
    Without.GAPS_OF_REPLACED: _graph(
        Without.GAPS_OF_REPLACED, "_action_for_live", rewrite("MissedInterval(since=_)", "None"), _TEST
    ),
    # What cannot be told is taken for a key that does not fit.
    Without.SILENCE: Guarded(area="chaos", module="shared/identity/key_vault.py")(
        Without.SILENCE, "CertificateVersions.private_key", rewrite(_FETCHED, _FETCHED_OR_NONE), _TEST
    ),
    # Only the list counts, and what it does not show is created.
    Without.KNOWN_IDS: _graph(Without.KNOWN_IDS, "plan", without_operand("as_tracked"), _TEST),
}
