"""The app's settings for the commands: from a ``local.settings.json``, or from the environment.

Source: https://learn.microsoft.com/azure/azure-functions/functions-develop-local#local-settings-file
"""

import json
import os
from collections.abc import Mapping, MutableMapping
from pathlib import Path

from shared.app.clients import Clients
from shared.errors import Misconfigured

FILE_NAME = "local.settings.json"
# The sample has exactly the settings of the app, which a test checks.
_SAMPLE = Path(__file__).parent.parent / "local.settings.sample.json"
# Files of trusted certificates: OpenSSL reads the first variable, requests (MSAL, azure-core) the second.
_TRUST = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
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
    for name in read_values(_SAMPLE):
        # A secret or an address that the file leaves out must not come from another deployment.
        environ.pop(name, None)
    environ.update(values)


def check_trust(environ: Mapping[str, str]) -> None:
    """Check that the files of trusted certificates exist; without them the clients end in a traceback.

    Raises:
        Misconfigured: one does not exist.
    """
    for name in _TRUST:
        path = environ.get(name)
        if path and not Path(path).exists():
            raise Misconfigured(f"{name} is {path}, which does not exist: start the sandbox, or correct it")


def read_values(file: Path) -> Mapping[str, str]:
    """Return the "Values" of a ``local.settings.json``, without those that are null.

    Raises:
        Misconfigured: the file is unreadable, encrypted, or not a settings file.
    """
    try:
        content = json.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as exc:
        raise Misconfigured(f"{file} cannot be read: {exc}") from exc
    values = content.get("Values") if isinstance(content, dict) else None
    if not isinstance(values, dict) or not all(isinstance(value, str | None) for value in values.values()):
        raise Misconfigured(f'{file} has no "Values", or one that is not a string')
    if content.get("IsEncrypted"):
        raise Misconfigured(f"{file} is encrypted: run `func settings decrypt` first")
    return {name: value for name, value in values.items() if value is not None}


def app_clients() -> Clients:
    """Return the clients for the settings in the environment.

    Raises:
        Misconfigured: the settings are wrong; the text names every fault.
    """
    return Clients.from_environ(os.environ)
