"""Entra's HTTP side: OpenID metadata, signing keys and the token endpoint, which serves three grants.

Source: https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-client-creds-grant-flow; the grants in which
an application acts for a user are in ``sandbox.entra.users``.
"""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from sandbox.entra import forms
from sandbox.entra.clients import authenticate
from sandbox.entra.directory import SHARED_TENANTS, Directory
from sandbox.entra.forms import required
from sandbox.entra.keys import SigningKeys
from sandbox.entra.refused import NO_STORE, Refused
from sandbox.entra.tokens import Grant, Tokens
from sandbox.entra.users import DEVICE_CODE, UserGrants

_DEFAULT = "/.default"


class Endpoints:
    """The handlers of login.microsoftonline.com."""

    def __init__(self, directory: Directory, keys: SigningKeys, tokens: Tokens, users: UserGrants) -> None:
        self._directory = directory
        self._keys = keys
        self._tokens = tokens
        self._users = users

    def routes(self) -> list[web.RouteDef]:
        """Return every address that is served, per tenant."""
        return [
            web.get("/{tenant}/v2.0/.well-known/openid-configuration", self.metadata),
            web.get("/{tenant}/discovery/v2.0/keys", self.keys),
            web.post("/{tenant}/oauth2/v2.0/devicecode", self.device_code),
            web.post("/{tenant}/oauth2/v2.0/token", self.token),
        ]

    async def metadata(self, request: web.Request) -> web.Response:
        """Answer those of the OpenID metadata that clients read."""
        tenant = self._tenant_or_shared(request)
        base = f"{request.url.origin()}/{tenant}"
        metadata = {
            "issuer": f"https://login.microsoftonline.com/{_issuing(tenant)}/v2.0",
            "token_endpoint": f"{base}/oauth2/v2.0/token",
            "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
            "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
            "jwks_uri": f"{base}/discovery/v2.0/keys",
        }
        return web.json_response(metadata)

    async def keys(self, request: web.Request) -> web.Response:
        """Answer the signing keys; their issuer is a template where the tenant is not named."""
        tenant = self._tenant_or_shared(request)
        return web.json_response(self._keys.published(f"https://login.microsoftonline.com/{_issuing(tenant)}/v2.0"))

    async def device_code(self, request: web.Request) -> web.Response:
        """Answer the codes with which a user can sign in on another device."""
        form, origin = await forms.read(request), str(request.url.origin())
        body = self._users.device_code(form, tenant=request.match_info["tenant"], origin=origin)
        return web.json_response(body, headers=NO_STORE)

    async def token(self, request: web.Request) -> web.Response:
        """Answer tokens to an application that proves who it is, or for a user who has signed in to it."""
        form = await forms.read(request)
        tenant, endpoint = request.match_info["tenant"], f"{request.url.origin()}{request.path}"
        match required(form, "grant_type"):
            case "client_credentials":
                body = self._own_token(form, request)
            case "refresh_token":
                body = self._users.by_refresh_token(form, tenant=tenant, endpoint=endpoint)
            case grant_type if grant_type == DEVICE_CODE:
                body = self._users.by_device_code(form, tenant=tenant, endpoint=endpoint)
            case grant_type:
                described = f"The app requested an unsupported grant type '{grant_type}'."
                raise Refused(error="unsupported_grant_type", code=70003, description=described)
        return web.json_response(body, headers=NO_STORE)

    def _own_token(self, form: Mapping[str, str], request: web.Request) -> dict[str, Any]:
        grant, lifetime = self._grant(form, request), int(self._tokens.lifetime.total_seconds())
        body = {"token_type": "Bearer", "expires_in": lifetime, "ext_expires_in": lifetime}
        return body | {"access_token": self._tokens.access_token(grant)}

    def _grant(self, form: Mapping[str, str], request: web.Request) -> Grant:
        client_id = required(form, "client_id")
        tenant_id = self._named_tenant(request)
        application = self._directory.application(client_id, tenant_id)
        endpoint = f"{request.url.origin()}{request.path}"
        proof = authenticate(form, application, endpoint=endpoint, tokens=self._tokens)
        return Grant(application=application, tenant_id=tenant_id, resource=_resource(form), proof=proof)

    def _named_tenant(self, request: web.Request) -> str:
        name = request.match_info["tenant"]
        if name in SHARED_TENANTS:
            described = "No tenant-identifying information found in either the request or implied by any credentials."
            raise Refused(error="invalid_request", code=50059, description=described)
        return self._directory.tenant(name)

    def _tenant_or_shared(self, request: web.Request) -> str:
        name = request.match_info["tenant"]
        return name if name in SHARED_TENANTS else self._directory.tenant(name, error="invalid_tenant")


def _issuing(tenant: str) -> str:
    return "{tenantid}" if tenant in SHARED_TENANTS else tenant


def _resource(form: Mapping[str, str]) -> str:
    scope = required(form, "scope")
    if " " in scope or not scope.endswith(_DEFAULT) or scope == _DEFAULT:
        described = f"The provided value for the input parameter 'scope' is not valid. The scope {scope} is not valid."
        raise Refused(error="invalid_scope", code=70011, description=described)
    return scope.removesuffix(_DEFAULT)
