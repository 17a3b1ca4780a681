"""One deployment for the tests of a process, as it was before each of them."""

from collections.abc import Iterator

import pytest

from tests.end_to_end.deployed import Deployed, deployed
from tests.sender import Sender


@pytest.fixture(scope="session")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    with deployed(tmp_path_factory.mktemp("world")) as app:
        yield app


@pytest.fixture
def app(deployment: Deployed) -> Deployed:
    deployment.as_it_was()
    return deployment


@pytest.fixture(scope="session")
def graph(deployment: Deployed) -> Sender:
    return deployment.sender()
