"""Encrypted contents that must never open, by what is wrong with them."""

import base64
import hmac
import json
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from tests.sender import CONTENT, PLAINTEXT, Sender

_SHA1, _SHA256 = hashes.SHA1(), hashes.SHA256()  # noqa: S303  Graph's choice


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def flipped(text: str, position: int = 0) -> str:
    data = bytearray(base64.b64decode(text))
    data[position] ^= 1
    return b64(bytes(data))


def _padded(plaintext: bytes) -> bytes:
    missing = 16 - len(plaintext) % 16
    return plaintext + bytes([missing]) * missing


def _sealed(graph: Sender, padded: bytes, *, key_bytes: int = 32, algorithm: Any = _SHA1) -> dict[str, Any]:
    """Return content encrypted as Graph would, but padded by the caller, so that it can be padded badly."""
    key = secrets.token_bytes(key_bytes)
    encryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
    return _signed(graph, encryptor.update(padded) + encryptor.finalize(), key, algorithm)


def _signed(graph: Sender, ciphertext: bytes, key: bytes, algorithm: Any = _SHA1) -> dict[str, Any]:
    public_key = graph.certificate.public_key()
    assert isinstance(public_key, RSAPublicKey)
    wrapped = public_key.encrypt(key, OAEP(MGF1(algorithm), algorithm, None))
    mac = hmac.digest(key, ciphertext, "sha256")
    return graph.encrypted(data=b64(ciphertext), dataKey=b64(wrapped), dataSignature=b64(mac))


def _changed(graph: Sender, name: str, change: Callable[[str], str]) -> dict[str, Any]:
    good = graph.encrypted()
    return good | {name: change(good[name])}


def _without(graph: Sender, name: str) -> dict[str, Any]:
    return {key: value for key, value in graph.encrypted().items() if key != name}


BAD_CONTENTS: Mapping[str, Callable[[Sender], dict[str, Any]]] = {
    # Peers' hole 15: OAEP over SHA-256, with tests that make the same mistake.
    "dataKey of OAEP-SHA-256": lambda graph: _sealed(graph, _padded(PLAINTEXT), algorithm=_SHA256),
    "dataKey random": lambda graph: graph.encrypted(dataKey=b64(secrets.token_bytes(256))),
    "dataKey short": lambda graph: graph.encrypted(dataKey=b64(b"short")),
    "dataKey longer than any modulus": lambda graph: graph.encrypted(dataKey=b64(b"x" * 4097)),
    "dataKey empty": lambda graph: graph.encrypted(dataKey=""),
    "dataKey missing": lambda graph: _without(graph, "dataKey"),
    # Peers' hole 19: a 16-byte key passes HMAC and AES unless its length is checked.
    "dataKey wraps 16 bytes": lambda graph: _sealed(graph, _padded(PLAINTEXT), key_bytes=16),
    "dataKey wraps 24 bytes": lambda graph: _sealed(graph, _padded(PLAINTEXT), key_bytes=24),
    # Peers' hole 7: the mismatch is logged, and the data decrypted anyway.
    "signature flipped": lambda graph: _changed(graph, "dataSignature", flipped),
    "signature short": lambda graph: _changed(graph, "dataSignature", lambda text: b64(base64.b64decode(text)[:16])),
    "signature empty": lambda graph: graph.encrypted(dataSignature=""),
    "signature missing": lambda graph: _without(graph, "dataSignature"),
    "signature null": lambda graph: graph.encrypted(dataSignature=None),
    "ciphertext flipped": lambda graph: _changed(graph, "data", flipped),
    "ciphertext cut": lambda graph: _changed(graph, "data", lambda text: b64(base64.b64decode(text)[:-16])),
    "ciphertext empty": lambda graph: graph.encrypted(data=""),
    "ciphertext missing": lambda graph: _without(graph, "data"),
    "good HMAC over bad padding": lambda graph: _sealed(graph, b"{}" + bytes(14)),
    "good HMAC over padding that is right in its last byte only": lambda graph: _sealed(
        graph, b"{}" + bytes(13) + b"\x0e"
    ),
    "good HMAC over half a block": lambda graph: _signed(graph, b"12345678", secrets.token_bytes(32)),
    "good HMAC over nothing": lambda graph: _sealed(graph, b""),
    "plaintext not UTF-8": lambda graph: graph.encrypted(b'{"a": "\xff"}'),
    "plaintext UTF-16": lambda graph: graph.encrypted(json.dumps(CONTENT).encode("utf-16")),
    "plaintext not JSON": lambda graph: graph.encrypted(b"Hello World"),
    "plaintext with NaN": lambda graph: graph.encrypted(b'{"a": NaN}'),
    "plaintext with an infinite number": lambda graph: graph.encrypted(b'{"a": 1e400}'),
    "plaintext not an object": lambda graph: graph.encrypted(b"[1]"),
    "plaintext nested beyond measure": lambda graph: graph.encrypted(b'{"a":' + b"[" * 50_000 + b"]" * 50_000 + b"}"),
    # Peers' hole 19: lenient Base64, and lone surrogates that crash an encoder.
    "Base64 with a stray character": lambda graph: _changed(graph, "data", lambda text: "!" + text),
    "Base64 signature with a stray character": lambda graph: _changed(graph, "dataSignature", lambda text: "!" + text),
    "Base64 with a line break": lambda graph: _changed(graph, "dataKey", lambda text: text + "\n"),
    "Base64 with a lone surrogate": lambda graph: graph.encrypted(data="\ud800"),
}

UNKNOWN_CERTIFICATE_IDS: Mapping[str, Any] = {
    "another version": "f" * 32,
    "a path": "../../secrets/other/0123456789abcdef0123456789abcdef",
    "upper case": "0123456789ABCDEF0123456789ABCDEF",
    "10 kB": "a" * 10_000,
    "empty": "",
    "null": None,
    "a line break behind it": "f" * 32 + "\n",
    "a lone surrogate": "\ud800" * 32,
}
