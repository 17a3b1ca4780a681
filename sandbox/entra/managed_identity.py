"""The managed-identity endpoint that App Service gives to a function app.

Source: https://learn.microsoft.com/en-us/azure/app-service/overview-managed-identity#rest-endpoint-reference
"""

import hmac
import secrets

from aiohttp import web

from sandbox.clock import Clock
from sandbox.entra.directory import Directory
from sandbox.entra.tokens import Grant, Tokens

_API_VERSION = "2019-08-01"


class ManagedIdentity:
    """Tokens for the code in the function app: reachable from inside only, which the header stands for."""

    def __init__(self, directory: Directory, tokens: Tokens, clock: Clock) -> None:
        self.header = secrets.token_hex(16).upper()
        self._directory = directory
        self._tokens = tokens
        self._clock = clock

    def routes(self) -> list[web.RouteDef]:
        """Return the one address that is served."""
        return [web.get("/msi/token", self.token)]

    async def token(self, request: web.Request) -> web.Response:
        """Answer a token for the resource, of the system-assigned identity or of the one that is named."""
        given = request.headers.get("X-IDENTITY-HEADER", "")
        if not hmac.compare_digest(given.encode("utf-8", "surrogateescape"), self.header.encode()):
            return _refused(401, "The X-IDENTITY-HEADER is missing or wrong.")
        if request.query.get("api-version") != _API_VERSION:
            return _refused(400, f"The api-version must be {_API_VERSION}.")
        if not request.query.get("resource"):
            return _refused(400, "The resource is missing.")
        return self._answer(request.query["resource"], request.query.get("client_id"))

    def _answer(self, resource: str, client_id: str | None) -> web.Response:
        identity = self._directory.managed_identity(client_id)
        if identity is None:
            return _refused(400, "No User Assigned or Delegated Managed Identity found for specified ClientId.")
        grant = Grant(application=identity, tenant_id=identity.tenant_ids[0], resource=resource, proof="2")
        # Clients subtract their own time, which cannot be moved, to learn how long the token lasts.
        expires = self._clock.outside() + self._tokens.lifetime
        body = {"access_token": self._tokens.access_token(grant), "expires_on": str(int(expires.timestamp()))}
        body |= {"resource": resource, "token_type": "Bearer", "client_id": identity.client_id}
        return web.json_response(body)


def _refused(status: int, message: str) -> web.Response:
    return web.json_response({"statusCode": status, "message": message}, status=status)
