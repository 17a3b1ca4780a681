"""What all tests share: one storage account."""

from collections.abc import Iterator

import pytest

from sandbox.azurite import Azurite
from tests.sandbox.background import Background


@pytest.fixture(scope="session")
def azurite() -> Iterator[Azurite]:
    """One account for all tests of a process: each takes names, or tenants, of its own."""
    azurite, background = Azurite(), Background()
    background.run(azurite.start())
    yield azurite
    background.run(azurite.stop())
    background.close()
