"""What to ask an administrator for, from a ``subscriptions.json`` alone: nobody signs in, and Graph is not asked.

Source: https://learn.microsoft.com/graph/permissions-overview and
https://learn.microsoft.com/entra/identity-platform/v2-admin-consent
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli.catch_up import lacking_for_gaps
from cli.permission_check import least_privileged, needs
from cli.setup_documents import PermissionRequestDocument
from shared.clouds import CLOUDS
from shared.json_file import read_json_file
from shared.subscriptions.desired import DesiredSubscription, desired_from_json

COLUMNS = ("permission", "kind", "for", "or, in each team or chat")
_TENANT, _CLIENT = "<tenant id>", "<client id>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Requested:
    """One permission, for all ``paths`` that it serves; ``for_gaps``: reading back needs it, not watching."""

    permission: str
    delegated: bool
    paths: tuple[str, ...]
    for_gaps: bool = False
    resource_specific: tuple[str, ...] = ()


def requested(file: Path) -> Sequence[Requested]:
    """Return the fewest permissions that the entries of a file need, least privilege first.

    Raises:
        Misconfigured: the file is wrong; the text names the entry.
    """
    document = read_json_file(file)
    desired = desired_from_json(document, tenant_ids=_tenants(document))
    return [*_of(desired, delegated=False), *_of(desired, delegated=True)]


def _tenants(document: Any) -> Sequence[str]:
    """Return the tenants that entries name, and one for the others: whose tenant it is makes no difference here."""
    entries = document.get("subscriptions") if isinstance(document, dict) else None
    named = [entry.get("tenantId") for entry in entries or () if isinstance(entry, dict)]
    return sorted({_TENANT, *[str(name).lower() for name in named if name is not None]})


def _of(desired: Sequence[DesiredSubscription], *, delegated: bool) -> Iterator[Requested]:
    required = needs(desired, delegated=delegated)
    names = least_privileged(required)
    for name in names:
        served = [need for need in required if name in need.permissions]
        yield Requested(
            permission=name,
            delegated=delegated,
            paths=tuple([need.path for need in served]),
            resource_specific=tuple([need.resource_specific[0] for need in served if need.resource_specific]),
        )
    for name in lacking_for_gaps([need.path for need in required if need.catch_up], names):
        paths = tuple([need.path for need in required if name in need.catch_up])
        yield Requested(permission=name, delegated=delegated, paths=paths, for_gaps=True)


def cells(each: Requested) -> Sequence[str]:
    """Return the cells under ``COLUMNS``."""
    purpose = ", ".join(each.paths)
    kind = "delegated" if each.delegated else "application"
    alternatives = ", ".join(dict.fromkeys(each.resource_specific))
    return each.permission, kind, f"catching up: {purpose}" if each.for_gaps else purpose, alternatives


def consent_urls(environ: Mapping[str, str], tenant_id: str) -> Sequence[str]:
    """Return where administrators consent, with what the environment knows of the app, else with names to replace."""
    cloud = CLOUDS.get(environ.get("GRAPH_CLOUD") or "global", CLOUDS["global"])
    base, client_id = environ.get("LOGIN_URL") or cloud.login_url, environ.get("CLIENT_ID") or _CLIENT
    named = tenant_id or environ.get("TENANT_IDS") or _TENANT
    return [consent_url(base, each.strip(), client_id) for each in named.split(",")]


def consent_url(login_url: str, tenant_id: str, client_id: str) -> str:
    """Return the page on which an administrator of a tenant consents to what a registration lists."""
    return f"{login_url}/{tenant_id}/adminconsent?client_id={client_id}"


def request_document(found: Sequence[Requested], urls: Sequence[str]) -> PermissionRequestDocument:
    """Return what `permissions --from FILE --json` prints."""
    return {
        "permissions": [
            {
                "permission": each.permission,
                "delegated": each.delegated,
                "paths": list(each.paths),
                "forCatchUp": each.for_gaps,
                "resourceSpecific": list(dict.fromkeys(each.resource_specific)),
            }
            for each in found
        ],
        "adminConsentUrls": list(urls),
    }
