"""Before everything is deleted: have the app delete its subscriptions, which would otherwise fail until they end."""

import json
import subprocess
from datetime import timedelta

from infra.hooks.app import Cli, app_settings, command_line
from infra.hooks.tools import HookFailed, Tools

_PAUSE, _PATIENCE = timedelta(seconds=30), timedelta(minutes=15)


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
