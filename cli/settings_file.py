"""The app's settings for the commands: from a ``local.settings.json``, or from the environment.

Source: https://learn.microsoft.com/azure/azure-functions/functions-develop-local#local-settings-file
"""

import os
from collections.abc import Mapping, MutableMapping
from decimal import Decimal
from pathlib import Path

from shared.app.clients import Clients
from shared.errors import Misconfigured
from shared.json_file import read_json_file

FILE_NAME = "local.settings.json"
# The sample has exactly the settings of the app, which a test checks.
_SAMPLE = Path(__file__).parent.parent / "local.settings.sample.json"
# Files of trusted certificates: OpenSSL reads the first variable, requests (MSAL, azure-core) the second.
_TRUST = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
# The person who runs a command may sign in as an application, which azure-identity reads from the environment.
_OF_THE_LOGIN = "AZURE_CLIENT_ID"
# An environment with this setting has the app's settings.
_APP_SETTING = "CLIENT_ID"


def use_settings(environ: MutableMapping[str, str], file: Path | None, *, folder: Path) -> None:
    """Replace the app's settings in ``environ`` with the values of ``file``.

    Without ``file``, use the environment if it has the app's settings, else the file in ``folder`` if there is one.
    Other values of the file (trusted certificates, a managed identity) are added: the clients read them from there.

    Raises:
        Misconfigured: Azure Functions Core Tools could not read the file.
    """
    if file is None:
        file = folder / FILE_NAME
        if environ.get(_APP_SETTING) or not file.is_file():
            return
    values = read_values(file)
    for name in sample_values().keys() - {_OF_THE_LOGIN}:
        # A secret or an address that the file leaves out must not come from another deployment.
        environ.pop(name, None)
    environ.update({name: value for name, value in values.items() if value or name != _OF_THE_LOGIN})


def check_trust(environ: Mapping[str, str]) -> None:
    """Check that the files of trusted certificates exist; without them the clients end in a traceback.

    Raises:
        Misconfigured: one does not exist.
    """
    for name in _TRUST:
        path = environ.get(name)
        if path and not Path(path).exists():
            raise Misconfigured(f"{name} is {path}, which does not exist: start the sandbox, or correct it")


def sample_values() -> Mapping[str, str]:
    """Return the sample's settings, which are all that the app has."""
    return read_values(_SAMPLE)


def read_values(file: Path) -> Mapping[str, str]:
    """Return the "Values" of a ``local.settings.json``, without those that are null.

    Raises:
        Misconfigured: the file is unreadable, encrypted, or not a settings file.
    """
    content = read_json_file(file)
    values = content.get("Values") if isinstance(content, dict) else None
    if not isinstance(values, dict) or any(isinstance(value, dict | list) for value in values.values()):
        raise Misconfigured(f'{file} has no "Values", or an object or a list among them')
    if content.get("IsEncrypted"):
        raise Misconfigured(f"{file} is encrypted: run `func settings decrypt` first")
    return {name: _setting(value) for name, value in values.items() if value is not None}


def _setting(value: str | float | Decimal) -> str:
    """Return the setting that Core Tools make of a value."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def app_clients() -> Clients:
    """Return the clients for the settings in the environment.

    Raises:
        Misconfigured: the settings are wrong; the text names every fault.
    """
    return Clients.from_environ(os.environ)
