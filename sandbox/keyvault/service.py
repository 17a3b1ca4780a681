"""The vault's HTTP side: challenge, access control, versions and errors of Key Vault's REST API.

Source: https://learn.microsoft.com/en-us/rest/api/keyvault/secrets/get-secret/get-secret
"""

from collections.abc import Collection
from typing import Any

from aiohttp import web
from cryptography import x509

from sandbox.clock import Clock
from sandbox.entra import Entra
from sandbox.keyvault.certificates import ContentType, self_signed
from sandbox.keyvault.secrets import Secret, Secrets

_API_VERSIONS = frozenset({"7.0", "7.1", "7.2", "7.3", "7.4", "7.5", "7.6", "2025-07-01", "2026-04-01"})


class KeyVault:
    """One vault, in the tenant of Entra's system-assigned identity.

    ``readers`` are the client ids that hold the role "Key Vault Secrets User"; None stands for everybody.
    """

    def __init__(self, entra: Entra, clock: Clock, *, readers: Collection[str] | None = None) -> None:
        self.readers = readers
        self._entra = entra
        self._clock = clock
        self._secrets = Secrets(clock)
        self.app = web.Application()
        self.app.add_routes(
            [
                web.get("/secrets/{name}", self._get),
                web.get("/secrets/{name}/", self._get),
                web.get("/secrets/{name}/{version}", self._get),
            ]
        )

    def set_secret(self, name: str, value: str, *, content_type: str | None = None) -> str:
        """Add a version and return its id, 32 hexadecimal digits.

        Raises:
            ValueError: a name has 1 to 127 letters, digits and hyphens.
        """
        return self._secrets.add(name, value, content_type=content_type)

    def create_certificate(
        self, name: str, *, key_size: int = 2048, content_type: ContentType = "application/x-pkcs12"
    ) -> str:
        """Add a version of a self-signed certificate, with its key (bits) in the secret of that name and version.

        Raises:
            ValueError: a name has 1 to 127 letters, digits and hyphens.
        """
        pair = self_signed(name, key_size=key_size, now=self._clock.now())
        return self._secrets.add(
            name, pair.packed(content_type), content_type=content_type, certificate=pair.certificate
        )

    def certificate(self, name: str, version: str | None = None) -> x509.Certificate:
        """Return a version of a certificate, by default the current one.

        Raises:
            KeyError: there is no such certificate.
        """
        secret = self._secrets.find(name, version)
        if secret is None or secret.certificate is None:
            raise KeyError(name)
        return secret.certificate

    def disable(self, name: str, version: str) -> None:
        """Refuse a version from this moment on.

        Raises:
            KeyError: there is no such version.
        """
        self._secrets.disable(name, version)

    async def _get(self, request: web.Request) -> web.Response:
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal
        name, version = request.match_info["name"], request.match_info.get("version")
        secret = self._secrets.find(name, version)
        if secret is None:
            return _error(404, "SecretNotFound", _not_found("/".join(filter(None, (name, version)))))
        return _answer(secret, request)

    def _refusal(self, request: web.Request) -> web.Response | None:
        header, resource = request.headers.get("Authorization"), _resource(request)
        if header is None:
            return self._challenge(resource, "AKV10000: Request is missing a Bearer or PoP token.")
        claims = self._entra.access_claims(header, resource)
        if claims is None:
            return self._challenge(resource, f"The token is not valid for the audience {resource}.")
        if claims["tid"] != self._tenant_id:
            return self._challenge(
                resource, f"AKV10032: Invalid issuer. Expected {self._issuer}, found {claims['iss']}."
            )
        if self.readers is not None and claims["appid"] not in self.readers:
            return _error(403, "Forbidden", _no_role(claims, request.match_info["name"]), inner="ForbiddenByRbac")
        return _unsupported_version(request.query.get("api-version"))

    def _challenge(self, resource: str, message: str) -> web.Response:
        """Tell where to get a token, and for which audience.

        Source: https://learn.microsoft.com/en-us/azure/key-vault/general/authentication-requests-and-responses
        """
        response = _error(401, "Unauthorized", message)
        authority = f"https://login.microsoftonline.com/{self._tenant_id}"
        response.headers["WWW-Authenticate"] = f'Bearer authorization="{authority}", resource="{resource}"'
        return response

    @property
    def _tenant_id(self) -> str:
        return self._entra.system_identity.tenant_ids[0]

    @property
    def _issuer(self) -> str:
        return f"https://sts.windows.net/{self._tenant_id}/"


def _resource(request: web.Request) -> str:
    # The client insists that the vault's host is a subdomain of the resource, as {vault}.vault.azure.net is of
    # vault.azure.net; in those terms 127.0.0.1:PORT lies in 0.0.1:PORT.
    # Source: https://aka.ms/azsdk/blog/vault-uri
    return f"https://{request.host.partition('.')[2]}"


def _unsupported_version(api_version: str | None) -> web.Response | None:
    if api_version is None:
        return _error(400, "BadParameter", "api-version must be specified")
    if api_version not in _API_VERSIONS:
        return _error(400, "BadParameter", f"The specified version ({api_version}) is not recognized.")
    return None


def _answer(secret: Secret, request: web.Request) -> web.Response:
    if not secret.enabled:
        message = "Operation get is not allowed on a disabled secret."
        return _error(403, "Forbidden", message, inner="SecretDisabled")
    return web.json_response(secret.bundle(str(request.url.origin())), headers={"Cache-Control": "no-cache"})


def _not_found(identifier: str) -> str:
    return (
        f"A secret with (name/id) {identifier} was not found in this key vault. If you recently deleted this secret "
        "you may be able to recover it using the correct recovery command. For help resolving this issue, please see "
        "https://go.microsoft.com/fwlink/?linkid=2125182"
    )


def _no_role(claims: dict[str, Any], name: str) -> str:
    return (
        "Caller is not authorized to perform action on resource.\r\nIf role assignments, deny assignments or role "
        "definitions were changed recently, please observe propagation time.\r\n"
        f"Caller: appid={claims['appid']};oid={claims['oid']};iss={claims['iss']}\r\n"
        f"Action: 'Microsoft.KeyVault/vaults/secrets/getSecret/action'\r\nResource: 'secrets/{name}'\r\n"
        "Assignment: (not found)\r\nDenyAssignmentId: null\r\nDecisionReason: 'DeniedWithNoValidRBAC'\r\n"
    )


def _error(status: int, code: str, message: str, *, inner: str | None = None) -> web.Response:
    error: dict[str, Any] = {"code": code, "message": message}
    if inner is not None:
        error["innererror"] = {"code": inner}
    return web.json_response({"error": error}, status=status)
