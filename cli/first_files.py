"""The two files that an app begins with: what is watched, and the settings on this machine.

Sources: https://learn.microsoft.com/graph/teams-change-notification-in-microsoft-teams-overview and
https://learn.microsoft.com/azure/azure-functions/functions-develop-local#local-settings-file
"""

import json
import re
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path

from cli.settings_file import sample_values
from shared.errors import Misconfigured
from shared.resources.catalogue import OVERVIEW_RESOURCES, ResourceType
from shared.resources.validation import find_resource_type
from shared.settings import Settings

# As Graph names them in its documentation.
_ORDER = ("created", "updated", "deleted")
_SCHEMA = "./teams_events/schemas/subscriptions.json"
_NAME_IN_BRACES = re.compile(r"\{([^}]+)\}")
# As long as the command in docs/configuration.md makes it.
_KEY_BYTES = 48
_NO_ID = "00000000-0000-0000-0000-000000000000"

MENU: Sequence[ResourceType] = OVERVIEW_RESOURCES
USUAL = ("/teams/getAllMessages", "/chats/getAllMessages")


def names_of_ids(path: str) -> Sequence[str]:
    """Return the names of the ids that a path of the menu leaves open, such as "team-id"."""
    return _NAME_IN_BRACES.findall(path)


def entry(path: str, *, with_content: bool) -> Mapping[str, object]:
    """Return the entry that watches all changes of a path.

    Raises:
        Misconfigured: there is no such path.
    """
    found = find_resource_type(path)
    if found is None:
        raise Misconfigured(f"{path} is not a Teams path that an app can subscribe to")
    changes = ",".join(each for each in _ORDER if each in found.change_types)
    return {"resource": path, "changeType": changes, "includeResourceData": with_content and found.resource_data}


def write_entries(file: Path, entries: Sequence[Mapping[str, object]]) -> None:
    """Write a ``subscriptions.json``, one entry a line.

    Raises:
        Misconfigured: the file cannot be written.
    """
    lines = ",\n".join(f"    {json.dumps(each)}" for each in entries)
    text = f'{{\n  "$schema": "{_SCHEMA}",\n  "subscriptions": [\n{lines}\n  ]\n}}\n'
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as exc:
        raise Misconfigured(f"{file} cannot be written: {exc.strerror}") from exc


def first_values(given: Mapping[str, str]) -> Mapping[str, str]:
    """Return the sample's values with those that are given, and with a new key for client states.

    Raises:
        Misconfigured: the text names every fault of the settings.
    """
    usual = {name: value for name, value in sample_values().items() if value and "<" not in value and value != _NO_ID}
    values = usual | {"CLIENT_STATE_KEY": secrets.token_urlsafe(_KEY_BYTES)}
    values |= {name: value for name, value in given.items() if value}
    if "AzureWebJobsStorage__accountName" in values:
        # The connection string would win.
        del values["AzureWebJobsStorage"]
    Settings.from_environ(values)
    return values
