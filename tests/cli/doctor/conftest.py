"""A deployment that is well: the tests of a module change something, and put it back."""

from collections.abc import Iterator

import pytest

from sandbox.azurite import Azurite
from tests.cli.doctor.patients import patient
from tests.cli.operator import Operator


@pytest.fixture(scope="module")
def well(tmp_path_factory: pytest.TempPathFactory, azurite: Azurite) -> Iterator[Operator]:
    with patient(tmp_path_factory.mktemp("doctor"), azurite) as operator:
        yield operator
