"""The services that the edges talk to: started once a module, and as they were before each test."""

from collections.abc import Iterator

import pytest

from tests.edges.outside import Outside
from tests.edges.outside import outside as outside_services


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
