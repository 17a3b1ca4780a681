"""Runs the checks one after the other, and skips those that could only repeat what a failed one says.

Source: https://docs.python.org/3/library/time.html#time.monotonic
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from time import monotonic

from cli.doctor.case import Case
from cli.doctor.finding import Check, Finding, Level, of_problem
from cli.doctor.roles import of_the_login, role_remedies
from shared.errors import Problem

_BAD = Level.MEND


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a check has found, and how long it took."""

    check: Check
    finding: Finding
    seconds: float


def visit(checks: Sequence[Check], case: Case) -> Iterator[Result]:
    """Yield the result of each check."""
    failed: set[str] = set()
    for check in checks:
        began = monotonic()
        missing = next((name for name in check.needs if name in failed), None)
        finding = _examined(check, case) if missing is None else _skipped(missing)
        if missing is not None or finding.level >= _BAD:
            failed.add(check.name)
        yield Result(check=check, finding=finding, seconds=monotonic() - began)


def _skipped(missing: str) -> Finding:
    return Finding(level=Level.SKIPPED, text=f"skipped (needs {missing})")


def _examined(check: Check, case: Case) -> Finding:
    try:
        return check.examine(case)
    except Problem as problem:
        # What a check does not explain itself was refused to the operator's own login.
        found = of_problem(problem, *role_remedies(str(problem)))
        return Finding(level=found.level, text=of_the_login(found.text), remedies=found.remedies)
