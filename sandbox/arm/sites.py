"""A function app as its settings show it: which secrets they refer to, and whether the app has got them.

Source: https://learn.microsoft.com/azure/app-service/app-service-key-vault-references
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

_REFERENCE = re.compile(r"@Microsoft\.KeyVault\(SecretUri=https://([\w-]+)\.vault\.azure\.net/secrets/([\w-]+)/?\)")


@dataclass(slots=True, kw_only=True)
class Site:
    """``settings``: those of the app; ``versions``: the ids of those of a secret in its vault."""

    settings: Mapping[str, str]
    versions: Callable[[str], tuple[str, ...]]
    _resolved: set[str] = field(default_factory=set)

    def refresh(self) -> None:
        """Fetch what the settings refer to, which otherwise happens once a day."""
        for name, value in self.settings.items():
            if (found := _REFERENCE.fullmatch(value)) and self.versions(found[2]):
                self._resolved.add(name)

    def shown(self) -> list[dict[str, Any]]:
        """Return the references with their states."""
        return [
            {
                "name": name,
                "properties": {
                    "vaultName": found[1],
                    "secretName": found[2],
                    "status": "Resolved" if name in self._resolved else "SecretNotFound",
                },
            }
            for name, value in self.settings.items()
            if (found := _REFERENCE.fullmatch(value))
        ]
