"""The guards of what operators are shown: nothing secret, nothing that is not so, and the right exit status."""

from tests.guards.edits import rewrite, without_if
from tests.guards.guard import Guarded

_OUTSIDE = "tests/cli/doctor/test_faults_outside.py::test_fault_changes_exactly_its_lines"
_APP = "tests/cli/doctor/test_faults_app.py::test_fault_changes_exactly_its_lines"
_ANSWERS = "tests/integration/subscriptions/test_status_table.py::test_answers_of_a_thousand_systems_keep_the_errors"

_exit = Guarded(area="looking", module="cli/exit_codes.py")
_outside = Guarded(area="looking", module="cli/doctor/outside.py")
_app = Guarded(area="looking", module="cli/doctor/app.py")
_visit = Guarded(area="looking", module="cli/doctor/visit.py")
_status = Guarded(area="looking", module="shared/subscriptions/status_table.py")
_row = Guarded(area="looking", module="shared/subscriptions/deployment_status.py")

GUARDS = (
    _exit(
        "not signed in is no outage",
        "_status",
        rewrite("not isinstance(_, NotSignedIn)", "True"),
        "tests/cli/test_exit_codes.py::test_problem_ends_a_command_with_its_exit_status",
    ),
    _outside("no query of a redirect", "_wrong", rewrite("_1.partition('?')[0]", "_1"), _OUTSIDE),
    _outside("the exact text of the handshake", "_wrong", rewrite("_ != _TOKEN", "False"), _OUTSIDE),
    _outside("the type of the handshake", "_wrong", rewrite("not _.startswith('text/plain')", "False"), _OUTSIDE),
    _app("a silent timer", "timer", without_if("SILENT_AFTER"), _APP),
    _app(
        "settings of another app",
        "same_app",
        without_if("differences"),
        "tests/cli/doctor/test_faults_identity.py::test_fault_changes_exactly_its_lines",
    ),
    _visit(
        "skip what could only repeat it",
        "visit",
        rewrite("next(_, None)", "None"),
        _OUTSIDE,
    ),
    _status("errors before what works", "_within_column", rewrite("sorted(_1, key=_)", "_1"), _ANSWERS),
    _status("what fits into a column", "_within_column", rewrite("_ < 0", "False"), _ANSWERS),
    _row(
        "what nobody can tell is no refusal",
        "failures",
        rewrite("not _.startswith(UNCLEAR)", "True"),
        "tests/cli/test_glance.py::test_what_is_wrong_colours_the_light_and_is_in_the_sentence",
    ),
)
