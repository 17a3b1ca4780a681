"""Each fault that can be switched on changes exactly the lines of its row, which say what to do."""

from collections.abc import Iterator

import pytest

from cli.doctor.checks import CHECKS
from sandbox.azurite import Azurite
from tests.cli.doctor.faults import Row, skipped_by
from tests.cli.doctor.faults_outside import OUTSIDE
from tests.cli.doctor.patients import lines, patient
from tests.cli.operator import Operator

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("doctor")]

FAULTS = (*OUTSIDE,)


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory, azurite: Azurite) -> Iterator[Operator]:
    with patient(tmp_path_factory.mktemp("doctor"), azurite) as operator:
        yield operator


def test_deployment_that_is_well_has_only_good_lines(operator: Operator) -> None:
    ran = operator.run("doctor")
    assert (ran.exit_code, ran.stderr) == (0, ""), ran.stdout
    *found, last = ran.stdout.splitlines()
    assert [line.split()[:2] for line in found] == [[check.name, "ok"] for check in CHECKS]
    assert last.startswith(f"{len(CHECKS)} good  ")
    # Ten seconds are what an operator waits for; a busy machine gets some more.
    assert float(last.split()[-2]) < 10


@pytest.mark.parametrize("row", FAULTS, ids=str)
def test_fault_changes_exactly_its_lines(operator: Operator, row: Row) -> None:
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


def test_there_are_at_least_thirty_faults() -> None:
    assert len({row.name for row in FAULTS}) == len(FAULTS) >= 30
