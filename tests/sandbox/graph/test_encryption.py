"""Encrypted content: opened as Microsoft's article says, and nothing else opens it."""

import base64

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding

from sandbox.graph import encrypt
from tests.sandbox.graph_keys import certificate, decrypt, rsa_key

KEY = rsa_key(2048)
CERTIFICATE = certificate(KEY)


@pytest.mark.parametrize("bits", [2048, pytest.param(3072, marks=pytest.mark.slow)])
def test_encrypted_key_is_as_long_as_that_of_the_certificate(bits: int) -> None:
    sealed = encrypt(b"{}", certificate(rsa_key(bits)), "id")
    assert len(base64.b64decode(sealed["dataKey"])) == bits // 8
    assert decrypt(sealed, rsa_key(bits)) == {}


def test_encrypted_content_has_the_documented_properties() -> None:
    sealed = encrypt(b"{}", CERTIFICATE, "mine")
    assert set(sealed) == {
        "data",
        "dataKey",
        "dataSignature",
        "encryptionCertificateId",
        "encryptionCertificateThumbprint",
    }
    assert sealed["encryptionCertificateId"] == "mine"
    sha1 = CERTIFICATE.fingerprint(hashes.SHA1()).hex().upper()  # noqa: S303 - a name, not a protection
    assert sealed["encryptionCertificateThumbprint"] == sha1
    assert len(sha1) == 40


def test_data_key_is_not_encrypted_with_sha_256() -> None:
    sealed = base64.b64decode(encrypt(b"{}", CERTIFICATE, "id")["dataKey"])
    with pytest.raises(ValueError, match="failed"):
        KEY.decrypt(sealed, padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None))


def test_key_that_is_not_rsa_is_refused() -> None:
    with pytest.raises(TypeError):
        encrypt(b"{}", certificate(ec.generate_private_key(ec.SECP256R1())), "id")
