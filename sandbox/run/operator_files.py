"""The two files that the operators' commands need of a running sandbox: its app settings and its subscriptions."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

SETTINGS_NAME = "local.settings.json"
_SUBSCRIPTIONS_NAME = "subscriptions.json"


def write_settings(file: Path, values: Mapping[str, str]) -> None:
    """Write a ``local.settings.json`` for this user only: there are secrets in it.

    Source: https://learn.microsoft.com/azure/azure-functions/functions-develop-local#local-settings-file
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch(mode=0o600)
    file.write_text(json.dumps({"IsEncrypted": False, "Values": values}, indent=2), encoding="utf-8")


def write_operator_files(folder: Path, values: Mapping[str, str], subscriptions: Sequence[Mapping[str, Any]]) -> Path:
    """Return the settings file, after writing it and ``subscriptions.json`` into ``folder``."""
    settings = folder / SETTINGS_NAME
    write_settings(settings, values)
    _write_subscriptions(folder / _SUBSCRIPTIONS_NAME, subscriptions)
    return settings


def rewrite_subscriptions(folder: Path, subscriptions: Sequence[Mapping[str, Any]]) -> None:
    """Write ``subscriptions.json`` anew where there is one."""
    file = folder / _SUBSCRIPTIONS_NAME
    if file.exists():
        _write_subscriptions(file, subscriptions)


def _write_subscriptions(file: Path, subscriptions: Sequence[Mapping[str, Any]]) -> None:
    file.write_text(json.dumps({"subscriptions": list(subscriptions)}, indent=2), encoding="utf-8")


def setting(folder: Path, name: str) -> str:
    """Return a value of the settings file in ``folder``.

    Raises:
        RuntimeError: there is no such file: no sandbox runs, or it has not played its scene yet.
    """
    try:
        return str(json.loads((folder / SETTINGS_NAME).read_text(encoding="utf-8"))["Values"][name])
    except (OSError, ValueError, KeyError) as exc:
        raise RuntimeError(
            "No sandbox is serving: start one with `make run`, and wait for the end of the scene."
        ) from exc


def remove_operator_files(folder: Path) -> None:
    """Remove what ``write_operator_files`` wrote: the services that it names have ended."""
    for name in (SETTINGS_NAME, _SUBSCRIPTIONS_NAME):
        (folder / name).unlink(missing_ok=True)
