"""The sandbox's RSA keys, generated one by one unless a test brings its own, and self-signed certificates for them."""

from collections.abc import Callable
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

type KeySource = Callable[[int], rsa.RSAPrivateKey]


def fresh_key(bits: int) -> rsa.RSAPrivateKey:
    """Return a newly generated key."""
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def self_signed_certificate(
    name: str, private_key: rsa.RSAPrivateKey, *, valid_from: datetime, valid_to: datetime
) -> x509.Certificate:
    """Return a certificate of that common name."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    return (
        x509.CertificateBuilder(subject, subject, private_key.public_key(), x509.random_serial_number())
        .not_valid_before(valid_from)
        .not_valid_after(valid_to)
        .sign(private_key, hashes.SHA256())
    )
