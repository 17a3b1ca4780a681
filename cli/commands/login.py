"""``python -m cli login``: a user signs in once, and the timer uses the login for delegated subscriptions."""

from typing import Annotated

import typer

from cli.deployments import writing_clients
from cli.options import selected_tenant_ids
from shared.identity.user_login import sign_in


def login(
    *, tenant: Annotated[str, typer.Option(help="The tenant to sign in to.", show_default="the only one served")] = ""
) -> None:
    """Sign in the user whose permissions the entries with "delegated" in subscriptions.json use.

    Key Vault stores the login: you and the app both need its role "Key Vault Secrets Officer".
    """
    clients = writing_clients(without_table=True)
    tenant_ids = selected_tenant_ids(tenant, clients.settings)
    if len(tenant_ids) > 1:
        raise typer.BadParameter(f"name one of TENANT_IDS: {', '.join(tenant_ids)}", param_hint="--tenant")
    (tenant_id,) = tenant_ids
    user = sign_in(clients.settings, tenant_id, clients.login_store(), show=typer.echo)
    typer.echo(f"{user} is signed in to tenant {tenant_id}: RenewSubscriptions uses the login from its next run on.")
