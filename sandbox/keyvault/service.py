"""The vault's HTTP side: challenge, access control, versions and errors of Key Vault's REST API.

Sources: https://learn.microsoft.com/en-us/rest/api/keyvault/secrets/get-secret/get-secret,
https://learn.microsoft.com/en-us/rest/api/keyvault/secrets/set-secret/set-secret
"""

from collections.abc import Collection
from datetime import timedelta

from aiohttp import web
from cryptography import x509

from sandbox.clock import Clock
from sandbox.entra import Entra
from sandbox.keyvault.answers import answer, bad_parameter, error, json_object, no_role, not_found
from sandbox.keyvault.certificate_api import CertificateApi
from sandbox.keyvault.certificates import LIFETIME, ContentType, self_signed
from sandbox.keyvault.operations import Operations
from sandbox.keyvault.secrets import Secrets
from sandbox.rsa_keys import KeySource, fresh_key

# Source: https://learn.microsoft.com/en-us/azure/key-vault/secrets/about-secrets
_MAX_VALUE_BYTES = 25 * 1024
_API_VERSIONS = frozenset({"7.0", "7.1", "7.2", "7.3", "7.4", "7.5", "7.6", "2025-07-01", "2026-04-01"})


class KeyVault:
    """One vault, in the tenant of Entra's system-assigned identity.

    ``readers`` are the client ids that hold the role "Key Vault Secrets User", ``writers`` those that may set secrets
    ("Key Vault Secrets Officer", who may read them too); None stands for all. For certificates there are others.
    """

    def __init__(
        self,
        entra: Entra,
        clock: Clock,
        *,
        readers: Collection[str] | None = None,
        key_source: KeySource = fresh_key,
    ) -> None:
        self.readers = readers
        self.writers: Collection[str] | None = None
        self._entra = entra
        self._clock = clock
        self._key_source = key_source
        self._secrets = Secrets(clock)
        self.operations = Operations(self._secrets, clock, key_source)
        self.certificates = CertificateApi(self._secrets, self.operations, self._refusal)
        # What an administrator does, who has no endpoint of their own here.
        self.set_secret, self.disable, self.remove = self._secrets.add, self._secrets.disable, self._secrets.remove
        self.versions = self._secrets.versions
        self.app = web.Application()
        self.app.add_routes(
            [
                web.get("/secrets/{name}", self._get),
                web.get("/secrets/{name}/", self._get),
                web.get("/secrets/{name}/{version}", self._get),
                web.put("/secrets/{name}", self._put),
                *self.certificates.routes(),
            ]
        )

    def create_certificate(
        self,
        name: str,
        *,
        key_size: int = 2048,
        content_type: ContentType = "application/x-pkcs12",
        lifetime: timedelta = LIFETIME,
    ) -> str:
        """Add a version of a self-signed certificate, with its key (bits) in the secret of that name and version.

        Raises:
            ValueError: a name has 1 to 127 letters, digits and hyphens.
        """
        pair = self_signed(name, self._key_source(key_size), now=self._clock.now(), lifetime=lifetime)
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

    async def _get(self, request: web.Request) -> web.Response:
        readers = None if self.readers is None else {*self.readers, *(self.writers or ())}
        refusal = self._refusal(request, readers, action="getSecret")
        if refusal is not None:
            return refusal
        name, version = request.match_info["name"], request.match_info.get("version")
        secret = self._secrets.find(name, version)
        return not_found("/".join(filter(None, (name, version)))) if secret is None else answer(secret, request)

    async def _put(self, request: web.Request) -> web.Response:
        refusal = self._refusal(request, self.writers, action="setSecret")
        if refusal is not None:
            return refusal
        name, body = request.match_info["name"], await json_object(request)
        value, content_type = body.get("value"), body.get("contentType")
        if not isinstance(value, str) or not isinstance(content_type, str | None):
            return bad_parameter("Property value is missing, or has an invalid value.")
        if len(value.encode()) > _MAX_VALUE_BYTES:
            return bad_parameter(f"The secret's value is larger than {_MAX_VALUE_BYTES} bytes.")
        try:
            version = self._secrets.add(name, value, content_type=content_type)
        except ValueError:
            return bad_parameter("The request URI contains an invalid name: " + name)
        secret = self._secrets.find(name, version)
        return not_found(name) if secret is None else answer(secret, request)

    def _refusal(
        self, request: web.Request, allowed: Collection[str] | None, *, action: str, kind: str = "secrets"
    ) -> web.Response | None:
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
        if allowed is not None and claims["appid"] not in allowed:
            return no_role(claims, f"{kind}/{request.match_info['name']}", action=action)
        return _unsupported_version(request.query.get("api-version"))

    def _challenge(self, resource: str, message: str) -> web.Response:
        """Name where to get a token, and for which audience.

        Source: https://learn.microsoft.com/en-us/azure/key-vault/general/authentication-requests-and-responses
        """
        response = error(401, "Unauthorized", message)
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
        return bad_parameter("api-version must be specified")
    if api_version not in _API_VERSIONS:
        return bad_parameter(f"The specified version ({api_version}) is not recognized.")
    return None
