"""Each fault of the vault and of the certificate in it: it changes exactly the lines of its row."""

import pytest

from tests.cli.doctor.faults import Row, check
from tests.cli.doctor.faults_vault import VAULT
from tests.cli.operator import Operator

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("doctor-vault"),
    # The queue client's own, where storage refuses it.
    pytest.mark.filterwarnings("ignore:Testing an element's truth value:DeprecationWarning"),
]


@pytest.mark.parametrize("row", VAULT, ids=str)
def test_fault_changes_exactly_its_lines(well: Operator, row: Row) -> None:
    check(well, row)
