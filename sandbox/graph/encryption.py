"""How does Graph seal resource data? JSON bytes and a certificate in, ``encryptedContent`` out.

Source: https://learn.microsoft.com/en-us/graph/change-notifications-with-resource-data
"""

import base64
import hmac
import secrets

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

_KEY_BYTES = 32
_BLOCK_BYTES = 16
# SHA-1 is what Graph uses here, in OAEP and in thumbprints, where nothing depends on its resistance to collisions.
_OAEP = padding.OAEP(mgf=padding.MGF1(hashes.SHA1()), algorithm=hashes.SHA1(), label=None)  # noqa: S303 - Graph's choice


def encrypt(plaintext: bytes, certificate: x509.Certificate, certificate_id: str) -> dict[str, str]:
    """Return the properties of ``changeNotificationEncryptedContent`` under a fresh symmetric key.

    AES-256-CBC with PKCS#7, the key's first half as the initialisation vector; HMAC-SHA256 of the ciphertext by the
    same key; the key itself by RSA-OAEP (SHA-1) to the certificate.

    Raises:
        TypeError: the certificate's key is not an RSA key.
    """
    public_key = certificate.public_key()
    if not isinstance(public_key, rsa.RSAPublicKey):
        raise TypeError("resource data is sealed to RSA keys only")
    key = secrets.token_bytes(_KEY_BYTES)
    data = _aes(plaintext, key)
    return {
        "data": _base64(data),
        "dataKey": _base64(public_key.encrypt(key, _OAEP)),
        "dataSignature": _base64(hmac.digest(key, data, "sha256")),
        "encryptionCertificateId": certificate_id,
        "encryptionCertificateThumbprint": certificate.fingerprint(hashes.SHA1()).hex().upper(),  # noqa: S303 - a name
    }


def _aes(plaintext: bytes, key: bytes) -> bytes:
    padder = PKCS7(_BLOCK_BYTES * 8).padder()
    padded = padder.update(plaintext) + padder.finalize()
    encryptor = Cipher(algorithms.AES256(key), modes.CBC(key[:_BLOCK_BYTES])).encryptor()
    return encryptor.update(padded) + encryptor.finalize()


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
