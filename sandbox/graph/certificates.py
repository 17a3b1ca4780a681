"""What Graph accepts as an encryption certificate.

Sources: https://learn.microsoft.com/en-us/graph/change-notifications-with-resource-data,
https://github.com/microsoftgraph/microsoft-graph-docs/issues/9081 (the messages)
"""

import base64
import binascii
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox.graph.errors import Refused, invalid

_MIN_BITS, _MAX_BITS = 2048, 4096
MAX_ID_CHARACTERS = 128


def read(value: Any) -> x509.Certificate:
    """Return the certificate of a request: X.509 DER in Base64 on one line, with an RSA key of 2,048 to 4,096 bits.

    Raises:
        Refused: it is none, in the words of the real service.
    """
    if not isinstance(value, str) or not value:
        raise _bad("Certificate cannot be empty")
    try:
        certificate = x509.load_der_x509_certificate(_decoded(value))
        public_key = certificate.public_key()
    except ValueError as exc:
        raise _bad("Cannot find the requested object.") from exc
    if not isinstance(public_key, rsa.RSAPublicKey):
        raise _bad("The certificate's key must be an RSA key.")
    if not _MIN_BITS <= public_key.key_size <= _MAX_BITS:
        raise _bad(f"The certificate's key must have {_MIN_BITS} to {_MAX_BITS} bits.")
    return certificate


def read_id(value: Any) -> str:
    """Return the app's own name for the certificate.

    Raises:
        Refused: it is missing, or too long.
    """
    if not isinstance(value, str) or not value:
        raise invalid("encryptionCertificateId is a required property when includeResourceData is set to true")
    if len(value) > MAX_ID_CHARACTERS:
        raise invalid(f"encryptionCertificateId must not exceed {MAX_ID_CHARACTERS} characters")
    return value


def _decoded(value: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as exc:
        raise _bad("Invalid length for a Base-64 char array or string.") from exc


def _bad(reason: str) -> Refused:
    return invalid(f"Certificate validation error: {reason}")
