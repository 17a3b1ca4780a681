"""What the vault answers: secrets and errors as JSON, in Key Vault's words.

Source: https://learn.microsoft.com/en-us/rest/api/keyvault/secrets/get-secret/get-secret#keyvaulterror
"""

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


def bad_parameter(message: str) -> web.Response:
    """Return the refusal of a request that makes no sense."""
    return error(400, "BadParameter", message)


def not_found(identifier: str, *, kind: str = "secret") -> web.Response:
    """Return the refusal for a secret or certificate, or a version, that is not there."""
    message = f"A {kind} with (name/id) {identifier} was not found in this key vault."
    return error(404, f"{kind.capitalize()}NotFound", message)


def no_role(claims: Mapping[str, Any], resource: str, *, action: str) -> web.Response:
    """Return the refusal of a caller whose roles do not hold an action on ``resource``, such as ``secrets/name``."""
    kind, _, _ = resource.partition("/")
    action = f"Microsoft.KeyVault/vaults/{kind}/{action}{'/action' if kind == 'secrets' else ''}"
    message = (
        "Caller is not authorized to perform action on resource.\r\n"
        f"Caller: appid={claims['appid']};oid={claims['oid']};iss={claims['iss']}\r\n"
        f"Action: '{action}'\r\nResource: '{resource}'\r\n"
    )
    return error(403, "Forbidden", message, inner="ForbiddenByRbac")
