"""What a user's sign-in asks for: the ``scope`` parameter as a resource and the delegated permissions on it.

Source: https://learn.microsoft.com/en-us/entra/identity-platform/scopes-oidc
"""

from dataclasses import dataclass

from sandbox.entra.directory import Application
from sandbox.entra.refused import Refused

_GRAPH = "https://graph.microsoft.com"
_DEFAULT = ".default"
# Asked of Entra itself, beside what is asked of the resource.
_OF_ENTRA = frozenset({"openid", "profile", "email", "offline_access"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Scopes:
    """One resource, the names of permissions on it (".default" for all that are configured), and Entra's own."""

    resource: str
    names: tuple[str, ...]
    of_entra: frozenset[str]

    @classmethod
    def parse(cls, text: str) -> "Scopes":
        """Return what a ``scope`` parameter means; a permission without a resource is one of Graph.

        Raises:
            Refused: AADSTS70011, nothing is asked of a resource; AADSTS28000, something of two.
        """
        asked = [scope for scope in text.split() if scope not in _OF_ENTRA]
        split = [scope.rpartition("/") for scope in asked]
        resources = {resource or _GRAPH for resource, _, _ in split}
        if not asked or not all(name for _, _, name in split):
            described = f"The provided request must include a valid 'scope' input parameter. The scope {text} is not."
            raise Refused(error="invalid_scope", code=70011, description=described)
        if len(resources) > 1:
            described = f"The 'scope' is not valid because it contains more than one resource. Scope {text}."
            raise Refused(error="invalid_request", code=28000, description=described)
        names = tuple(name for _, _, name in split)
        return cls(resource=resources.pop(), names=names, of_entra=_OF_ENTRA.intersection(text.split()))

    def granted(self, application: Application) -> tuple[str, ...]:
        """Return the permissions that a token gets.

        Raises:
            Refused: AADSTS65001, consent for one of them, or for any, is missing.
        """
        if self.names == (_DEFAULT,) and application.scopes:
            return application.scopes
        if set(self.names) <= set(application.scopes):
            return self.names
        described = (
            f"The user or administrator has not consented to use the application with ID '{application.client_id}'. "
            "Send an interactive authorization request for this user and resource."
        )
        raise Refused(error="invalid_grant", code=65001, description=described, suberror="consent_required")

    def answered(self, granted: tuple[str, ...]) -> str:
        """Return the ``scope`` of the answer: MSAL finds a token again by the names with which it asked."""
        names = dict.fromkeys((*granted, *self.names))
        return " ".join([*sorted(self.of_entra - {"offline_access"}), *(f"{self.resource}/{name}" for name in names)])
