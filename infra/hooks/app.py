"""The app's settings with the secrets that they refer to, and the command line with these settings."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from infra.hooks import rights
from infra.hooks.tools import HookFailed, Tools

_REPOSITORY = Path(__file__).parents[2]
_REFERENCE = "@Microsoft.KeyVault(SecretUri="

type Cli = Callable[[Mapping[str, str], str], subprocess.CompletedProcess[str]]


def app_settings(tools: Tools) -> Mapping[str, str]:
    """Return the app's settings with the secrets that they refer to, as a command on this machine needs them.

    Raises:
        HookFailed: they cannot be read; the text says which role is missing.
    """
    which = ("--name", tools.value("AZURE_APP_NAME"), "--resource-group", tools.value("AZURE_RESOURCE_GROUP"))
    with rights.needing(tools, "Website Contributor", rights.site):
        listed = tools.az("functionapp", "config", "appsettings", "list", *which)
    if listed is None:
        # az ends well, and says nothing, where there is no such app.
        raise HookFailed(f"there is no function app {rights.site(tools)}")
    settings = {each["name"]: each["value"] or "" for each in listed}
    # The app's identity gets tokens in Azure only.
    for name in ("AZURE_CLIENT_ID", "AzureWebJobsStorage__clientId", "AzureWebJobsStorage__credential"):
        settings.pop(name, None)
    with rights.needing(tools, "Key Vault Secrets User", rights.vault):
        return {name: _resolved(tools, value) for name, value in settings.items()}


def _resolved(tools: Tools, value: str) -> str:
    if not value.startswith(_REFERENCE):
        return value
    url = value.removeprefix(_REFERENCE).removesuffix(")")
    return str(tools.az("keyvault", "secret", "show", "--id", url, "--query", "value"))


def command_line(settings: Mapping[str, str], command: str) -> subprocess.CompletedProcess[str]:
    """Return how a command of ``python -m cli`` ended."""
    arguments = [sys.executable, "-m", "cli", *command.split()]
    return subprocess.run(  # noqa: S603  fixed words
        arguments, cwd=_REPOSITORY, env=os.environ | settings, capture_output=True, text=True, check=False
    )
