"""Keys and certificates of the tests, and the opening of what was sealed to them."""

import base64
import functools
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7
from cryptography.hazmat.primitives.serialization import Encoding

type Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@functools.cache
def rsa_key(bits: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


@functools.cache
def certificate(key: Key) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "sealed")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    return builder.not_valid_before(now).not_valid_after(now + timedelta(days=9)).sign(key, hashes.SHA256())


def as_sent(cert: x509.Certificate) -> str:
    return base64.b64encode(cert.public_bytes(Encoding.DER)).decode()


def rich(bits: int = 2048) -> dict[str, Any]:
    encoded = as_sent(certificate(rsa_key(bits)))
    return {"includeResourceData": True, "encryptionCertificate": encoded, "encryptionCertificateId": f"c{bits}"}


def decrypt(sealed: dict[str, str], key: rsa.RSAPrivateKey) -> Any:
    """Open encrypted content step by step as Microsoft's article says."""
    oaep = padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None)  # noqa: S303 - Graph's choice
    symmetric = key.decrypt(base64.b64decode(sealed["dataKey"], validate=True), oaep)
    data = base64.b64decode(sealed["data"], validate=True)
    assert hmac.digest(symmetric, data, "sha256") == base64.b64decode(sealed["dataSignature"], validate=True)
    decryptor = Cipher(algorithms.AES256(symmetric), modes.CBC(symmetric[:16])).decryptor()
    unpadder = PKCS7(128).unpadder()
    padded = decryptor.update(data) + decryptor.finalize()
    return json.loads(unpadder.update(padded) + unpadder.finalize())
