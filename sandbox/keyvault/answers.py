"""What the vault answers: secrets and errors as JSON, in Key Vault's words.

Source: https://learn.microsoft.com/en-us/rest/api/keyvault/secrets/get-secret/get-secret#keyvaulterror
"""

import json
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from sandbox.keyvault.secrets import Secret


def answer(secret: Secret, request: web.Request) -> web.Response:
    """Return a secret; a version that is disabled is refused."""
    if not secret.enabled:
        message = "Operation get is not allowed on a disabled secret."
        return error(403, "Forbidden", message, inner="SecretDisabled")
    return web.json_response(secret.bundle(str(request.url.origin())), headers={"Cache-Control": "no-cache"})


def error(status: int, code: str, message: str, *, inner: str | None = None) -> web.Response:
    """Return a refusal."""
    body: dict[str, Any] = {"code": code, "message": message}
    if inner is not None:
        body["innererror"] = {"code": inner}
    return web.json_response({"error": body}, status=status)


async def json_object(request: web.Request) -> Mapping[str, Any]:
    """Return the object in a request's body; an empty one for anything else."""
    try:
        body = json.loads(await request.read())
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def bad_parameter(message: str) -> web.Response:
    """Return the refusal of a request that makes no sense."""
    return error(400, "BadParameter", message)


def not_found(identifier: str, *, kind: str = "secret") -> web.Response:
    """Return the refusal for a secret or certificate, or a version, that is not there."""
    message = f"A {kind} with (name/id) {identifier} was not found in this key vault."
    return error(404, f"{kind.capitalize()}NotFound", message)


def in_progress() -> web.Response:
    """Return the refusal of a certificate while another version of it is being made.

    Source: https://learn.microsoft.com/en-us/azure/key-vault/certificates/create-certificate-scenarios
    """
    message = (
        "A new key vault certificate can not be created or imported while a pending key vault certificate's status is "
        "inProgress."
    )
    return error(409, "Forbidden", message)


def nothing_pending() -> web.Response:
    """Return the refusal to show the making of a certificate that nobody has asked for."""
    return error(404, "PendingCertificateNotFound", "Pending Certificate not found")


def no_role(claims: Mapping[str, Any], resource: str, *, action: str) -> web.Response:
    """Return the refusal of a caller whose roles do not hold an action on ``resource``, such as ``secrets/name``."""
    kind, _, _ = resource.partition("/")
    action = f"Microsoft.KeyVault/vaults/{kind}/{action}{'' if action == 'read' else '/action'}"
    message = (
        "Caller is not authorized to perform action on resource.\r\n"
        f"Caller: appid={claims['appid']};oid={claims['oid']};iss={claims['iss']}\r\n"
        f"Action: '{action}'\r\nResource: '{resource}'\r\n"
    )
    return error(403, "Forbidden", message, inner="ForbiddenByRbac")
