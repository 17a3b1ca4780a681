"""The app's own files as values: ``host.json``, ``local.settings.json``, and the %NAMES% that stand for settings.

Sources: https://learn.microsoft.com/azure/azure-functions/functions-host-json
https://learn.microsoft.com/azure/azure-functions/functions-develop-local#local-settings-file
"""

import re
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from sandbox.json_files import as_text, read

_DEFAULT_TIMEOUT = "00:30:00"
_DEFAULT_ROUTE_PREFIX = "api"
_TIME_SPAN = re.compile(r"(?P<hours>\d{2}):(?P<minutes>\d{2}):(?P<seconds>\d{2}(?:\.\d+)?)")
_PLACEHOLDER = re.compile(r"%([^%]+)%")


class BadSettings(ValueError):
    """A file or a setting cannot be used; the message names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostJson:
    """What this host reads of ``host.json``."""

    route_prefix: str
    function_timeout: timedelta

    @classmethod
    def read(cls, app_root: Path) -> "HostJson":
        """Return the ``host.json`` in ``app_root``.

        Raises:
            BadSettings: it is missing, it is not for runtime version 4, or its time limit has the wrong form.
        """
        content = read_json(app_root / "host.json")
        if content.get("version") != "2.0":
            raise BadSettings("host.json must contain a 'version' property with value '2.0'.")
        http = content.get("extensions", {}).get("http", {})
        timeout = time_span(content.get("functionTimeout", _DEFAULT_TIMEOUT))
        return cls(route_prefix=http.get("routePrefix", _DEFAULT_ROUTE_PREFIX), function_timeout=timeout)


def read_json(file: Path) -> dict[str, Any]:
    """Return the JSON object in ``file``.

    Raises:
        BadSettings: there is no such file, or it holds something else.
    """
    try:
        content = read(file)
    except (OSError, ValueError) as exc:
        raise BadSettings(f"{file.name} in {file.parent} cannot be read: {exc}") from exc
    if not isinstance(content, dict):
        raise BadSettings(f"{file.name} in {file.parent} is not a JSON object")
    return content


def add_local_settings(app_root: Path, environment: MutableMapping[str, str]) -> None:
    """Add the Values of ``local.settings.json``, if there is one, to those settings of ``environment`` that are unset.

    As in Core Tools, an empty variable counts as unset.

    Raises:
        BadSettings: the file cannot be read or is encrypted, or a value is an object or a list.
    """
    file = app_root / "local.settings.json"
    if not file.exists():
        return
    content = read_json(file)
    if content.get("IsEncrypted"):
        raise BadSettings("local.settings.json is encrypted: run `func settings decrypt` first.")
    for name, value in content.get("Values", {}).items():
        text = as_text(value)
        if text is None and value is not None:
            raise BadSettings(f"local.settings.json: the value of {name} is not text.")
        if text is not None and not environment.get(name):
            environment[name] = text


def resolve(text: str, environment: Mapping[str, str]) -> str:
    """Return ``text`` with each %NAME% replaced by that setting.

    Raises:
        BadSettings: there is no such setting.
    """
    for name in _PLACEHOLDER.findall(text):
        if not environment.get(name):
            raise BadSettings(f"'%{name}%' does not resolve to a value.")
    return _PLACEHOLDER.sub(lambda match: environment[match[1]], text)


def time_span(text: str) -> timedelta:
    """Return a .NET time span of less than a day, such as ``00:05:00``.

    Raises:
        BadSettings: ``text`` is something else.
    """
    match = _TIME_SPAN.fullmatch(text)
    if match is None:
        raise BadSettings(f"{text!r} is not a time span such as '00:05:00'.")
    return timedelta(**{unit: float(number) for unit, number in match.groupdict().items()})
