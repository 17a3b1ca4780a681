"""Client authentication at the token endpoint: a secret, or an assertion that the registration trusts.

Source: https://learn.microsoft.com/en-us/entra/identity-platform/certificate-credentials
"""

import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.exceptions import InvalidSubjectError

from sandbox.entra import federation
from sandbox.entra.directory import Application
from sandbox.entra.keys import thumbprint
from sandbox.entra.refused import Refused
from sandbox.entra.tokens import Tokens

_JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_CLOCK_SKEW = timedelta(minutes=5)
_MISMATCHES: tuple[tuple[type[jwt.InvalidTokenError], int, str], ...] = (
    (jwt.ExpiredSignatureError, 700024, "Client assertion is not within its valid time range."),
    (jwt.ImmatureSignatureError, 700024, "Client assertion is not within its valid time range."),
    (jwt.InvalidAudienceError, 700023, "Client assertion audience claim does not match Realm issuer."),
    (jwt.InvalidIssuerError, 700021, "Client assertion application identifier doesn't match 'client_id' parameter."),
    (InvalidSubjectError, 700021, "Client assertion application identifier doesn't match 'client_id' parameter."),
)


def authenticate(
    form: Mapping[str, str], application: Application, *, endpoint: str, tokens: Tokens
) -> Literal["1", "2"]:
    """Return how the client proved who it is: "1" with its secret, "2" with an assertion.

    Raises:
        Refused: 7000216 nothing presented, 7000215 and 7000222 a wrong or old secret, 700021 to 700027 and 700211 to
            700213 a bad assertion.
    """
    if "client_assertion" in form:
        if form.get("client_assertion_type") != _JWT_BEARER:
            raise _refused(700027, f"'client_assertion_type' must be '{_JWT_BEARER}'.")
        _verify_assertion(form["client_assertion"], application, endpoint, tokens)
        return "2"
    if "client_secret" in form:
        _verify_secret(form["client_secret"], application, tokens.now())
        return "1"
    raise _refused(
        7000216, "'client_assertion' or 'client_secret' is required for the 'client_credentials' grant type."
    )


def _verify_secret(secret: str, application: Application, now: datetime) -> None:
    if application.secret is None or not hmac.compare_digest(secret.encode(), application.secret.encode()):
        described = (
            "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, "
            f"not the client secret ID, for a secret added to app '{application.client_id}'."
        )
        raise _refused(7000215, described)
    if application.secret_ends_at <= now:
        raise _refused(7000222, f"The provided client secret keys for app '{application.client_id}' are expired.")


def _verify_assertion(assertion: str, application: Application, endpoint: str, tokens: Tokens) -> None:
    try:
        claims = jwt.decode(assertion, options={"verify_signature": False})
        if str(claims.get("iss")).startswith("https://"):
            # An application that signs for itself is its own issuer.
            federation.verify(assertion, claims, application, tokens)
            return
        certificate = _named_certificate(jwt.get_unverified_header(assertion), application)
        # The client stamps its assertion with the real time, whatever the sandbox's clock says; so does PyJWT check it.
        jwt.decode(
            assertion,
            _public_key(certificate),
            algorithms=["PS256", "RS256"],
            audience=endpoint,
            issuer=application.client_id,
            subject=application.client_id,
            leeway=_CLOCK_SKEW,
            options={"require": ["aud", "exp", "iss", "jti", "sub"]},
        )
    except jwt.InvalidTokenError as invalid:
        raise _bad_assertion(invalid) from invalid


def _named_certificate(header: dict[str, Any], application: Application) -> x509.Certificate:
    certificate = application.certificate
    if certificate is not None:
        named = {"x5t": thumbprint(certificate), "x5t#S256": thumbprint(certificate, hashes.SHA256())}
        # MSAL leaves the Base64 padding on.
        given = {name: str(header[name]).rstrip("=") for name in named if name in header}
        if given and all(named[name] == value for name, value in given.items()):
            return certificate
    described = "The certificate with identifier used to sign the client assertion is not registered on application."
    raise _refused(700027, described)


def _public_key(certificate: x509.Certificate) -> rsa.RSAPublicKey:
    key = certificate.public_key()
    if not isinstance(key, rsa.RSAPublicKey):
        raise _refused(700027, "The registered certificate has no RSA key.")
    return key


def _bad_assertion(invalid: jwt.InvalidTokenError) -> Refused:
    for kind, code, described in _MISMATCHES:
        if isinstance(invalid, kind):
            return _refused(code, described)
    return _refused(700027, "Client assertion failed signature validation.")


def _refused(code: int, description: str) -> Refused:
    return Refused(error="invalid_client", code=code, description=description, status=401)
