"""The services that the edges talk to: started once a module, and as they were before each test."""

from collections.abc import Iterator

import pytest

from sandbox.azurite import Azurite
from tests.edges.outside import Outside
from tests.edges.outside import outside as outside_services
from tests.sandbox.background import Background


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    with outside_services(tmp_path_factory.mktemp("outside")) as services:
        yield services


@pytest.fixture
def outside(services: Outside, monkeypatch: pytest.MonkeyPatch) -> Outside:
    services.as_it_was()
    for name in ("AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_TENANT_ID", "AZURE_TOKEN_CREDENTIALS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in services.environment().items():
        monkeypatch.setenv(name, value)
    return services


@pytest.fixture(scope="session")
def azurite() -> Iterator[Azurite]:
    """One account for all tests of a process: each takes names of its own."""
    azurite, background = Azurite(), Background()
    background.run(azurite.start())
    yield azurite
    background.run(azurite.stop())
    background.close()
