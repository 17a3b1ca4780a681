"""Of several certificates in one secret, Graph gets that of the private key, wherever it stands."""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import permutations

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, pkcs12

from shared.errors import Misconfigured
from shared.identity.certificates import Certificate

VERSION = "0123456789abcdef0123456789abcdef"
START = datetime(2026, 1, 1, tzinfo=UTC)


@cache
def _key(_name: str) -> rsa.RSAPrivateKey:
    # Half as long as a real one: OpenSSL tests the primes of a key that it loads, which takes ten times as long then.
    return rsa.generate_private_key(65537, 1024)  # noqa: S505  it seals nothing


@cache
def _certificate(name: str, *, key: str, days: int = 365) -> x509.Certificate:
    names = [x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, each)]) for each in (name, "root")]
    end = START + timedelta(days=days)
    builder = x509.CertificateBuilder(names[1], names[0], _key(key).public_key(), 1, START, end)
    return builder.sign(_key("root"), hashes.SHA256())


def _chain() -> dict[str, x509.Certificate]:
    return {name: _certificate(name, key=name) for name in ("leaf", "intermediate", "root")}


def _elliptic_root() -> x509.Certificate:
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, START, START + timedelta(days=365))
    return builder.sign(key, hashes.SHA256())


def _key_pem(name: str = "leaf") -> str:
    return _key(name).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _pem(certificates: Sequence[x509.Certificate], *, key_at: int = 0) -> str:
    blocks = [certificate.public_bytes(Encoding.PEM).decode() for certificate in certificates]
    blocks.insert(key_at, _key_pem())
    return "".join(blocks)


class _Der:
    """The few ASN.1 types of a PKCS#12 file: the library writes certificates in its own order only.

    Source: https://www.rfc-editor.org/rfc/rfc7292#appendix-D
    """

    @staticmethod
    def tlv(tag: int, content: bytes) -> bytes:
        size = len(content)
        length = bytes([size]) if size < 128 else (b"\x82" + size.to_bytes(2))
        return bytes([tag]) + length + content

    @classmethod
    def sequence(cls, *parts: bytes) -> bytes:
        return cls.tlv(0x30, b"".join(parts))

    @classmethod
    def octets(cls, content: bytes) -> bytes:
        return cls.tlv(0x04, content)

    @classmethod
    def tagged(cls, content: bytes) -> bytes:
        return cls.tlv(0xA0, content)

    @classmethod
    def oid(cls, text: str) -> bytes:
        first, second, *rest = (int(part) for part in text.split("."))
        encoded = bytes([first * 40 + second])
        for number in rest:
            digits = [number & 0x7F]
            while number := number >> 7:
                digits.insert(0, (number & 0x7F) | 0x80)
            encoded += bytes(digits)
        return cls.tlv(0x06, encoded)


def _pfx(certificates: Sequence[x509.Certificate], *, local_key_id_of: x509.Certificate | None = None) -> str:
    """Return a PKCS#12 file without a password, with the certificates in this order."""
    der, pkcs = _Der, "1.2.840.113549.1"
    key_id = der.tlv(0x31, der.sequence(der.oid(f"{pkcs}.9.21"), der.tlv(0x31, der.octets(b"\1"))))

    def bag(kind: str, value: bytes, attributes: bytes) -> bytes:
        return der.sequence(der.oid(f"{pkcs}.12.10.1.{kind}"), der.tagged(value), attributes)

    def data(content: bytes) -> bytes:
        return der.sequence(der.oid(f"{pkcs}.7.1"), der.tagged(der.octets(content)))

    key = _key("leaf").private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    bags = [bag("1", key, key_id if local_key_id_of else b"")]
    for certificate in certificates:
        value = der.tagged(der.octets(certificate.public_bytes(Encoding.DER)))
        attributes = key_id if certificate is local_key_id_of else b""
        bags.append(bag("3", der.sequence(der.oid(f"{pkcs}.9.22.1"), value), attributes))
    content = der.sequence(data(der.sequence(*bags)))
    algorithm = der.sequence(der.oid("1.3.14.3.2.26"), der.tlv(0x05, b""))
    mac = der.sequence(der.sequence(algorithm, der.octets(_mac(content))), der.octets(b"saltsalt"), b"\x02\x01\x02")
    return base64.b64encode(der.sequence(b"\x02\x01\x03", data(content), mac)).decode()


def _mac(content: bytes) -> bytes:
    """Return the MAC for an empty password, two rounds. Source: https://www.rfc-editor.org/rfc/rfc7292#appendix-B."""
    key = b"\3" * 64 + b"saltsalt" * 8 + b"\0" * 64
    for _ in range(2):
        key = hashlib.sha1(key, usedforsecurity=False).digest()
    return hmac.digest(key, content, "sha1")


def _read(value: str, *, is_pem: bool) -> Certificate:
    return Certificate.from_secret(value, version=VERSION, is_pem=is_pem)


ORDERS = list(permutations(("leaf", "intermediate", "root")))


@pytest.mark.parametrize("order", ORDERS, ids=" ".join)
@pytest.mark.parametrize("key_at", range(4))
def test_pem_in_any_order_gives_the_keys_certificate(order: Sequence[str], key_at: int) -> None:
    chain = _chain()
    read = _read(_pem([chain[name] for name in order], key_at=key_at), is_pem=True)
    assert read.certificate == chain["leaf"]
    assert read.private_key.public_key() == chain["leaf"].public_key()


@pytest.mark.parametrize("order", ORDERS, ids=" ".join)
@pytest.mark.parametrize("has_local_key_id", [True, False])
def test_pfx_in_any_order_gives_the_keys_certificate(order: Sequence[str], *, has_local_key_id: bool) -> None:
    """A PFX that Key Vault makes has the root first."""
    chain = _chain()
    marked = chain["leaf"] if has_local_key_id else None
    read = _read(_pfx([chain[name] for name in order], local_key_id_of=marked), is_pem=False)
    assert read.certificate == chain["leaf"]


@pytest.mark.parametrize("is_pem", [True, False])
def test_certificates_of_other_keys_alone_are_misconfigured(*, is_pem: bool) -> None:
    others = [_chain()["root"], _chain()["intermediate"]]
    value = _pem(others) if is_pem else _pfx(others)
    with pytest.raises(Misconfigured, match=f"version {VERSION} has no certificate of its private key"):
        _read(value, is_pem=is_pem)


@pytest.mark.parametrize("is_pem", [True, False])
def test_issuer_with_an_elliptic_key_does_no_harm(*, is_pem: bool) -> None:
    certificates = [_elliptic_root(), _chain()["leaf"]]
    value = _pem(certificates) if is_pem else _pfx(certificates)
    assert _read(value, is_pem=is_pem).certificate == _chain()["leaf"]


@pytest.mark.parametrize("days", [(100, 900), (900, 100)])
def test_of_two_certificates_of_the_key_the_longer_valid_one_counts(days: tuple[int, int]) -> None:
    """A renewal with the same key leaves both in the file."""
    both = [_certificate("leaf", key="leaf", days=each) for each in days]
    assert _read(_pem(both), is_pem=True).certificate == both[days.index(900)]


def test_certificate_without_an_exportable_key_is_misconfigured() -> None:
    leaf = _chain()["leaf"]
    file = pkcs12.serialize_key_and_certificates(None, None, leaf, None, NoEncryption())
    with pytest.raises(Misconfigured, match="has no RSA key"):
        _read(base64.b64encode(file).decode(), is_pem=False)
