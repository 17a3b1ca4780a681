"""What a row of the tables of faults is: a fault that a test switches on, and what the doctor has to say of it."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass

from cli.doctor.checks import CHECKS
from tests.cli.doctor.patients import lines
from tests.cli.operator import Operator

type Switch = Callable[[Operator], AbstractContextManager[object]]

SKIPPING = frozenset({"mend", "down"})


@dataclass(frozen=True, kw_only=True)
class Row:
    """``lines``: the level of each check that is not well; the first one says ``says``, in its line or below it."""

    name: str
    fault: Switch
    lines: Mapping[str, str]
    says: tuple[str, ...]

    def __str__(self) -> str:
        return self.name


def skipped_by(names: Mapping[str, str]) -> set[str]:
    """Return the checks that need one that has failed, directly or by way of others."""
    failed = {name for name, level in names.items() if level in SKIPPING}
    skipped: set[str] = set()
    for check in CHECKS:
        if set(check.needs) & (failed | skipped):
            skipped.add(check.name)
    return skipped


def check(operator: Operator, row: Row) -> None:
    """Check that a fault changes exactly the lines of its row, and that the first of them says what to do."""
    with row.fault(operator):
        found = lines(operator)
    said = {name: line["level"] for name, line in found.items()}
    bad = {name: level for name, level in said.items() if level not in {"ok", "skipped"}}
    assert bad == row.lines, {name: found[name]["text"] for name in bad.keys() ^ row.lines.keys() if name in found}
    assert {name for name, level in said.items() if level == "skipped"} == skipped_by(row.lines)
    first = found[next(iter(row.lines))]
    shown = "\n".join([str(first["text"]), *(f"-> {remedy}" for remedy in first["remedies"])])
    for sentence in row.says:
        assert sentence in shown
