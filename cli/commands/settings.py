"""``python -m cli settings pull``: the app's own settings into a ``local.settings.json``.

Source: https://learn.microsoft.com/azure/azure-functions/functions-develop-local#local-settings-file
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from cli.app_settings import app_settings, is_secret, resolved
from cli.output import console, print_line, print_warnings
from cli.settings_file import FILE_NAME
from cli.settings_writer import check_new, check_untracked, write_settings

commands = typer.Typer(no_args_is_help=True, help="Take over the app's settings.")

# Without a callback, Typer would leave out the name of a group's only command.
commands.callback()(lambda: None)


@commands.command()
def pull(  # noqa: PLR0913  one parameter an option
    *,
    app: Annotated[str, typer.Option(help="The name of the Function App.")],
    group: Annotated[str, typer.Option(help="Its resource group.")],
    slot: Annotated[str, typer.Option(help="One of its slots.", show_default="production")] = "",
    output: Annotated[Path, typer.Option(help="The file to write.")] = Path(FILE_NAME),
    secrets: Annotated[bool, typer.Option("--secrets", help="With secrets, also those in the vault.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it exists.")] = False,
) -> None:
    """Write a local.settings.json with the app's settings, which only you can read; needs Azure's CLI and `az login`.

    Secrets are left out, and named. With --secrets they are written, and references to the vault are replaced by what
    they refer to, which needs the role Key Vault Secrets User: delete the file when you are done. Commands need
    CLIENT_STATE_KEY.
    """
    check_new(output, force=force)
    if secrets:
        check_untracked(output)
    values = app_settings(app, group, slot)
    if secrets:
        _write_all(output, app, values)
    else:
        _write_rest(output, app, values)


def _write_rest(output: Path, app: str, values: Mapping[str, str]) -> None:
    shown = {name: value for name, value in values.items() if not is_secret(name, value)}
    write_settings(output, shown)
    print_line(console(), f"{output} has {len(shown)} settings of {app}, and none that is or may be a secret.")
    left_out = sorted(name for name, value in values.items() if value and name not in shown)
    if left_out:
        print_warnings(console(), [f"left out: {', '.join(left_out)}; --secrets writes them, too"])


def _write_all(output: Path, app: str, values: Mapping[str, str]) -> None:
    found = {name: resolved(value) for name, value in values.items()}
    write_settings(output, {name: value for name, (value, _) in found.items()})
    print_line(console(), f"{output} has the {len(found)} settings of {app}: secrets among them, so delete it later.")
    why = ((name, problem) for name, (_, problem) in sorted(found.items()) if problem)
    print_warnings(console(), (f"replace {name} by the secret that it refers to: {problem}" for name, problem in why))
