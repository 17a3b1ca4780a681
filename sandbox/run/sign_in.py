"""The ways in which the app can sign in to Graph: what Entra ID and the vault have for each, and the settings.

Source: https://learn.microsoft.com/entra/workload-id/workload-identity-federation-config-app-trust-managed-identity
"""

from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum

from sandbox.entra import Application, Entra, FederatedCredential
from sandbox.keyvault import KeyVault

_CERTIFICATE_NAME = "app-sign-in"


class SignIn(StrEnum):
    """How the app proves who it is."""

    SECRET = "secret"  # noqa: S105  a word of the command line
    CERTIFICATE = "certificate"
    FEDERATED = "federated"
    MANAGED_IDENTITY = "managed-identity"


def register(
    sign_in: SignIn, registration: Application, entra: Entra, vault: KeyVault, *, identity: Application
) -> Mapping[str, str]:
    """Have Entra ID know the app by one way to sign in, and return its settings.

    ``registration`` has a secret, which other ways take away; ``identity`` is the app's user-assigned identity.
    """
    without = replace(registration, secret=None)
    match sign_in:
        case SignIn.SECRET:
            entra.register(registration)
            return {"CLIENT_SECRET": registration.secret or ""}
        case SignIn.CERTIFICATE:
            vault.create_certificate(_CERTIFICATE_NAME, key_size=2048)
            entra.register(replace(without, certificate=vault.certificate(_CERTIFICATE_NAME)))
            return {"CLIENT_CERTIFICATE_NAME": _CERTIFICATE_NAME}
        case SignIn.FEDERATED:
            tenant_id = identity.tenant_ids[0]
            issuer = f"https://login.microsoftonline.com/{tenant_id}/v2.0"
            trust = FederatedCredential(issuer=issuer, subject=identity.object_id(tenant_id))
            entra.register(replace(without, federated=(trust,)))
            return {"FEDERATED_IDENTITY_CLIENT_ID": identity.client_id}
        case SignIn.MANAGED_IDENTITY:
            # An identity has no application object: it is not one of several tenants, and signs no user in.
            entra.register(replace(without, tenant_ids=registration.tenant_ids[:1], public_client=False))
            return {"AZURE_CLIENT_ID": registration.client_id}
