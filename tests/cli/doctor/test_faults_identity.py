"""Each fault of settings, logins, the vault, Entra ID and the registration: it changes exactly the lines of its row."""

import pytest

from tests.cli.doctor.faults import Row, check
from tests.cli.doctor.faults_identity import IDENTITY
from tests.cli.operator import Operator

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("doctor-identity"),
    # The queue client's own, where storage refuses it.
    pytest.mark.filterwarnings("ignore:Testing an element's truth value:DeprecationWarning"),
]


@pytest.mark.parametrize("row", IDENTITY, ids=str)
def test_fault_changes_exactly_its_lines(well: Operator, row: Row) -> None:
    check(well, row)
