"""The tree of problems: what helps is the class, so that no class may stand for two answers."""

import pytest

from shared import errors
from shared.errors import Conflict, NotFound, Pending, Problem, Rejected

ALL = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, Problem)]


def test_every_problem_belongs_to_exactly_one_of_four_classes() -> None:
    """A lost race (``Conflict``) that was also ``Misconfigured`` would be reported as a wrong setting."""
    classes = (Rejected, Pending, NotFound, Conflict)
    for problem in set(ALL) - {Problem}:
        assert sum(issubclass(problem, each) for each in classes) == 1, problem


@pytest.mark.parametrize(
    ("group", "reasons"),
    [
        (Rejected, {"malformed", "validation-token", "undecryptable", "refused", "expired"}),
        (
            Pending,
            {"unavailable", "misconfigured", "tenant-not-served", "certificate-unknown", "not-found-yet", "probe"},
        ),
    ],
)
def test_every_problem_of_an_item_has_a_reason(group: type[Rejected | Pending], reasons: set[str]) -> None:
    assert {problem.reason for problem in ALL if issubclass(problem, group) and problem is not group} == reasons
