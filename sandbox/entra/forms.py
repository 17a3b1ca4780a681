"""The parameters of requests to Entra: form-encoded bodies in, texts by name out."""

from collections.abc import Mapping

from aiohttp import web

from sandbox.entra.refused import Refused


async def read(request: web.Request) -> dict[str, str]:
    """Return the parameters of a body; another kind of body has none."""
    if request.content_type != "application/x-www-form-urlencoded":
        return {}
    return {name: value for name, value in (await request.post()).items() if isinstance(value, str)}


def required(form: Mapping[str, str], name: str) -> str:
    """Return a parameter.

    Raises:
        Refused: AADSTS900144, it is missing or empty.
    """
    if not form.get(name):
        described = f"The request body must contain the following parameter: '{name}'."
        raise Refused(error="invalid_request", code=900144, description=described)
    return form[name]
