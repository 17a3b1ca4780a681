"""Which tenants let no app in? Graph refuses whatever is asked for them, as once an administrator takes consent back.

Source: https://learn.microsoft.com/en-us/graph/resolve-auth-errors
"""

from collections import Counter

from sandbox.graph.errors import Refused


class Denial:
    """The tenants that are refused; add one, and discard it when it is over."""

    def __init__(self) -> None:
        self.tenant_ids: set[str] = set()
        self.refused: Counter[str] = Counter()
        """How many requests were refused, by tenant."""

    def check(self, tenant_id: str) -> None:
        """Look whether a tenant lets the app in.

        Raises:
            Refused: with 403, it does not.
        """
        if tenant_id in self.tenant_ids:
            self.refused[tenant_id] += 1
            raise Refused(
                403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation in this tenant."
            )
