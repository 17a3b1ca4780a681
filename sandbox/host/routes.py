"""Routes of HTTP functions: which function answers a method and a path, and with which parameters.

Source: https://learn.microsoft.com/azure/azure-functions/functions-bindings-http-webhook-trigger#customize-the-http-endpoint
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sandbox.host.functions import Function, HttpTrigger
from sandbox.host.settings import BadSettings

_PARAMETER = re.compile(r"\{(?P<rest>\*?)(?P<name>[A-Za-z_]\w*)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """The function that a request is for, and the parameters of its route."""

    function: Function
    trigger: HttpTrigger
    params: Mapping[str, str]


class Routes:
    """The routes below one prefix; literal segments win over parameters."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._routes: list[tuple[tuple[int, ...], re.Pattern[str], Function, HttpTrigger]] = []

    def add(self, functions: Iterable[Function]) -> dict[str, str]:
        """Add the HTTP functions among ``functions`` and return the reasons against those that cannot be added."""
        errors = {}
        for function in functions:
            if isinstance(function.trigger, HttpTrigger):
                try:
                    rank, pattern = _compile(self.path(function.trigger))
                except BadSettings as exc:
                    errors[function.name] = str(exc)
                else:
                    self._routes.append((rank, pattern, function, function.trigger))
        self._routes.sort(key=lambda route: route[0])
        return errors

    def path(self, trigger: HttpTrigger) -> str:
        """Return the path, or the template of it, that a trigger is reached under."""
        return "/" + "/".join(part for part in (self._prefix, trigger.route) if part)

    def find(self, method: str, path: str) -> Match | None:
        """Return what a request is for; None when there is no such path, or not for this method."""
        for _, pattern, function, trigger in self._routes:
            match = pattern.fullmatch(path)
            if match and (not trigger.methods or method in trigger.methods):
                params = {name: value for name, value in match.groupdict().items() if value}
                return Match(function=function, trigger=trigger, params=params)
        return None


def _compile(template: str) -> tuple[tuple[int, ...], re.Pattern[str]]:
    """Return a rank by which routes are tried, and a pattern that ignores case and a closing slash."""
    ranks: list[int] = []
    pattern = ""
    for segment in template.strip("/").split("/"):
        rank, text = _segment(segment)
        ranks.append(rank)
        pattern += text
    return tuple(ranks), re.compile(pattern + "/?", re.IGNORECASE)


def _segment(segment: str) -> tuple[int, str]:
    if parameter := _PARAMETER.fullmatch(segment):
        name = parameter["name"]
        return (2, f"(?:/(?P<{name}>.*))?") if parameter["rest"] else (1, f"/(?P<{name}>[^/]+)")
    if "{" in segment:
        raise BadSettings(
            f"'{segment}' in the route: this host knows {{name}} and {{*name}} only, without constraints."
        )
    return 0, "/" + re.escape(segment)
