"""A storage account for tests, in a process of its own."""

from collections.abc import Iterator
from contextlib import contextmanager

from sandbox.azurite import Azurite
from tests.sandbox.background import Background


@contextmanager
def running_azurite() -> Iterator[Azurite]:
    """Yield an empty account, which ends with the block."""
    azurite, background = Azurite(), Background()
    background.run(azurite.start())
    try:
        yield azurite
    finally:
        background.run(azurite.stop())
        background.close()
