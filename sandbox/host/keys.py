"""Access keys: who may call a function, by its authorization level.

Source: https://learn.microsoft.com/azure/azure-functions/function-keys-how-to
"""

import hmac
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """The keys that the host was started with. Without any, everybody may do everything, as under ``func start``."""

    function_keys: tuple[str, ...] = field(default=(), repr=False)
    master_key: str | None = field(default=None, repr=False)

    def admit(self, presented: str, auth_level: str) -> bool:
        """Say whether ``presented`` opens ``auth_level``: anonymous, function or admin. The master key opens all."""
        if auth_level == "anonymous" or not (self.function_keys or self.master_key):
            return True
        accepted = self.function_keys if auth_level == "function" else ()
        masters = (self.master_key,) if self.master_key else ()
        return any(hmac.compare_digest(presented.encode(), key.encode()) for key in (*accepted, *masters))
