"""Federated credentials: a managed identity's token in place of an application's secret or certificate.

Source: https://learn.microsoft.com/entra/workload-id/workload-identity-federation-config-app-trust-managed-identity
"""

from typing import Any

from sandbox.entra.directory import Application, FederatedCredential
from sandbox.entra.refused import Refused
from sandbox.entra.tokens import EXCHANGE_APP_ID, EXCHANGE_AUDIENCE, Tokens

# The code of the first claim that no credential has. A record is looked up in this order.
# Source: https://learn.microsoft.com/entra/identity-platform/reference-error-codes
_CODES = {"issuer": 700211, "subject": 700213, "audience": 700212}
_CLAIMS = {"issuer": "iss", "subject": "sub", "audience": "aud"}


def verify(assertion: str, claims: dict[str, Any], application: Application, tokens: Tokens) -> None:
    """Check that a credential of ``application`` trusts the token with these unverified claims.

    Raises:
        Refused: 700211 to 700213 no credential matches, 700027 not signed by its issuer, 700024 not valid at this time.
    """
    # The token has the audience's application id, and the credential its URI.
    audience = EXCHANGE_AUDIENCE if claims.get("aud") == EXCHANGE_APP_ID else claims.get("aud")
    presented = FederatedCredential(
        issuer=str(claims.get("iss")), subject=str(claims.get("sub")), audience=str(audience)
    )
    trusted = application.federated
    for name, code in _CODES.items():
        trusted = tuple(each for each in trusted if getattr(each, name) == getattr(presented, name))
        if not trusted:
            raise _refused(code, _no_record(name, claims.get(_CLAIMS[name])))
    _verify_signature(assertion, str(claims["aud"]), tokens)


def _verify_signature(assertion: str, audience: str, tokens: Tokens) -> None:
    if not tokens.is_signed(assertion, audience):
        raise _refused(700027, "Client assertion failed signature validation.")
    if tokens.verified(assertion, audience) is None:
        raise _refused(700024, "Client assertion is not within its valid time range.")


def _no_record(name: str, value: object) -> str:
    return (
        f"No matching federated identity record found for presented assertion {name} '{value}'. "
        "Check your federated identity credential Subject, Audience and Issuer against the presented assertion. "
        "https://learn.microsoft.com/entra/workload-id/workload-identity-federation"
    )


def _refused(code: int, description: str) -> Refused:
    return Refused(error="invalid_client", code=code, description=description, status=401)
