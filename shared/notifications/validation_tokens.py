"""Validation tokens: they prove that Graph sent a POST, and name the tenants whose resource data it contains.

Source: https://learn.microsoft.com/graph/change-notifications-with-resource-data
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from shared.clouds import Cloud
from shared.errors import InvalidValidationToken

# "Microsoft Graph Change Tracking". Without this check, any application in Entra ID could post notifications.
# Source: https://learn.microsoft.com/graph/change-notifications-with-resource-data#validation-tokens-in-the-change-notification
CHANGE_TRACKING_APP_ID = "0bf30f3b-4a52-48df-9a82-234910c4a086"

# Source: https://learn.microsoft.com/entra/identity-platform/access-tokens#validate-tokens (ClockSkew, 5 minutes)
CLOCK_SKEW = timedelta(minutes=5)

# A whole number: "exp" may be larger than any float, and the sum with a float would raise OverflowError.
_SKEW_SECONDS = int(CLOCK_SKEW.total_seconds())

# Six times the size of a genuine token. A longer header could be nested too deeply for the JSON parser.
_MAX_TOKEN = 8192
_MAX_CACHED = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """A public key of Entra ID; its ``issuer`` contains "{tenantid}" if it signs tokens of any tenant."""

    public_key: RSAPublicKey = field(repr=False)
    issuer: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationToken:
    """The claims of a verified validation token; times in seconds since 1970."""

    tenant_id: str
    not_before: int
    expires: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedToken:
    """What a valid token contains: this app as audience, a tenant that it serves, the caller Graph, and the cloud."""

    client_id: str
    tenant_ids: tuple[str, ...]
    cloud: Cloud
    caller_id: str = CHANGE_TRACKING_APP_ID


class ValidationTokens:
    """Verifies tokens, and caches them: Graph sends a token for hours, in each POST."""

    def __init__(self, expected: ExpectedToken) -> None:
        self._expected = expected
        self._cache: dict[str, ValidationToken] = {}

    def verify_all(
        self, tokens: Sequence[str], *, received_at: datetime, signing_key: Callable[[str], SigningKey]
    ) -> frozenset[str]:
        """Return the tenants of ``tokens``.

        Raises:
            InvalidValidationToken: a token is invalid, which makes the whole POST suspicious.
            Exception: the exception of ``signing_key``.
        """
        verified = [self._verify(token, signing_key) for token in tokens]
        for token in verified:
            _check_times(token, received_at)
        return frozenset(token.tenant_id for token in verified)

    def _verify(self, token: str, signing_key: Callable[[str], SigningKey]) -> ValidationToken:
        verified = self._cache.get(token)
        if verified is None:
            verified = verify(token, expected=self._expected, signing_key=signing_key)
            if len(self._cache) >= _MAX_CACHED:
                self._cache.clear()
            self._cache[token] = verified
        return verified


def verify(token: str, *, expected: ExpectedToken, signing_key: Callable[[str], SigningKey]) -> ValidationToken:
    """Return the claims of ``token``, also of an expired one: the caller compares the times.

    Raises:
        InvalidValidationToken: it is not as ``expected``, or its signature is wrong.
        Exception: the exception of ``signing_key``.
    """
    key = signing_key(_key_id(token))
    claims = _claims(token, key, expected.client_id)
    tenant_id = claims["tid"]
    if tenant_id not in expected.tenant_ids:
        raise InvalidValidationToken("the validation token is for a tenant that is not in TENANT_IDS")
    issuers = (expected.cloud.issuer_v1.format(tid=tenant_id), expected.cloud.issuer_v2.format(tid=tenant_id))
    _check_caller(claims, issuers, expected.caller_id)
    _check_signing_issuer(key, issuers, tenant_id)
    times = (claims["nbf"], claims["exp"])
    if not all(type(time) is int for time in times):
        raise InvalidValidationToken("the validation token has a time that is not a whole number")
    return ValidationToken(tenant_id=tenant_id, not_before=times[0], expires=times[1])


def _key_id(token: str) -> str:
    if len(token) > _MAX_TOKEN or not token.isascii():
        raise InvalidValidationToken("not a validation token")
    try:
        key_id = jwt.get_unverified_header(token).get("kid")
    except jwt.PyJWTError as exc:
        raise InvalidValidationToken("not a validation token") from exc
    if not isinstance(key_id, str):
        raise InvalidValidationToken("the validation token does not name its signing key")
    return key_id


def _claims(token: str, key: SigningKey, client_id: str) -> Mapping[str, Any]:
    """Return the claims if the signature and the audience are right; the times are not checked."""
    try:
        return jwt.decode(
            token,
            key.public_key,
            algorithms=["RS256"],
            audience=client_id,
            options={
                "require": ["exp", "nbf", "iss", "tid"],
                "strict_aud": True,
                "verify_exp": False,  # PyJWT would compare times with the wall clock: ``_check_times`` does it
                "verify_nbf": False,
                "verify_iat": False,
            },
        )
    except jwt.PyJWTError as exc:
        raise InvalidValidationToken("the validation token has a bad signature or audience, or lacks a claim") from exc


def _check_caller(claims: Mapping[str, Any], issuers: tuple[str, str], caller_id: str) -> None:
    """Raise unless Graph Change Tracking requested the token: see ``appid`` in version 1, ``azp`` in version 2."""
    issuer_v1, issuer_v2 = issuers
    if claims["iss"] == issuer_v1:
        caller = claims.get("appid")
    elif claims["iss"] == issuer_v2:
        caller = claims.get("azp")
    else:
        raise InvalidValidationToken("the validation token's issuer is not that of its tenant in GRAPH_CLOUD")
    if caller != caller_id:
        raise InvalidValidationToken("the validation token was not requested by Graph Change Tracking")


def _check_signing_issuer(key: SigningKey, issuers: tuple[str, str], tenant_id: str) -> None:
    """Raise if Entra ID publishes the key for another tenant than the token's.

    Source: https://learn.microsoft.com/entra/identity-platform/access-tokens#validate-the-issuer
    """
    if key.issuer is not None and key.issuer.replace("{tenantid}", tenant_id) not in issuers:
        raise InvalidValidationToken("the validation token is signed with the key of another issuer")


def _check_times(token: ValidationToken, received_at: datetime) -> None:
    moment = received_at.timestamp()
    if not token.not_before - _SKEW_SECONDS <= moment < token.expires + _SKEW_SECONDS:
        raise InvalidValidationToken("the validation token is expired or not yet valid")
