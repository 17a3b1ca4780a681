"""The hierarchy of problems: what the caller's one question, whether a retry helps, rests on."""

from shared import errors
from shared.errors import Misconfigured, Problem, Rejected, Unavailable

ALL = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, Problem)]


def test_every_problem_answers_in_exactly_one_way_whether_a_retry_helps() -> None:
    for problem in set(ALL) - {Problem}:
        assert sum(issubclass(problem, answer) for answer in (Rejected, Unavailable, Misconfigured)) == 1, problem


def test_every_rejection_has_a_reason_of_its_own() -> None:
    reasons = {problem.reason for problem in ALL if issubclass(problem, Rejected) and problem is not Rejected}
    assert reasons == {"malformed", "client-state", "validation-token", "unknown-certificate", "undecryptable"}
