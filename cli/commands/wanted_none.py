"""``subscriptions remove --all`` and ``restore``: nothing is wanted for a while, whatever the file requests."""

from dataclasses import replace

import typer

from cli.deployments import required_owner_row, writing_clients
from cli.output import console, print_line
from cli.subscription_rows import describe, is_from_file, row_to_remove
from shared.subscriptions.deployment import change_status
from shared.subscriptions.deployment_status import WantedNone


def remove_all(*, yes: bool) -> None:
    """Write that nothing is wanted while this version of the app has this file; remove what was added by command."""
    clients, out = writing_clients(), console()
    row = required_owner_row(clients)
    if not yes:
        typer.confirm("Every subscription will be deleted at Graph. Go on?", abort=True)
    none = WantedNone(version=row.facts.version, file_hash=row.facts.file_hash)
    change_status(clients.status_table(), row.deployment_id, lambda found: replace(found, wanted_none=none))
    table = clients.subscription_table()
    for tenant_id in clients.settings.tenant_ids:
        for added in table.load(tenant_id).tracked:
            if added.is_wanted and not is_from_file(added):
                table.save(row_to_remove(added))
                print_line(out, f"{describe(added.desired)} is removed for good: `subscriptions add` had added it.")
    print_line(out, "Nothing is wanted: the next run of RenewSubscriptions deletes every subscription.")
    print_line(out, "`subscriptions restore`, another version or another subscriptions.json ends that.")


def restore() -> None:
    """Want again what subscriptions.json requests, after `subscriptions remove --all`."""
    clients = writing_clients()
    row = required_owner_row(clients)
    if row.wanted_none is None:
        print_line(console(), "Nothing to restore: what subscriptions.json requests is wanted.")
        return
    change_status(clients.status_table(), row.deployment_id, lambda found: replace(found, wanted_none=None))
    print_line(console(), "What subscriptions.json requests is wanted again: the next run creates it.")
