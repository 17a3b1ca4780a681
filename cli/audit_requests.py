"""Audits that an operator asks for: of which path, in which window, and in which tenants.

Source: https://learn.microsoft.com/graph/change-notifications-delivery-webhooks (Graph retries for four hours)
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

import typer

from cli.gap_requests import Interval, requested_interval
from shared.app.audits import audit_table
from shared.app.clients import Clients
from shared.audit.audit import ENDS_BEFORE, Audit, requested_audit
from shared.audit.eligible import rows_by_path
from shared.errors import Misconfigured, Unavailable
from shared.resources.catalogue import CATALOGUE
from shared.resources.validation import find_resource_type


def audited_path(path: str) -> str:
    """Return the path of the catalogue that ``path`` is, or is an instance of.

    Raises:
        typer.BadParameter: it is none.
    """
    if any(row.path == path for row in CATALOGUE):
        return path
    resource_type = find_resource_type(path)
    if resource_type is None:
        raise typer.BadParameter("is not a path that an app can subscribe to", param_hint="PATH")
    return resource_type.path


def audited_window(since: str, until: str, now: datetime) -> Interval:
    """Return the window that the options name, until five hours ago if ``until`` is empty.

    Raises:
        typer.BadParameter: one is not a time, they are in the wrong order, or Graph may still deliver.
    """
    latest = now - ENDS_BEFORE
    begin, end = requested_interval(since, until or latest.isoformat(), now)
    if end > latest:
        raise typer.BadParameter("is less than five hours ago: Graph may still deliver", param_hint="--until")
    return begin, end


def requested_audits(clients: Clients, path: str, window: Interval, tenant_ids: Sequence[str]) -> Sequence[Audit]:
    """Return the audits to ask for, one for each tenant with a subscription to messages of ``path``.

    Raises:
        Misconfigured: the app audits nothing.
        Unavailable: one that was asked for before still goes on.
        typer.BadParameter: no tenant has such a subscription.
    """
    if not clients.settings.audit_every:
        raise Misconfigured("AUDIT_EVERY is 0, so the app audits nothing: set it to P1D, or more")
    found = list(_requested(clients, path, window, tenant_ids))
    if not found:
        raise typer.BadParameter("no subscription watches it with the content of messages", param_hint="PATH")
    return found


def _requested(clients: Clients, path: str, window: Interval, tenant_ids: Sequence[str]) -> Iterator[Audit]:
    for tenant_id in tenant_ids:
        if path not in rows_by_path(clients.subscription_table().load(tenant_id).tracked):
            continue
        audit = requested_audit(tenant_id, path, window, clients.clock.now(), previous=None)
        recorded = {each.key: each for each in audit_table(clients).load(tenant_id)}
        previous = recorded.get(audit.key)
        if previous is not None and not previous.has_ended:
            raise Unavailable(f"the last audit of {path} that was asked for still goes on: run the command again later")
        yield requested_audit(tenant_id, path, window, clients.clock.now(), previous=previous)
