"""The settings of a Function App, read from Azure Resource Manager by Azure's command line; which of them are secrets.

Sources: https://learn.microsoft.com/cli/azure/functionapp/config/appsettings and
https://learn.microsoft.com/azure/app-service/app-service-key-vault-references
"""

import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from typing import Any

from cli.settings_file import sample_values
from shared.errors import Misconfigured, Problem, Unavailable

_PATIENCE_SECONDS = 120
_SECRETS = frozenset(
    {"AzureWebJobsStorage", "CLIENT_SECRET", "CLIENT_STATE_KEY", "CLIENT_STATE_KEY_PREVIOUS", "EventHubConnection"}
)
# What is left of a reference to the vault: Azure replaces it for the app only.
_REFERENCE = "@Microsoft."
_KEY_VAULT = re.compile(r"@Microsoft\.KeyVault\((?P<parts>.+)\)")


def is_secret(name: str, value: str) -> bool:
    """Return whether a setting has to be left out where secrets are not wanted: what is not known may be one, too."""
    # The query of the URL may have a function's key.
    return name in _SECRETS or name not in sample_values() or (name == "NOTIFICATION_URL" and "?" in value)


def app_settings(app: str, group: str, slot: str) -> Mapping[str, str]:
    """Return the settings of an app as they are set, references to the vault included.

    Raises:
        Misconfigured, Unavailable: why there are none.
    """
    words = ["functionapp", "config", "appsettings", "list", "--name", app, "--resource-group", group]
    listed = _az(*words, *(["--slot", slot] if slot else []))
    try:
        return {str(each["name"]): str(each["value"] or "") for each in listed}
    except (TypeError, KeyError) as exc:
        raise Unavailable("az did not answer with a list of settings: update Azure's CLI") from exc


def resolved(value: str) -> tuple[str, str]:
    """Return a setting with the secret that it refers to, as your login reads it, and why that is not possible."""
    if not value.startswith(_REFERENCE):
        return value, ""
    found = _KEY_VAULT.fullmatch(value)
    parts = dict(part.split("=", 1) for part in found["parts"].split(";") if "=" in part) if found else {}
    which = _named(parts)
    if not which:
        return value, "it is not a reference to a secret that this command knows"
    try:
        secret = _az("keyvault", "secret", "show", *which)
    except Problem as problem:
        return value, str(problem)
    text = secret.get("value") if isinstance(secret, dict) else None
    return (text, "") if isinstance(text, str) else (value, "az did not answer with a secret")


def _named(parts: Mapping[str, str]) -> list[str]:
    """Return how Azure's command line names the secret of a reference, in either of its two forms."""
    if uri := parts.get("SecretUri"):
        return ["--id", uri]
    if "VaultName" not in parts or "SecretName" not in parts:
        return []
    version = ["--version", parts["SecretVersion"]] if parts.get("SecretVersion") else []
    return ["--vault-name", parts["VaultName"], "--name", parts["SecretName"], *version]


def _az(*words: str) -> Any:
    # On Windows it is az.cmd.
    az = shutil.which("az")
    if az is None:
        raise Misconfigured("az is not on the PATH: install Azure's CLI, and sign in with az login")
    try:
        done = subprocess.run(  # noqa: S603  fixed words, and names that az checks
            [az, *words, "--output", "json"],
            capture_output=True,
            check=False,
            encoding="utf-8",
            timeout=_PATIENCE_SECONDS,
        )
    except (OSError, ValueError, subprocess.TimeoutExpired) as exc:
        raise Unavailable(f"az does not answer: {type(exc).__name__}") from exc
    if done.returncode != 0:
        raise Misconfigured(f"az refuses: {_sentence(done.stderr)}")
    try:
        return json.loads(done.stdout)
    except ValueError as exc:
        raise Unavailable("az did not answer with JSON: update Azure's CLI") from exc


def _sentence(errors: str) -> str:
    """Return az's own first words about what is wrong, such as that nobody is signed in."""
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    about = next((line for line in lines if line.startswith("ERROR:")), lines[0] if lines else "it does not say why")
    return about.removeprefix("ERROR:").strip()
