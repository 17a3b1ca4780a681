"""The services that these tests talk to: started once a module, and as they were before each test."""

from collections.abc import Iterator

import pytest

from tests.fakes.identity_services import IdentityServices, identity_services


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IdentityServices]:
    with identity_services(tmp_path_factory.mktemp("outside")) as services:
        yield services


@pytest.fixture
def outside(services: IdentityServices, monkeypatch: pytest.MonkeyPatch) -> IdentityServices:
    services.as_it_was()
    for name in ("AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_TENANT_ID", "AZURE_TOKEN_CREDENTIALS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in services.environment().items():
        monkeypatch.setenv(name, value)
    return services
