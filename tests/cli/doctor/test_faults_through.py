"""Each fault of the storage account and of what is on its way: it changes exactly the lines of its row."""

import pytest

from tests.cli.doctor.faults import Row, check
from tests.cli.doctor.faults_through import THROUGH
from tests.cli.operator import Operator

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("doctor-through"),
    # The queue client's own, where storage refuses it.
    pytest.mark.filterwarnings("ignore:Testing an element's truth value:DeprecationWarning"),
]


@pytest.mark.parametrize("row", THROUGH, ids=str)
def test_fault_changes_exactly_its_lines(well: Operator, row: Row) -> None:
    check(well, row)
