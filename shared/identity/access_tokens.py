"""What the app reads in its own access tokens, for people to see: nothing depends on it.

Source: https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference#payload-claims
"""

import base64
import json

from shared.errors import Misconfigured


def permissions_in(token: str) -> frozenset[str]:
    """Return the permissions in an access token for Graph: the application's, or a user's.

    The token is not verified: Entra ID has just issued it to the app, and no access depends on it.
    Source: https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference#payload-claims

    Raises:
        Misconfigured: the token cannot be read; Microsoft may change its format.
    """
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return frozenset([*map(str, claims.get("roles") or ()), *str(claims.get("scp") or "").split()])
    except (IndexError, ValueError, TypeError, AttributeError, RecursionError) as exc:
        raise Misconfigured("Entra ID's token for Graph cannot be read: look at the app registration instead") from exc
