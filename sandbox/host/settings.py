"""The app's own files as values: ``host.json``, ``local.settings.json``, and the %NAMES% that settings stand in for.

Sources: https://learn.microsoft.com/azure/azure-functions/functions-host-json
https://learn.microsoft.com/azure/azure-functions/functions-develop-local#local-settings-file
"""

import json
import re
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

_DEFAULT_TIMEOUT = timedelta(minutes=30)
_DEFAULT_ROUTE_PREFIX = "api"
_TIME_SPAN = re.compile(r"(?:(?P<days>\d+)\.)?(?P<hours>\d{1,2}):(?P<minutes>\d{2}):(?P<seconds>\d{2}(?:\.\d+)?)")
_PLACEHOLDER = re.compile(r"%([^%]+)%")


class BadSettings(ValueError):
    """A file or a setting cannot be used; the message names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostJson:
    """What this host reads of ``host.json``; no ``function_timeout`` means no limit."""

    route_prefix: str = _DEFAULT_ROUTE_PREFIX
    function_timeout: timedelta | None = _DEFAULT_TIMEOUT

    @classmethod
    def read(cls, app_root: Path) -> "HostJson":
        """Return the ``host.json`` in ``app_root``.

        Raises:
            BadSettings: there is none, it is not for runtime version 4, or a value in it has the wrong form.
        """
        content = read_json(app_root / "host.json")
        if content.get("version") != "2.0":
            raise BadSettings("host.json must contain a 'version' property with value '2.0'.")
        http = content.get("extensions", {}).get("http", {})
        prefix = str(http.get("routePrefix", _DEFAULT_ROUTE_PREFIX)).strip("/")
        if "functionTimeout" not in content:
            return cls(route_prefix=prefix)
        return cls(route_prefix=prefix, function_timeout=_timeout(content["functionTimeout"]))


def read_json(file: Path) -> dict[str, Any]:
    """Return the JSON object in ``file``, with or without a byte order mark.

    Raises:
        BadSettings: there is no such file, or it holds something else.
    """
    try:
        content = json.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as exc:
        raise BadSettings(f"{file.name} in {file.parent} cannot be read: {exc}") from exc
    if not isinstance(content, dict):
        raise BadSettings(f"{file.name} in {file.parent} is not a JSON object")
    return content


def add_local_settings(app_root: Path, environment: MutableMapping[str, str]) -> None:
    """Add the Values of ``local.settings.json``, if there is one, to those settings of ``environment`` that are unset.

    As in Core Tools, an empty variable counts as unset and a null as absent.

    Raises:
        BadSettings: the file cannot be read or is encrypted, or a value is neither text nor null.
    """
    file = app_root / "local.settings.json"
    if not file.exists():
        return
    content = read_json(file)
    if content.get("IsEncrypted"):
        raise BadSettings("local.settings.json is encrypted: run `func settings decrypt` first.")
    for name, value in content.get("Values", {}).items():
        if not isinstance(value, str | None):
            raise BadSettings(f"local.settings.json: the value of {name} is not text.")
        if value is not None and not environment.get(name):
            environment[name] = value


def resolve(text: str, environment: Mapping[str, str]) -> str:
    """Return ``text`` with each %NAME% replaced by that setting.

    Raises:
        BadSettings: there is no such setting.
    """
    names = _PLACEHOLDER.findall(text)
    for name in names:
        if not environment.get(name):
            raise BadSettings(f"'%{name}%' does not resolve to a value.")
    return _PLACEHOLDER.sub(lambda match: environment[match[1]], text)


def time_span(text: object) -> timedelta:
    """Return a .NET time span, such as ``00:05:00`` or ``1.12:00:00``.

    Raises:
        BadSettings: ``text`` is something else.
    """
    match = _TIME_SPAN.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise BadSettings(f"{text!r} is not a time span such as '00:05:00'.")
    days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


def _timeout(value: object) -> timedelta | None:
    """Return the limit; -1 stands for none."""
    return None if value in (-1, "-1") else time_span(value)
