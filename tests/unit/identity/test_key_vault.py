"""Certificate ids are an attacker's text: only what looks like a version of Key Vault's leaves the process."""

from datetime import timedelta
from typing import Any

import pytest
from azure.core.credentials import AccessToken
from azure.keyvault.secrets import SecretClient

from shared.errors import Unavailable, Undecryptable
from shared.identity.key_vault import CertificateVersions
from shared.timing import Deadline
from tests.hostile.contents import UNKNOWN_CERTIFICATE_IDS

# A version that is missing is one for Key Vault to know; null is made "" on the way here.
NO_VERSIONS = {name: value for name, value in UNKNOWN_CERTIFICATE_IDS.items() if name != "another version" and value}


class _NoCredential:
    def get_token(self, *_scopes: str, **_options: Any) -> AccessToken:
        raise AssertionError("no token is needed for a vault that is never called")


def _private_key(certificate_id: str) -> object:
    # Nothing listens on port 1: no call is answered.
    certificates = CertificateVersions(SecretClient("https://127.0.0.1:1", _NoCredential()), "notifications")
    return certificates.private_key(certificate_id, Deadline.after(timedelta(seconds=10)))


@pytest.mark.parametrize("name", NO_VERSIONS)
def test_text_that_is_no_version_is_not_asked_for(name: str) -> None:
    with pytest.raises(Undecryptable):
        _private_key(NO_VERSIONS[name])


def test_text_that_looks_like_a_version_is_asked_for() -> None:
    with pytest.raises(Unavailable):
        _private_key("f" * 32)
