"""The functions of an app: each folder with a ``function.json``, in the form that this app's two functions have.

Source: https://learn.microsoft.com/azure/azure-functions/functions-reference-python?pivots=python-mode-configuration
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from sandbox.host.schedules import check_schedule
from sandbox.host.settings import BadSettings, read_json, resolve, time_span

_TRIGGERS = frozenset({"httpTrigger", "timerTrigger"})
_BINDINGS = _TRIGGERS | {"http"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """One binding of a function.json, as the runtime wants it."""

    name: str
    type: str
    direction: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpTrigger:
    """The function runs when its URL is requested; no methods means any method (they are in capitals)."""

    name: str
    methods: frozenset[str]
    auth_level: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerTrigger:
    """The function runs at the moments of an NCRONTAB expression."""

    name: str
    schedule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """How often, and after which pause, a failed timer function runs again.

    Source: https://learn.microsoft.com/azure/azure-functions/functions-bindings-error-pages#retry-policies
    """

    max_count: int
    delay: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """One function, ready to be loaded."""

    name: str
    script_file: Path
    bindings: tuple[Binding, ...]
    trigger: HttpTrigger | TimerTrigger
    retry: Retry | None


def read_functions(app_root: Path, environment: Mapping[str, str]) -> tuple[list[Function], dict[str, str]]:
    """Return the app's functions, and for each that is in error its name and the reason.

    A function in error is no function: its URL is unknown. The others work.
    """
    functions: list[Function] = []
    errors: dict[str, str] = {}
    for file in sorted(app_root.glob("*/function.json")):
        try:
            functions.append(_function(file.parent, read_json(file), environment))
        except BadSettings as exc:
            errors[file.parent.name] = str(exc)
    return functions, errors


def _function(folder: Path, content: Mapping[str, Any], environment: Mapping[str, str]) -> Function:
    bindings = tuple(
        Binding(name=source["name"], type=source["type"], direction=source["direction"])
        for source in content["bindings"]
    )
    for binding in bindings:
        if binding.type not in _BINDINGS:
            raise BadSettings(f"The binding type(s) '{binding.type}' are not registered.")
    triggers = [source for source in content["bindings"] if source["type"] in _TRIGGERS]
    if len(triggers) != 1:
        raise BadSettings("A function must have exactly one trigger binding.")
    return Function(
        name=folder.name,
        script_file=folder / content["scriptFile"],
        bindings=bindings,
        trigger=_trigger(triggers[0], environment),
        retry=_retry(content["retry"]) if "retry" in content else None,
    )


def _trigger(source: Mapping[str, Any], environment: Mapping[str, str]) -> HttpTrigger | TimerTrigger:
    if source["type"] == "timerTrigger":
        schedule = resolve(source["schedule"], environment)
        check_schedule(schedule)
        return TimerTrigger(name=source["name"], schedule=schedule)
    methods = frozenset(method.upper() for method in source.get("methods", ()))
    return HttpTrigger(name=source["name"], methods=methods, auth_level=source.get("authLevel", "function"))


def _retry(source: Mapping[str, Any]) -> Retry:
    if source["strategy"] != "fixedDelay":
        raise BadSettings(f"This host has no retry strategy '{source['strategy']}', only 'fixedDelay'.")
    return Retry(max_count=source["maxRetryCount"], delay=time_span(source["delayInterval"]))
