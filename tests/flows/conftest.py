"""A world for each flow: it has tenants, hence partitions, of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.azurite import Azurite
from tests.flows.world import World
from tests.flows.world import world as started_world


@pytest.fixture
def world(tmp_path: Path, azurite: Azurite) -> Iterator[World]:
    with started_world(tmp_path, azurite) as world:
        yield world
