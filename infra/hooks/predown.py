"""Before everything is deleted: have the app delete its subscriptions, which would otherwise fail until they end."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path

from infra.hooks.tools import HookFailed, Tools

_REPOSITORY = Path(__file__).parents[2]
_PAUSE, _PATIENCE = timedelta(seconds=30), timedelta(minutes=15)
_REFERENCE = "@Microsoft.KeyVault(SecretUri="

type Cli = Callable[[Mapping[str, str], str], subprocess.CompletedProcess[str]]


def predown(tools: Tools, cli: Cli | None = None) -> None:
    """Remove the subscriptions, and never keep ``azd down`` from its work."""
    try:
        _remove_all(tools, cli or command_line)
    except HookFailed as problem:
        tools.say(f"!! subscriptions may be left at Graph: {problem}")
        tools.say("Graph ends each of them within three days, and sends nothing to an address that does not answer.")


def _remove_all(tools: Tools, cli: Cli) -> None:
    settings = app_settings(tools)
    done = cli(settings, "subscriptions remove --all --yes")
    if done.returncode:
        raise HookFailed(" ".join(done.stderr.split()))
    waited = timedelta()
    while left := _living(cli(settings, "subscriptions list --json")):
        if waited >= _PATIENCE:
            raise HookFailed(f"{left} of them live after {waited}")
        tools.say(f"... {left} subscriptions live: the next run of the timer deletes them")
        tools.wait(_PAUSE)
        waited += _PAUSE
    tools.say("no subscription is left at Graph")


def _living(listed: subprocess.CompletedProcess[str]) -> int:
    """Return how many subscriptions a list shows at Graph."""
    try:
        rows = json.loads(listed.stdout)["subscriptions"]
    except ValueError as exc:
        raise HookFailed(" ".join(listed.stderr.split())) from exc
    return sum(row["subscriptionId"] is not None for row in rows)


def app_settings(tools: Tools) -> Mapping[str, str]:
    """Return the app's settings with the secrets that they refer to, as a command on this machine needs them."""
    which = ("--name", tools.value("AZURE_APP_NAME"), "--resource-group", tools.value("AZURE_RESOURCE_GROUP"))
    listed = tools.az("functionapp", "config", "appsettings", "list", *which)
    settings = {each["name"]: each["value"] or "" for each in listed}
    # The app's identity gets tokens in Azure only.
    for name in ("AZURE_CLIENT_ID", "AzureWebJobsStorage__clientId", "AzureWebJobsStorage__credential"):
        settings.pop(name, None)
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
