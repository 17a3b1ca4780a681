"""What does the JSON body of a subscription request say? It is read property by property.

Sources: https://learn.microsoft.com/en-us/graph/api/resources/subscription,
https://learn.microsoft.com/en-us/graph/change-notifications-with-resource-data,
https://github.com/microsoftgraph/microsoft-graph-docs/issues/9081 (the messages about certificates)
"""

import base64
import binascii
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox.graph.errors import Refused, invalid

type Body = Mapping[str, Any]

OF_A_POST = frozenset(
    {
        "changeType",
        "clientState",
        "encryptionCertificate",
        "encryptionCertificateId",
        "expirationDateTime",
        "includeResourceData",
        "latestSupportedTlsVersion",
        "lifecycleNotificationUrl",
        "notificationContentType",
        "notificationQueryOptions",
        "notificationUrl",
        "notificationUrlAppId",
        "resource",
    }
)
_MAX_CLIENT_STATE = 128
_TLS_VERSIONS = ("v1_0", "v1_1", "v1_2", "v1_3")


def read(body: Any, *, allowed: AbstractSet[str]) -> Body:
    """Return a body that has no other properties than the allowed ones; annotations do not count.

    Raises:
        Refused: with 400, it is not an object, or has another property.
    """
    if not isinstance(body, dict):
        raise Refused(400, "BadRequest", "Unable to read JSON request payload.")
    for name in body:
        if name not in allowed and not name.startswith("@"):
            raise invalid(f"The property '{name}' is not valid in this request.")
    return body


def text(body: Body, name: str) -> str | None:
    """Return a string, or None if it is left out or null.

    Raises:
        Refused: with 400, it is something else.
    """
    value = body.get(name)
    if value is not None and not isinstance(value, str):
        raise invalid(f"The value of '{name}' must be a string.")
    return value


def required(body: Body, name: str) -> str:
    """Return a string that has to be there.

    Raises:
        Refused: with 400, it is missing, empty or something else.
    """
    value = text(body, name)
    if not value:
        raise invalid(f"{name} is a required property for subscription creation")
    return value


def https_url(value: str, name: str) -> str:
    """Return a URL that Graph can post to.

    Raises:
        Refused: with 400, it is not HTTPS, or no URL.
    """
    try:
        url = urlsplit(value)
    except ValueError as exc:
        raise invalid(f"The value of '{name}' is not a valid URL.") from exc
    if url.scheme != "https" or not url.hostname:
        raise invalid(f"The value of '{name}' must be an https URL.")
    return value


def client_state(body: Body) -> str | None:
    """Return the client state.

    Raises:
        Refused: with 400, it has more than 128 characters.
    """
    value = text(body, "clientState")
    if value is not None and len(value) > _MAX_CLIENT_STATE:
        raise invalid(f"clientState must not exceed {_MAX_CLIENT_STATE} characters")
    return value


def tls_version(body: Body) -> str:
    """Return the latest TLS version that the endpoint supports.

    Raises:
        Refused: with 400, it is not one of the four.
    """
    value = text(body, "latestSupportedTlsVersion") or "v1_2"
    if value not in _TLS_VERSIONS:
        raise invalid(f"The value of 'latestSupportedTlsVersion' must be one of {', '.join(_TLS_VERSIONS)}.")
    return value


def flag(body: Body, name: str) -> bool:
    """Return a Boolean; false if it is left out or null.

    Raises:
        Refused: with 400, it is something else.
    """
    value = body.get(name)
    if value is not None and not isinstance(value, bool):
        raise invalid(f"The value of '{name}' must be a Boolean.")
    return bool(value)


def moment(value: str, name: str) -> datetime:
    """Return a time with an offset; digits beyond the microsecond are cut off.

    Raises:
        Refused: with 400, it is not ISO 8601, or without an offset.
    """
    try:
        when = datetime.fromisoformat(value)
    except ValueError as exc:
        raise invalid(f"Cannot convert the literal '{value}' of '{name}' to the expected type.") from exc
    if when.tzinfo is None:
        raise invalid(f"Cannot convert the literal '{value}' of '{name}' to the expected type.")
    return when


_MIN_BITS, _MAX_BITS = 2048, 4096
_MAX_ID_CHARACTERS = 128


def certificate(body: Body) -> x509.Certificate:
    """Return the encryption certificate: X.509 DER in Base64 on one line, with an RSA key of 2,048 to 4,096 bits.

    Raises:
        Refused: it is not one, in the words of the real service.
    """
    value = body.get("encryptionCertificate")
    if not isinstance(value, str) or not value:
        raise _bad("Certificate cannot be empty")
    try:
        found = x509.load_der_x509_certificate(_decoded(value))
        public_key = found.public_key()
    except ValueError as exc:
        raise _bad("Cannot find the requested object.") from exc
    if not isinstance(public_key, rsa.RSAPublicKey):
        raise _bad("The certificate's key must be an RSA key.")
    if not _MIN_BITS <= public_key.key_size <= _MAX_BITS:
        raise _bad(f"The certificate's key must have {_MIN_BITS} to {_MAX_BITS} bits.")
    return found


def certificate_id(body: Body) -> str:
    """Return the app's own name for the certificate.

    Raises:
        Refused: it is missing, or too long.
    """
    value = body.get("encryptionCertificateId")
    if not isinstance(value, str) or not value:
        raise invalid("encryptionCertificateId is a required property when includeResourceData is set to true")
    if len(value) > _MAX_ID_CHARACTERS:
        raise invalid(f"encryptionCertificateId must not exceed {_MAX_ID_CHARACTERS} characters")
    return value


def _decoded(value: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as exc:
        raise _bad("Invalid length for a Base-64 char array or string.") from exc


def _bad(reason: str) -> Refused:
    return invalid(f"Certificate validation error: {reason}")
