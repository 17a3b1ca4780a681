"""What Azure Resource Manager says when it refuses, in its own words.

Source: https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/common-deployment-errors
"""

from dataclasses import dataclass

from aiohttp import web
from aiohttp.typedefs import Handler


# Not frozen: Python hangs the traceback on an exception while it is on its way.
@dataclass(eq=False)
class Refused(Exception):
    """A request that is not carried out: a status, a code and a message."""

    status: int
    code: str
    message: str


@web.middleware
async def refusals(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn ``Refused`` into an error body."""
    try:
        return await handler(request)
    except web.HTTPNotFound:
        refused = not_found(request.path)
    except Refused as problem:
        refused = problem
    body = {"error": {"code": refused.code, "message": refused.message}}
    return web.json_response(body, status=refused.status)


def no_right(client: str, object_id: str, action: str, scope: str) -> Refused:
    """Return the refusal of a caller who has no role that allows ``action`` at ``scope``.

    Source: https://learn.microsoft.com/azure/role-based-access-control/troubleshooting
    """
    message = (
        f"The client '{client}' with object id '{object_id}' does not have authorization to perform action '{action}' "
        f"over scope '{scope}' or the scope is invalid. If access was recently granted, please refresh your "
        "credentials."
    )
    return Refused(403, "AuthorizationFailed", message)


def no_token() -> Refused:
    """Return the refusal of a caller who has no token, or one of another audience."""
    message = "Authentication failed. The 'Authorization' header is missing or invalid."
    return Refused(401, "AuthenticationFailed", message)


def wrong_version(version: str | None, kind: str, known: tuple[str, ...]) -> Refused:
    """Return the refusal of a request without an API version, or with one that does not exist."""
    if version is None:
        message = "The api-version query parameter (?api-version=) is required for all requests."
        return Refused(400, "MissingApiVersionParameter", message)
    message = (
        f"No registered resource provider found for location '' and API version '{version}' for type '{kind}'. "
        f"The supported api-versions are '{', '.join(known)}'."
    )
    return Refused(400, "NoRegisteredProviderFound", message)


def not_found(what: str) -> Refused:
    """Return the refusal of a request for a resource that does not exist."""
    return Refused(404, "ResourceNotFound", f"The Resource '{what}' was not found.")


def exists(name: str) -> Refused:
    """Return the refusal of an assignment that exists under another name."""
    message = f"The role assignment already exists. The ID of the existing role assignment is {name.replace('-', '')}."
    return Refused(409, "RoleAssignmentExists", message)
