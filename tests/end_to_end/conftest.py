"""One deployment for the tests of a process, reset before each of them."""

from collections.abc import Iterator

import pytest

from tests.end_to_end.deployed import Deployed, deployed
from tests.eventually import eventually
from tests.sender import Sender, basic_item, body


@pytest.fixture(scope="session")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    with deployed(tmp_path_factory.mktemp("world")) as app:
        # The first POST of a process imports what it needs, which takes longer than it has on a busy machine.
        assert eventually(lambda: app.takes(body(basic_item())))
        yield app


@pytest.fixture
def app(deployment: Deployed) -> Deployed:
    deployment.reset()
    return deployment


@pytest.fixture(scope="session")
def graph(deployment: Deployed) -> Sender:
    """Graph's side; the app has its keys and the certificate already."""
    sender = deployment.sender()
    assert eventually(lambda: deployment.takes(sender.rich_body()))
    return sender
