"""Validation tokens: they prove that Graph sent a POST, and name the tenants whose resource data it contains.

Each token is judged alone. A good one vouches for its tenant; any other one is ignored, because Graph mixes the items
of several apps and tenants that use one URL, and a stranger must not silence us.

Source: https://learn.microsoft.com/graph/change-notifications-with-resource-data
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from shared.clouds import Cloud
from shared.errors import InvalidValidationToken, Unavailable

# "Microsoft Graph Change Tracking". Without this check, any application in Entra ID could post notifications.
# Source: https://learn.microsoft.com/graph/change-notifications-with-resource-data#validation-tokens-in-the-change-notification
CHANGE_TRACKING_APP_ID = "0bf30f3b-4a52-48df-9a82-234910c4a086"

# Source: https://learn.microsoft.com/entra/identity-platform/access-tokens#validate-tokens (ClockSkew, 5 minutes)
CLOCK_SKEW = timedelta(minutes=5)

# A whole number: "exp" may be larger than any float, and the sum with a float would raise OverflowError.
_SKEW_SECONDS = int(CLOCK_SKEW.total_seconds())
# The clock of an instance may be slow. A token that Entra ID signed ahead of time does not exist.
_MAY_BEGIN_AHEAD = 2 * 3600

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
    begins: int
    expires: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedToken:
    """What a valid token contains: this app as audience, the caller Graph, and the cloud."""

    client_id: str
    cloud: Cloud
    caller_id: str = CHANGE_TRACKING_APP_ID


@dataclass(frozen=True, slots=True, kw_only=True)
class Vouchers:
    """The tenants whose resource data is genuine; ``problem``: why a token could not be judged, or None."""

    tenant_ids: frozenset[str] = frozenset()
    problem: Unavailable | None = None


class ValidationTokens:
    """Verifies tokens, and caches them: Graph sends a token for hours, in each POST."""

    def __init__(self, expected: ExpectedToken) -> None:
        self._expected = expected
        self._cache: dict[str, ValidationToken] = {}

    def judge(
        self, tokens: Iterable[str], *, received_at: datetime, signing_key: Callable[[str], SigningKey]
    ) -> Vouchers:
        """Return what the good ones of ``tokens`` vouch for; ``signing_key`` may raise Unavailable."""
        tenant_ids, problem = set[str](), None
        for token in set(tokens):
            try:
                verified = self._verify(token, signing_key)
                _check_times(verified, received_at)
            except InvalidValidationToken:
                continue
            except Unavailable as unavailable:
                problem = unavailable
                continue
            tenant_ids.add(verified.tenant_id)
        return Vouchers(tenant_ids=frozenset(tenant_ids), problem=problem)

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
    key = signing_key(_key_id(token, expected.client_id))
    claims = _claims(token, key, expected.client_id)
    tenant_id = claims["tid"]
    if not isinstance(tenant_id, str):
        raise InvalidValidationToken("the validation token's tenant is not a text")
    issuers = (expected.cloud.issuer_v1.format(tid=tenant_id), expected.cloud.issuer_v2.format(tid=tenant_id))
    _check_caller(claims, issuers, expected.caller_id)
    _check_signing_issuer(key, issuers, tenant_id)
    not_before, expires, issued_at = claims["nbf"], claims["exp"], claims.get("iat", claims["nbf"])
    if not all(type(time) is int for time in (not_before, expires, issued_at)):
        raise InvalidValidationToken("the validation token has a time that is not a whole number")
    return ValidationToken(tenant_id=tenant_id, begins=max(not_before, issued_at), expires=expires)


def _key_id(token: str, client_id: str) -> str:
    """Return the id of the key that signed the token; no key is asked for unless the audience is this app."""
    if len(token) > _MAX_TOKEN or not token.isascii():
        raise InvalidValidationToken("not a validation token")
    try:
        unverified = jwt.decode_complete(token, options={"verify_signature": False})
    except jwt.PyJWTError as exc:
        raise InvalidValidationToken("not a validation token") from exc
    if unverified["payload"].get("aud") != client_id:
        raise InvalidValidationToken("the validation token is for another app")
    key_id = unverified["header"].get("kid")
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
    if not token.begins - _MAY_BEGIN_AHEAD <= moment < token.expires + _SKEW_SECONDS:
        raise InvalidValidationToken("the validation token is expired or not yet valid")
