"""The tree of problems: what helps is the class, so that no class may stand for two answers."""

from shared import errors
from shared.errors import Conflict, Misconfigured, NotFound, Problem, Rejected, Unavailable

ALL = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, Problem)]


def test_every_problem_belongs_to_exactly_one_of_five_classes() -> None:
    """A lost race (``Conflict``) that was also ``Misconfigured`` would be reported as a wrong setting."""
    classes = (Rejected, Unavailable, Misconfigured, NotFound, Conflict)
    for problem in set(ALL) - {Problem}:
        assert sum(issubclass(problem, each) for each in classes) == 1, problem


def test_every_rejection_has_a_reason_of_its_own() -> None:
    reasons = {problem.reason for problem in ALL if issubclass(problem, Rejected) and problem is not Rejected}
    assert reasons == {"malformed", "client-state", "validation-token", "unknown-certificate", "undecryptable"}
