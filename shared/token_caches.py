"""Where the logins of signed-in users are kept: one secret per tenant in Key Vault, which encrypts it at rest.

The identity needs the role "Key Vault Secrets Officer" on the vault: it reads and sets them.

Source: https://learn.microsoft.com/azure/key-vault/general/rbac-guide#azure-built-in-roles-for-key-vault-data-plane-operations
"""

from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError, ResourceNotFoundError
from azure.keyvault.secrets import SecretClient

from shared.azure_calls import unavailable
from shared.errors import Misconfigured, Problem, Unavailable

_FORBIDDEN = 403
_CONFLICT = 409


class TokenCaches:
    """MSAL's token caches as texts, by tenant. A text is as good as the user's password: it is never logged."""

    def __init__(self, client: SecretClient) -> None:
        self._client = client

    def load(self, tenant_id: str) -> str | None:
        """Return what was saved last; None if nothing was.

        Raises:
            Misconfigured: the vault refuses this identity.
            Unavailable: the vault does not answer.
        """
        name = _name(tenant_id)
        try:
            return self._client.get_secret(name).value
        except ResourceNotFoundError:
            return None
        except AzureError as exc:
            raise _problem(name, exc) from exc
        # The client takes for granted that a 200 carries a secret.
        except (AttributeError, TypeError, ValueError) as exc:
            raise Unavailable(f"Key Vault ({name}) answers with something that is no secret") from exc

    def save(self, tenant_id: str, text: str) -> None:
        """Keep ``text`` as a fresh version of the secret.

        Raises:
            Misconfigured: the vault refuses this identity, or the secret.
            Unavailable: the vault does not answer.
        """
        name = _name(tenant_id)
        try:
            self._client.set_secret(name, text, content_type="application/json")
        except AzureError as exc:
            raise _problem(name, exc) from exc
        except (AttributeError, TypeError, ValueError) as exc:
            raise Unavailable(f"Key Vault ({name}) answers with something that is no secret") from exc


def _name(tenant_id: str) -> str:
    return f"teams-notifications-login-{tenant_id}"


def _problem(name: str, exc: AzureError) -> Problem:
    status = exc.status_code if isinstance(exc, HttpResponseError) else None
    if status == _FORBIDDEN:
        return Misconfigured(
            f"Key Vault refuses the secret {name}: give this identity the role Key Vault Secrets Officer, and have the "
            "secret enabled"
        )
    if status == _CONFLICT:
        return Misconfigured(f"the secret {name} was deleted from Key Vault: recover or purge it there")
    # Without a status it is azure-identity's: the hiccup of an identity endpoint, or a machine that has no identity.
    if status is None and isinstance(exc, ClientAuthenticationError):
        return Unavailable(f"no token for Key Vault ({name}): is there a managed identity, or have you run az login?")
    return unavailable(f"Key Vault ({name})", exc)
