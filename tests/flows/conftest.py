"""One Azurite for all flows of a process: each world has tenants, hence partitions, of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.azurite import Azurite
from tests.flows.world import World
from tests.flows.world import world as started_world
from tests.sandbox.background import Background


@pytest.fixture(scope="session")
def azurite() -> Iterator[Azurite]:
    azurite, background = Azurite(), Background()
    background.run(azurite.start())
    yield azurite
    background.run(azurite.stop())
    background.close()


@pytest.fixture
def world(tmp_path: Path, azurite: Azurite) -> Iterator[World]:
    with started_world(tmp_path, azurite) as world:
        yield world
