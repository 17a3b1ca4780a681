"""What the vault has to have before the app starts: the encryption certificate and the client-state key.

Source: https://learn.microsoft.com/azure/key-vault/certificates/certificate-access-control
"""

import os
import secrets
import tempfile
from datetime import timedelta
from pathlib import Path

from infra.hooks import rights
from infra.hooks.tools import NotThere, Tools

CERTIFICATE = "graph-notifications"
KEY = "client-state-key"
POLICY = Path(__file__).with_name("certificate-policy.json")
_ROLES_WORK_WITHIN = timedelta(minutes=30)
# As long as the command in docs/configuration.md makes it.
_KEY_BYTES = 48


def ensure_certificate(tools: Tools, vault: str, name: str = CERTIFICATE) -> None:
    """Make the certificate unless there is one: each call of the command would make another version."""
    which = ("--vault-name", vault, "--name", name)

    def look_or_make() -> str:
        try:
            tools.az("keyvault", "certificate", "show", *which)
        except NotThere:
            tools.az("keyvault", "certificate", "create", *which, "--policy", f"@{POLICY}")
            return "was made"
        return "is there"

    with rights.needing(tools, "Key Vault Certificates Officer", rights.vault):
        done = tools.patiently(look_or_make, within=_ROLES_WORK_WITHIN, what=f"the certificate {name} in {vault}")
    tools.say(f"certificate {name} {done}")


def ensure_key(tools: Tools, vault: str) -> None:
    """Make the key that signs client states unless there is one; nobody sees it."""

    def look_or_make() -> str:
        if exists(tools, vault, KEY):
            return "is there"
        _make_key(tools, vault)
        return "was made"

    with rights.needing(tools, "Key Vault Secrets Officer", rights.vault):
        done = tools.patiently(look_or_make, within=_ROLES_WORK_WITHIN, what=f"the secret {KEY} in {vault}")
    tools.say(f"secret {KEY} {done}")


def exists(tools: Tools, vault: str, name: str) -> bool:
    """Return whether the vault has a secret, without reading it."""
    try:
        tools.az("keyvault", "secret", "show", "--vault-name", vault, "--name", name, "--query", "id")
    except NotThere:
        return False
    return True


def _make_key(tools: Tools, vault: str) -> None:
    # By a file that only this user can read: every user of the machine sees the arguments of a command.
    handle, path = tempfile.mkstemp(prefix="key-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(secrets.token_urlsafe(_KEY_BYTES))
        which = ("--vault-name", vault, "--name", KEY)
        tools.az("keyvault", "secret", "set", *which, "--file", path, "--encoding", "utf-8", "--query", "id")
    finally:
        Path(path).unlink()
