"""The functions of an app: each folder with a ``function.json``, read and checked as the real host does.

Source: https://learn.microsoft.com/azure/azure-functions/functions-reference-python?pivots=python-mode-configuration
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from sandbox.host.schedules import check_schedule
from sandbox.host.settings import BadSettings, read_json, resolve, time_span

_NAME = re.compile(r"[A-Za-z][\w-]{0,127}")
_TRIGGERS = ("httpTrigger", "timerTrigger")
_BINDINGS = (*_TRIGGERS, "http")
_AUTH_LEVELS = ("anonymous", "function", "admin")


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """One binding of a function.json, as the runtime wants it; the direction is ``in``, ``out`` or ``inout``."""

    name: str
    type: str
    direction: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpTrigger:
    """The function runs when its URL is asked for; no methods means any method (they are in capitals)."""

    route: str
    methods: frozenset[str]
    auth_level: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerTrigger:
    """The function runs at the moments of an NCRONTAB expression."""

    schedule: str
    run_on_startup: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """How often, and after which pause, a failed timer function runs again; ``max_count`` -1 is for ever.

    Source: https://learn.microsoft.com/azure/azure-functions/functions-bindings-error-pages#retry-policies
    """

    max_count: int
    minimum: timedelta
    maximum: timedelta

    def pause(self, attempt: int) -> timedelta:
        """Return the pause before the given retry, counted from 0; without the real host's random part."""
        pause = self.minimum
        while attempt > 0 and pause < self.maximum:
            pause, attempt = pause * 2, attempt - 1
        return min(pause, self.maximum)


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """One function, ready to be loaded; ``response`` names its http output binding, if it has one."""

    name: str
    script_file: Path
    entry_point: str
    bindings: tuple[Binding, ...]
    trigger_name: str
    trigger: HttpTrigger | TimerTrigger
    response: str | None
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
    if not _NAME.fullmatch(folder.name):
        raise BadSettings(f"'{folder.name}' is not a valid function name.")
    sources = content.get("bindings")
    if not isinstance(sources, list) or not sources:
        raise BadSettings("At least one binding must be declared.")
    bindings = tuple(_binding(source) for source in sources)
    place = _place_of_trigger(bindings)
    return Function(
        name=folder.name,
        script_file=folder / str(content.get("scriptFile", "__init__.py")),
        entry_point=str(content.get("entryPoint", "main")),
        bindings=bindings,
        trigger_name=bindings[place].name,
        trigger=_trigger(folder.name, sources[place], environment),
        response=next((binding.name for binding in bindings if binding.type == "http"), None),
        retry=_retry(content["retry"]) if "retry" in content else None,
    )


def _binding(source: Any) -> Binding:
    if not isinstance(source, dict) or not {"name", "type"} <= source.keys():
        raise BadSettings("A binding must have a name and a type.")
    if source["type"] not in _BINDINGS:
        raise BadSettings(
            f"The binding type(s) '{source['type']}' are not registered. Please ensure the type is correct and the "
            "binding extension is installed."
        )
    return Binding(name=source["name"], type=source["type"], direction=str(source.get("direction", "in")).lower())


def _place_of_trigger(bindings: tuple[Binding, ...]) -> int:
    places = [place for place, binding in enumerate(bindings) if binding.type in _TRIGGERS]
    if not places:
        raise BadSettings("No trigger binding specified. A function must have a trigger input binding.")
    if len(places) > 1:
        raise BadSettings("Multiple trigger bindings defined. A function can only have a single trigger binding.")
    return places[0]


def _trigger(name: str, source: Mapping[str, Any], environment: Mapping[str, str]) -> HttpTrigger | TimerTrigger:
    if source["type"] == "timerTrigger":
        schedule = resolve(str(source.get("schedule", "")), environment)
        check_schedule(schedule)
        return TimerTrigger(schedule=schedule, run_on_startup=source.get("runOnStartup") is True)
    auth_level = str(source.get("authLevel", "function")).lower()
    if auth_level not in _AUTH_LEVELS:
        raise BadSettings(f"'{auth_level}' is not an authorization level.")
    methods = frozenset(str(method).upper() for method in source.get("methods", ()))
    return HttpTrigger(route=str(source.get("route", name)).strip("/"), methods=methods, auth_level=auth_level)


def _retry(source: Any) -> Retry:
    """Each strategy requires its own properties; there is no default for any of them."""
    try:
        strategy, count = source["strategy"], int(source["maxRetryCount"])
        if strategy == "fixedDelay":
            delay = time_span(source["delayInterval"])
            return Retry(max_count=count, minimum=delay, maximum=delay)
        if strategy == "exponentialBackoff":
            least, most = time_span(source["minimumInterval"]), time_span(source["maximumInterval"])
            return Retry(max_count=count, minimum=least, maximum=most)
    except (KeyError, TypeError, ValueError) as exc:
        raise BadSettings(f"The retry policy is not valid: {exc!r}") from exc
    raise BadSettings(f"'{strategy}' is not a retry strategy.")
