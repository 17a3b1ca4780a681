"""``python -m cli init``: asks what an app needs, and writes ``subscriptions.json`` and ``local.settings.json``.

Source: https://learn.microsoft.com/graph/change-notifications-with-resource-data
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from cli.first_files import entry, first_values, write_entries
from cli.output import console, print_line, print_rows, print_warnings
from cli.permission_request import COLUMNS, cells, consent_urls, requested
from cli.questions import Question, anything, chosen_paths, guid, https_url
from cli.settings_file import FILE_NAME
from cli.settings_writer import check_new, check_untracked, write_settings
from shared.errors import Misconfigured

SUBSCRIPTIONS = "subscriptions.json"
_DEFAULT_CERTIFICATE = "graph-notifications"

_TENANT_ID = Question(
    option="--tenant",
    text="Tenant id",
    why="Whose Teams is watched? Entra ID's overview in the portal shows the tenant's id; a domain name is none.",
    check=guid,
)
_CLIENT_ID = Question(
    option="--client-id",
    text="Client id",
    why="The app asks Graph as an app registration: its application (client) id.",
    check=guid,
)
_NOTIFICATION_URL = Question(
    option="--notification-url",
    text="URL",
    why="Graph posts changes to a public https address: https://<default host name>/api/ReceiveNotification.",
    check=https_url,
)
_STORAGE_ACCOUNT = Question(
    option="--storage",
    text="Storage account",
    why="Events, tables and what waits are in a storage account. Empty: the emulator on this machine.",
    check=anything,
    default="",
)
_VAULT_URL = Question(
    option="--vault",
    text="Vault",
    why="Graph encrypts the content to a certificate in a Key Vault: https://<vault>.vault.azure.net.",
    check=https_url,
)

_Tenant = Annotated[str | None, typer.Option("--tenant", help="The tenant's id.")]
_Client = Annotated[str | None, typer.Option("--client-id", help="The application (client) id of the registration.")]
_Url = Annotated[str | None, typer.Option("--notification-url", help="The public https URL of ReceiveNotification.")]
_Storage = Annotated[str | None, typer.Option("--storage", help="The storage account's name; empty: the emulator.")]
_Vault = Annotated[str | None, typer.Option("--vault", help="The vault's https URL.")]
_Certificate = Annotated[str, typer.Option("--certificate", help="The certificate's name in the vault.")]
_Watch = Annotated[list[str] | None, typer.Option("--watch", help="A path to watch; repeatable.")]
_Basic = Annotated[bool, typer.Option("--basic", help="Without the content of what changes; needs no vault.")]
_Folder = Annotated[Path, typer.Option("--folder", help="Where to write.", show_default="this folder")]
_Force = Annotated[bool, typer.Option("--force", help="Replace files that exist.")]


def init(  # noqa: PLR0913  one parameter an option
    *,
    tenant: _Tenant = None,
    client_id: _Client = None,
    notification_url: _Url = None,
    storage: _Storage = None,
    vault: _Vault = None,
    certificate: _Certificate = _DEFAULT_CERTIFICATE,
    watch: _Watch = None,
    basic: _Basic = False,
    folder: _Folder = Path(),
    force: _Force = False,
) -> None:
    """Ask what an app needs, and write subscriptions.json and local.settings.json; options answer the questions.

    A file that exists stays, unless --force replaces it. The settings get a new CLIENT_STATE_KEY, and CLIENT_SECRET
    from the environment or the file that is replaced: only you can read it, and git has to ignore it. Azure is not
    asked.
    """
    settings, subscriptions = folder / FILE_NAME, folder / SUBSCRIPTIONS
    check_new(settings, force=force)
    check_untracked(settings)
    entries = _entries(subscriptions, watch, basic=basic, force=force)
    given = {
        "TENANT_IDS": _TENANT_ID.answer(tenant),
        "CLIENT_ID": _CLIENT_ID.answer(client_id),
        "NOTIFICATION_URL": _NOTIFICATION_URL.answer(notification_url),
        "AzureWebJobsStorage__accountName": _STORAGE_ACCOUNT.answer(storage),
        "CLIENT_SECRET": os.environ.get("CLIENT_SECRET", ""),
    }
    if not basic:
        given |= {"KEY_VAULT_URL": _VAULT_URL.answer(vault), "ENCRYPTION_CERTIFICATE_NAME": certificate}
    values = first_values(given)
    if entries is not None:
        write_entries(subscriptions, entries)
    write_settings(settings, values)
    _tell(settings, subscriptions, values, kept=entries is None)


def _entries(file: Path, watch: Sequence[str] | None, *, basic: bool, force: bool) -> list[Mapping[str, object]] | None:
    """Return the entries to write; None if the file exists, and stays."""
    if file.exists() and not force:
        if watch:
            raise Misconfigured(f"{file} exists: use --force to replace it, or edit it")
        return None
    try:
        return [entry(path, with_content=not basic) for path in watch or chosen_paths()]
    except Misconfigured as problem:
        raise typer.BadParameter(str(problem), param_hint="--watch") from problem


def _tell(settings: Path, subscriptions: Path, values: Mapping[str, str], *, kept: bool) -> None:
    out = console()
    print_line(out, f"{subscriptions} {'is as it was' if kept else 'is written'}; {settings} is written.")
    if needed := requested(subscriptions):
        print_rows(out, COLUMNS, map(cells, needed))
    print_line(out, "Ask an administrator for these permissions; once the registration lists them, they consent at:")
    for url in consent_urls(values, ""):
        print_line(out, url)
    print_warnings(out, _next(values))


def _next(values: Mapping[str, str]) -> Sequence[str]:
    """Return what is left to do, one sentence each."""
    left = []
    if "ENCRYPTION_CERTIFICATE_NAME" in values:
        left.append("the vault needs the certificate: python -m cli certificate create")
    if "CLIENT_SECRET" not in values:
        left.append("func start on this machine signs in by CLIENT_SECRET, which you add; in Azure no secret is needed")
    left.append("CLIENT_STATE_KEY is new: where an app runs already, settings pull --secrets takes over its own")
    return left
