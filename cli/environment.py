"""Where the commands get the app's settings from: a ``local.settings.json``, or the environment as it is.

Source: https://learn.microsoft.com/azure/azure-functions/functions-develop-local#local-settings-file
"""

import json
import os
from collections.abc import Mapping, MutableMapping
from pathlib import Path

from shared.app.clients import Clients
from shared.errors import Misconfigured

FILE_NAME = "local.settings.json"
# The sample has every setting of the app, and nothing else: a test sees to it.
_SAMPLE = Path(__file__).parent.parent / "local.settings.sample.json"
# Certificates that clients trust: OpenSSL reads the first, requests (MSAL, azure-core) the second.
_TRUST = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
# An environment with this setting is one of the app's.
_APP_SETTING = "CLIENT_ID"


def use_settings(environ: MutableMapping[str, str], file: Path | None, *, folder: Path) -> None:
    """Put the values of ``file`` into ``environ`` in place of the app's settings there.

    Without ``file`` the environment counts if it has the app's settings, else the file in ``folder`` if there is one.
    What else the file has (trust in certificates, a managed identity) comes on top: clients read it from there.

    Raises:
        Misconfigured: the file is not what Azure Functions Core Tools would read.
    """
    found = file or _fallback(environ, folder)
    if found is None:
        return
    values = read_values(found)
    for name in read_values(_SAMPLE):
        # A secret or an address that the file leaves out must not come from another deployment.
        environ.pop(name, None)
    environ.update(values)


def check_trust(environ: Mapping[str, str]) -> None:
    """See to it that the certificates are there which clients are told to trust.

    Raises:
        Misconfigured: they are not; the clients themselves have a traceback for it.
    """
    for name in _TRUST:
        path = environ.get(name)
        if path and not Path(path).exists():
            raise Misconfigured(f"{name} is {path}, which is not there: has the sandbox ended?")


def read_values(file: Path) -> Mapping[str, str]:
    """Return the "Values" of a ``local.settings.json``; those that are null are left out.

    Raises:
        Misconfigured: it cannot be read, or is encrypted, or holds something else.
    """
    try:
        content = json.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as exc:
        raise Misconfigured(f"{file} cannot be read: {exc}") from exc
    values = content.get("Values") if isinstance(content, dict) else None
    if not isinstance(values, dict) or not all(isinstance(value, str | None) for value in values.values()):
        raise Misconfigured(f'{file} has no "Values" that are all texts')
    if content.get("IsEncrypted"):
        raise Misconfigured(f"{file} is encrypted: run `func settings decrypt` first")
    return {name: value for name, value in values.items() if value is not None}


def app_clients() -> Clients:
    """Return the clients of the app whose settings the environment has.

    Raises:
        Misconfigured: names every fault in the settings.
    """
    return Clients.from_environ(os.environ)


def _fallback(environ: Mapping[str, str], folder: Path) -> Path | None:
    file = folder / FILE_NAME
    return None if environ.get(_APP_SETTING) or not file.is_file() else file
