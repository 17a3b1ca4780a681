"""A deployment for each test, with tenants of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.azurite import Azurite
from tests.flows.deployment import LoopbackDeployment, loopback_deployment


@pytest.fixture
def deployment(tmp_path: Path, azurite: Azurite) -> Iterator[LoopbackDeployment]:
    with loopback_deployment(tmp_path, azurite) as deployment:
        yield deployment
