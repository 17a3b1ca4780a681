"""The clients of Key Vault that these tests share, and a user who can sign in."""

from collections.abc import Iterator

import pytest
from azure.identity import ManagedIdentityCredential
from azure.keyvault.secrets import SecretClient

from shared.identity.key_vault import CertificateVersions
from tests.fakes.clocks import Hands
from tests.fakes.identity_services import CERTIFICATE_NAME, IdentityServices
from tests.fakes.user_logins import Login, login_of


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def certificates(outside: IdentityServices, hands: Hands) -> Iterator[CertificateVersions]:
    with ManagedIdentityCredential() as identity, SecretClient(outside.vault_service.url, identity) as client:
        yield CertificateVersions(client, CERTIFICATE_NAME, monotonic=hands)


@pytest.fixture
def login(outside: IdentityServices) -> Iterator[Login]:
    with login_of(outside) as login:
        yield login
