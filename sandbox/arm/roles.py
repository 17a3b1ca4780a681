"""Roles in Azure: what each allows, who holds it where, and whether that is enough for an action.

Sources: https://learn.microsoft.com/azure/role-based-access-control/built-in-roles and
https://learn.microsoft.com/azure/role-based-access-control/role-definitions
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, override


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A built-in role; ``*`` in an action stands for anything."""

    id: str
    name: str
    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    data_actions: tuple[str, ...] = ()

    def allows(self, action: str) -> bool:
        """Return whether the role allows an action."""
        return _among(action, self.actions) and not _among(action, self.not_actions)

    def allows_data(self, action: str) -> bool:
        """Return whether the role allows an action on data, which an owner's ``*`` does not."""
        return _among(action, self.data_actions)


_KEY_VAULT = "Microsoft.KeyVault/vaults"
ROLES: tuple[Role, ...] = (
    Role(id="8e3af657-a8ff-443c-a75c-2fe8c4bcb635", name="Owner", actions=("*",)),
    Role(
        id="b24988ac-6180-42a0-ab88-20f7382dd24c",
        name="Contributor",
        actions=("*",),
        not_actions=(
            "Microsoft.Authorization/*/Delete",
            "Microsoft.Authorization/*/Write",
            "Microsoft.Authorization/elevateAccess/Action",
        ),
    ),
    Role(
        id="18d7d88d-d35e-4fb5-a5c3-7773c20a72d9",
        name="User Access Administrator",
        actions=("*/read", "Microsoft.Authorization/*", "Microsoft.Support/*"),
    ),
    Role(id="acdd72a7-3385-48ef-bd42-f606fba81ae7", name="Reader", actions=("*/read",)),
    Role(
        id="de139f84-1756-47ae-9be6-808fbbe84772",
        name="Website Contributor",
        actions=("Microsoft.Authorization/*/read", "Microsoft.Web/serverFarms/read", "Microsoft.Web/sites/*"),
    ),
    Role(
        id="a4417e6f-fecd-4de8-b567-7b0420556985",
        name="Key Vault Certificates Officer",
        data_actions=(f"{_KEY_VAULT}/certificatecas/*", f"{_KEY_VAULT}/certificates/*"),
    ),
    Role(
        id="b86a8fe4-44ce-4948-aee5-eccb2c155cd7",
        name="Key Vault Secrets Officer",
        data_actions=(f"{_KEY_VAULT}/secrets/*",),
    ),
    Role(
        id="4633458b-17de-408a-b874-0445c86b69e6",
        name="Key Vault Secrets User",
        data_actions=(f"{_KEY_VAULT}/secrets/getSecret/action", f"{_KEY_VAULT}/secrets/readMetadata/action"),
    ),
)
BY_NAME: Mapping[str, Role] = {role.name: role for role in ROLES}


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """A role that a principal (an object id) holds at a scope and below it; ``name`` is a GUID."""

    name: str
    principal_id: str
    principal_type: str
    role: Role
    scope: str

    def reaches(self, scope: str) -> bool:
        """Return whether the assignment is made at a scope or above it; letter case makes no difference."""
        above, below = self.scope.rstrip("/").lower(), scope.rstrip("/").lower()
        return below == above or below.startswith(f"{above}/")

    def shown(self) -> dict[str, Any]:
        """Return it as ARM does."""
        scope = self.scope.rstrip("/")
        subscription = "/".join(scope.split("/")[:3])
        return {
            "id": f"{scope}/providers/Microsoft.Authorization/roleAssignments/{self.name}",
            "name": self.name,
            "type": "Microsoft.Authorization/roleAssignments",
            "properties": {
                "principalId": self.principal_id,
                "principalType": self.principal_type,
                "roleDefinitionId": f"{subscription}/providers/Microsoft.Authorization/roleDefinitions/{self.role.id}",
                "scope": self.scope,
            },
        }


@dataclass(slots=True)
class Assignments:
    """Every role that somebody holds."""

    held: list[Assignment] = field(default_factory=list)

    def of(self, principal_id: str, scope: str) -> list[Role]:
        """Return the roles of a principal that count at a scope."""
        return [each.role for each in self.held if each.principal_id == principal_id and each.reaches(scope)]

    def allow(self, principal_id: str, action: str, scope: str) -> bool:
        """Return whether a principal may do something at a scope."""
        return any(role.allows(action) for role in self.of(principal_id, scope))


@dataclass(frozen=True, slots=True)
class Allowed(Collection[str]):
    """The client ids, of those that are known, of who may do something to data at a scope at this moment."""

    assignments: Assignments
    client_ids: Mapping[str, str]
    action: str
    scope: str

    @override
    def __iter__(self) -> Iterator[str]:
        for principal_id, client_id in self.client_ids.items():
            if any(role.allows_data(self.action) for role in self.assignments.of(principal_id, self.scope)):
                yield client_id

    @override
    def __contains__(self, client_id: object) -> bool:
        return any(client_id == each for each in self)

    @override
    def __len__(self) -> int:
        return sum(1 for _ in self)


def _among(action: str, patterns: Collection[str]) -> bool:
    return any(fnmatchcase(action.lower(), pattern.lower()) for pattern in patterns)
