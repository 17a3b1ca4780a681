"""Decryption of a notification's resource data: authenticate first, then decrypt.

Source:
https://learn.microsoft.com/graph/change-notifications-with-resource-data#decrypting-resource-data-from-change-notifications
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from cryptography.hazmat.primitives import hashes, padding
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from shared.errors import Malformed, Undecryptable
from shared.notifications.collection import EncryptedContent
from shared.notifications.json_text import parse_json

# Graph wraps the key with OAEP over SHA-1, as the hash and in MGF1; SHA-256 decrypts nothing that Graph sends.
# Source: https://github.com/microsoftgraph/microsoft-graph-docs-contrib/issues/7346
_OAEP = OAEP(mgf=MGF1(hashes.SHA1()), algorithm=hashes.SHA1(), label=None)  # noqa: S303  Graph's choice, not ours
_PKCS7 = padding.PKCS7(128)

_NOT_DECRYPTED = "the encrypted content cannot be decrypted"

# AES-256. HMAC and AES also accept a 16-byte key, so an attacker could choose a weaker key.
_KEY_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceContent:
    """A resource, decrypted or fetched: ``json_bytes`` as Graph wrote it, in UTF-8, and ``resource``, parsed."""

    json_bytes: bytes = field(repr=False)
    resource: Mapping[str, Any] = field(repr=False)

    @classmethod
    def from_json(cls, data: bytes) -> Self:
        """Return the resource in ``data``; raise Malformed if it is not a JSON object in UTF-8."""
        resource = parse_json(data)
        if not isinstance(resource, dict):
            raise Malformed("not an object")
        return cls(json_bytes=data, resource=resource)


def unwrap_key(content: EncryptedContent, private_key: RSAPrivateKey) -> bytes:
    """Return the key of ``content``, which is nearly all of the time that decryption takes.

    Raises:
        Undecryptable: as ``decrypt``.
    """
    try:
        return private_key.decrypt(content.data_key, _OAEP)
    except ValueError as exc:
        raise Undecryptable(_NOT_DECRYPTED) from exc


def decrypt(content: EncryptedContent, key: bytes) -> ResourceContent:
    """Return the resource in ``content``, whose unwrapped key is ``key``.

    Raises:
        Undecryptable: a step failed; callers cannot distinguish which.
    """
    try:
        _check_signature(key, content.data, content.data_signature)
        return ResourceContent.from_json(_decrypt_aes(key, content.data))
    except (ValueError, Malformed) as exc:
        raise Undecryptable(_NOT_DECRYPTED) from exc


def _check_signature(key: bytes, ciphertext: bytes, signature: bytes) -> None:
    if len(key) != _KEY_BYTES:
        raise ValueError("the wrapped key is not an AES-256 key")
    if not hmac.compare_digest(hmac.digest(key, ciphertext, hashlib.sha256), signature):
        raise ValueError("the signature does not match")


def _decrypt_aes(key: bytes, ciphertext: bytes) -> bytes:
    # Graph's initialisation vector is the first half of the key, which is harmless because each item has its own key.
    decryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).decryptor()
    unpadder = _PKCS7.unpadder()
    return unpadder.update(decryptor.update(ciphertext) + decryptor.finalize()) + unpadder.finalize()
