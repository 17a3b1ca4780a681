"""``python -m cli``: all commands, and the option ``--settings`` before them."""

import os
from pathlib import Path
from typing import Annotated

import typer

from cli.commands import audit, certificate, events, gaps, parked, quarantine, settings, subscriptions
from cli.commands.dashboard import dashboard
from cli.commands.doctor import doctor
from cli.commands.erase import erase
from cli.commands.init import init
from cli.commands.login import login
from cli.commands.permissions import permissions
from cli.commands.status import status
from cli.exit_codes import CommandGroup
from cli.settings_file import FILE_NAME, check_trust, use_settings
from shared.app.deployments import VERSION

app = typer.Typer(cls=CommandGroup, add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)

_SETTINGS = typer.Option(
    help="A local.settings.json whose Values replace the settings in the environment.",
    show_default=f"the environment, else ./{FILE_NAME}",
)


def _print_version(wanted: bool) -> None:  # noqa: FBT001  the form that Typer calls
    if wanted:
        typer.echo(VERSION)
        raise typer.Exit


_VERSION = typer.Option("--version", help="Print the version, and exit.", callback=_print_version, is_eager=True)


@app.callback()
def main(*, settings: Annotated[Path | None, _SETTINGS] = None, version: Annotated[bool, _VERSION] = False) -> None:
    """Operate the app that receives Teams change notifications.

    Exit status: 0 done; 1 something is wrong with the subscriptions, or nothing
    has the name; 2 usage; 3 a setting, permission or login is wrong; 4 a service
    is down or another run changed the data first: try again.
    """
    del version  # its callback has printed it
    use_settings(os.environ, settings, folder=Path.cwd())
    check_trust(os.environ)


app.command()(init)
app.command()(status)
app.command()(dashboard)
app.command()(doctor)
app.add_typer(subscriptions.commands, name="subscriptions")
app.command()(permissions)
app.add_typer(certificate.commands, name="certificate")
app.add_typer(gaps.commands, name="gaps")
app.add_typer(audit.commands, name="audit")
app.add_typer(events.commands, name="events")
app.add_typer(parked.commands, name="parked")
app.add_typer(quarantine.commands, name="quarantine")
app.command()(erase)
app.command()(login)
app.add_typer(settings.commands, name="settings")

if __name__ == "__main__":
    app(prog_name="python -m cli")
