"""The directory of Entra: tenants, the applications and users in them, and the managed identities of the app."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import NAMESPACE_URL, uuid4, uuid5

from cryptography import x509

from sandbox.entra.refused import Refused

# Tenant names that stand for "whichever tenant the token is from".
SHARED_TENANTS = frozenset({"common", "organizations"})

# As for secrets that are not made in the portal, which ends them after two years.
_NEVER = datetime(2299, 12, 31, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class FederatedCredential:
    """Whose tokens an app registration trusts: each of the three matches exactly, case included."""

    issuer: str
    subject: str
    audience: str = "api://AzureADTokenExchange"


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """An app registration, or a managed identity: one that has no credential and no public client flows.

    ``roles`` are the application permissions granted in every tenant, such as ``Chat.Read.All``, and ``scopes`` the
    delegated ones. ``public_client`` is the registration's "Allow public client flows".
    """

    client_id: str
    tenant_ids: tuple[str, ...]
    secret: str | None = field(default=None, repr=False)
    secret_ends_at: datetime = _NEVER
    certificate: x509.Certificate | None = None
    federated: tuple[FederatedCredential, ...] = ()
    roles: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    public_client: bool = False

    @property
    def is_managed_identity(self) -> bool:
        """Whether only the platform can get tokens for it."""
        return not (self.secret or self.certificate or self.federated or self.public_client)

    def object_id(self, tenant_id: str) -> str:
        """Return the id of its service principal in a tenant, always the same one."""
        return str(uuid5(NAMESPACE_URL, f"{tenant_id}/{self.client_id}"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A user of one tenant, who can sign in."""

    object_id: str
    tenant_id: str
    name: str
    username: str


class Directory:
    """The tenants, their applications and their users."""

    def __init__(self) -> None:
        self.system_identity = Application(client_id=str(uuid4()), tenant_ids=(str(uuid4()),))
        self._applications: dict[str, Application] = {}
        self._accounts: dict[str, Account] = {}

    @property
    def accounts(self) -> tuple[Account, ...]:
        """Every user, in the order in which they were added."""
        return tuple(self._accounts.values())

    def add_account(self, account: Account) -> None:
        """Add a user, who can then sign in, or replace the one who has that object id."""
        self._accounts[account.object_id] = account

    def register(self, application: Application) -> None:
        """Add an application, or replace the one that has its client id.

        One without a credential is a user-assigned managed identity.
        """
        self._applications[application.client_id.lower()] = application

    def tenant(self, name: str, *, error: str = "invalid_request") -> str:
        """Return a tenant's id as it was registered.

        Raises:
            Refused: AADSTS90002, no application lives there.
        """
        for application in (self.system_identity, *self._applications.values()):
            for tenant_id in application.tenant_ids:
                if tenant_id.lower() == name.lower():
                    return tenant_id
        described = f"Tenant '{name}' not found. Check to make sure you have the correct tenant ID."
        raise Refused(error=error, code=90002, description=described)

    def application(self, client_id: str, tenant_id: str) -> Application:
        """Return an application that is present in a tenant.

        Raises:
            Refused: AADSTS700016, it is unknown there.
        """
        application = self.find(client_id, tenant_id)
        if application is None:
            described = f"Application with identifier '{client_id}' was not found in the directory '{tenant_id}'."
            raise Refused(error="unauthorized_client", code=700016, description=described)
        return application

    def find(self, client_id: str, tenant_id: str) -> Application | None:
        """Return an application, or an identity, that is present in a tenant, if there is one."""
        found = self._applications.get(client_id.lower())
        return found if found is not None and tenant_id in found.tenant_ids else None

    def managed_identity(self, client_id: str | None) -> Application | None:
        """Return the system-assigned identity, or the user-assigned one of that client id, if there is one."""
        if client_id is None:
            return self.system_identity
        found = self._applications.get(client_id.lower())
        return found if found is not None and found.is_managed_identity else None
