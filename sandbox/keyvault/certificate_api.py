"""The vault's certificates over HTTP: made by callers, shown without their keys, and listed version by version.

Sources: https://learn.microsoft.com/en-us/rest/api/keyvault/certificates/get-certificate/get-certificate,
.../create-certificate/create-certificate, .../get-certificate-operation/get-certificate-operation and
.../get-certificate-versions/get-certificate-versions
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Collection

from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox.keyvault.answers import bad_parameter, in_progress, json_object, not_found, nothing_pending
from sandbox.keyvault.certificates import KeyPolicy
from sandbox.keyvault.operations import Operations
from sandbox.keyvault.policies import PolicyError, checked, shown
from sandbox.keyvault.secrets import Secrets

_NAME = re.compile(r"[0-9a-zA-Z-]{1,127}")
_MOST_IN_A_PAGE = 25

type Handler = Callable[[web.Request], Awaitable[web.Response]]

type Refusal = Callable[..., web.Response | None]
"""Returns why a caller may not do an action, or None."""


class CertificateApi:
    """The part of a vault that callers make and read certificates with.

    ``readers`` and ``writers``: the client ids with the role "Key Vault Reader", and with "Key Vault Certificates
    Officer", who may read too; None stands for all. ``key_policy``: of what an administrator makes.
    """

    def __init__(self, secrets: Secrets, operations: Operations, refusal: Refusal) -> None:
        self.readers: Collection[str] | None = None
        self.writers: Collection[str] | None = None
        self.key_policy = KeyPolicy()
        self._secrets = secrets
        self._operations = operations
        self._refusal = refusal

    def routes(self) -> list[web.RouteDef]:
        """Return the routes of the vault's application; names that mean something come before versions."""
        reading: list[tuple[str, Handler]] = [
            ("/certificates/{name}", self._get),
            ("/certificates/{name}/", self._get),
            ("/certificates/{name}/pending", self._pending),
            ("/certificates/{name}/versions", self._versions),
            ("/certificates/{name}/{version}", self._get),
        ]
        routes = [web.get(path, self._reading(handler)) for path, handler in reading]
        return [web.post("/certificates/{name}/create", self._create), *routes]

    def _reading(self, handler: Handler) -> Handler:
        async def handle(request: web.Request) -> web.Response:
            readers = None if self.readers is None else {*self.readers, *(self.writers or ())}
            return self._refusal(request, readers, kind="certificates", action="read") or await handler(request)

        return handle

    async def _get(self, request: web.Request) -> web.Response:
        name, version = request.match_info["name"], request.match_info.get("version")
        found = self._secrets.find(name, version)
        if found is None or found.certificate is None:
            return not_found("/".join(filter(None, (name, version))), kind="certificate")
        size = _key_size(found.certificate)
        policy = self._operations.policy(name) or shown(self.key_policy, found.name, size)
        bundle = found.certificate_bundle(str(request.url.origin()))
        return web.json_response(bundle | ({} if version else {"policy": policy}))

    async def _pending(self, request: web.Request) -> web.Response:
        # Making a key takes seconds, in which everything else here would wait.
        operation = await asyncio.to_thread(self._operations.look, request.match_info["name"])
        if operation is None:
            return nothing_pending()
        return web.json_response(operation.bundle(str(request.url.origin())))

    async def _versions(self, request: web.Request) -> web.Response:
        found = self._secrets.of_certificate(request.match_info["name"])
        try:
            first, size = int(request.query.get("$skiptoken", 0)), int(request.query.get("maxresults", _MOST_IN_A_PAGE))
        except ValueError:
            return bad_parameter("maxresults has an invalid value")
        if not 1 <= size <= _MOST_IN_A_PAGE:
            return bad_parameter(f"maxresults must be from 1 to {_MOST_IN_A_PAGE}")
        origin, last = request.url.origin(), first + size
        query = {**request.query, "$skiptoken": str(last)}
        link = str(request.url.with_query(query)) if last < len(found) else None
        items = [each.version_item(str(origin)) for each in found[first:last]]
        return web.json_response({"value": items, "nextLink": link})

    async def _create(self, request: web.Request) -> web.Response:
        refusal = self._refusal(request, self.writers, kind="certificates", action="create")
        if refusal is not None:
            return refusal
        name, body = request.match_info["name"], await json_object(request)
        if not _NAME.fullmatch(name):
            return bad_parameter("The request URI contains an invalid name: " + name)
        try:
            operation = self._operations.begin(name, checked(body.get("policy")))
        except PolicyError as problem:
            return bad_parameter(str(problem))
        if operation is None:
            return in_progress()
        bundle = operation.bundle(str(request.url.origin()))
        location = f"{bundle['id']}?api-version={request.query['api-version']}&request_id={operation.request_id}"
        return web.json_response(bundle, status=202, headers={"Location": location})


def _key_size(certificate: x509.Certificate) -> int | None:
    key = certificate.public_key()
    return key.key_size if isinstance(key, rsa.RSAPublicKey) else None
