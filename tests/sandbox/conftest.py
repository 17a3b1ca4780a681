"""Entra ID and a Key Vault for one test, and what the tests of both ask them with."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.identity import ManagedIdentityCredential
from azure.keyvault.secrets import SecretClient

from tests.sandbox.login_services import LoginServices, login_services


@pytest.fixture
def services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LoginServices]:
    with login_services(tmp_path, monkeypatch) as services:
        yield services


@pytest.fixture
def vault_client(services: LoginServices) -> Iterator[SecretClient]:
    with ManagedIdentityCredential() as credential, SecretClient(services.vault_service.url, credential) as client:
        yield client
