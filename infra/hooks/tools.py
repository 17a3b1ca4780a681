"""The programs that hooks call: ``az`` for Azure and Entra ID, ``azd`` to keep a value for the template.

Source: https://learn.microsoft.com/cli/azure/use-azure-cli-successfully-tips (exit statuses: 3 is "not found")
"""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Protocol

from shared.clouds import CLOUDS, Cloud

_NOT_FOUND = 3
# Words of Azure's, Graph's and Key Vault's refusals.
_REFUSALS = (
    "Forbidden",
    "AuthorizationFailed",
    "Authorization_RequestDenied",
    "Insufficient privileges",
    "AccessDenied",
)


class HookFailed(Exception):
    """A hook cannot go on; the message says why, and what to do."""


class NotThere(HookFailed):
    """What was asked for does not exist."""


class Refused(HookFailed):
    """Whoever is signed in may not do that, or not yet."""


class Az(Protocol):
    """Returns the JSON that a command of the Azure CLI writes, or None.

    Raises:
        NotThere, Refused, HookFailed: as the classes say.
    """

    def __call__(self, *arguments: str) -> Any:
        """Run a command."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What a hook works with. ``environ``: azd's values; ``wait``: sleeps."""

    az: Az
    keep: Callable[[str, str], None]
    environ: Mapping[str, str]
    say: Callable[[str], None] = print
    wait: Callable[[timedelta], None] = field(default=lambda time_: time.sleep(time_.total_seconds()))

    def value(self, name: str) -> str:
        """Return a value of azd's environment.

        Raises:
            HookFailed: it is not there.
        """
        found = self.environ.get(name, "")
        if not found:
            raise HookFailed(f"azd's environment has no {name}: run `azd provision`, or azd env set {name} VALUE")
        return found

    @property
    def cloud(self) -> Cloud:
        """The cloud in which Graph and Entra ID are.

        Raises:
            HookFailed: there is none of this name.
        """
        name = self.environ.get("GRAPH_CLOUD") or "global"
        if name not in CLOUDS:
            raise HookFailed(f"GRAPH_CLOUD is {name!r}: use one of {', '.join(CLOUDS)}")
        return CLOUDS[name]

    @property
    def sign_in(self) -> str:
        """How the app signs in to Graph."""
        return self.environ.get("SIGN_IN") or "federated"

    def patiently[T](self, call: Callable[[], T], *, within: timedelta, what: str) -> T:
        """Return what ``call`` returns once it is not refused: a new role takes minutes to have an effect.

        Raises:
            Refused: it still is after this time.
        """
        pause, waited = timedelta(seconds=15), timedelta()
        while True:
            try:
                return call()
            except Refused as refused:
                if waited >= within:
                    raise Refused(f"{what} is refused after {waited}: {refused}") from refused
                if not waited:
                    self.say(f"... {what} is refused: a new role takes up to ten minutes")
                self.wait(pause)
                waited += pause

    def graph(self, method: str, path: str, body: Any = None) -> Any:
        """Return Graph's answer to a request as whoever is signed in."""
        arguments = ["rest", "--method", method, "--url", f"{self.cloud.graph_url}/v1.0/{path}"]
        if body is not None:
            arguments += ["--headers", "Content-Type=application/json", "--body", json.dumps(body)]
        return self.az(*arguments)


def azure_cli(*arguments: str) -> Any:
    """Run ``az``; see ``Az``."""
    done = _run("az", *arguments, "--only-show-errors", "--output", "json")
    if done.returncode == 0:
        return json.loads(done.stdout) if done.stdout.strip() else None
    text = " ".join(done.stderr.split()) or f"az {arguments[0]} ends with {done.returncode}"
    if done.returncode == _NOT_FOUND:
        raise NotThere(text)
    if "az login" in text:
        raise HookFailed("az is not signed in: run az login --tenant TENANT")
    raise (Refused if any(word in text for word in _REFUSALS) else HookFailed)(text)


def keep_in_azd(name: str, value: str) -> None:
    """Store a value in azd's environment, from which the template's parameters are read."""
    done = _run("azd", "env", "set", name, value)
    if done.returncode:
        raise HookFailed(f"azd env set {name} fails: {' '.join(done.stderr.split())}")


def _run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    path = shutil.which(program)
    if path is None:
        raise HookFailed(
            f"{program} is not on the PATH: https://learn.microsoft.com/azure/developer/azure-developer-cli/"
        )
    return subprocess.run([path, *arguments], capture_output=True, text=True, check=False)  # noqa: S603  no shell


def tools() -> Tools:
    """Return the real tools."""
    return Tools(az=azure_cli, keep=keep_in_azd, environ=os.environ)
