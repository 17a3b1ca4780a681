"""``python -m cli settings pull``: the app's own settings into a ``local.settings.json``, by Azure's command line.

Source: https://learn.microsoft.com/cli/azure/functionapp/config/appsettings
"""

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from cli.output import console, print_line, print_warnings
from cli.settings_file import FILE_NAME
from shared.errors import Misconfigured, Unavailable

commands = typer.Typer(no_args_is_help=True, help="Take over the app's settings.")

_PATIENCE_SECONDS = 120
_OWNER_ONLY = 0o600
# What is left of a reference to the vault: Azure replaces it for the app only.
_REFERENCE = "@Microsoft."

# Without a callback, Typer would leave out the name of a group's only command.
commands.callback()(lambda: None)


@commands.command()
def pull(
    *,
    app: Annotated[str, typer.Option(help="The name of the Function App.")],
    group: Annotated[str, typer.Option(help="Its resource group.")],
    slot: Annotated[str, typer.Option(help="One of its slots.", show_default="production")] = "",
    output: Annotated[Path, typer.Option(help="The file to write.")] = Path(FILE_NAME),
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it exists.")] = False,
) -> None:
    """Write a local.settings.json with the app's settings, which only you can read; needs Azure's CLI and `az login`.

    It holds the app's secrets: delete it when you are done.
    """
    if output.exists() and not force:
        raise Misconfigured(f"{output} exists: use --force to replace it, or --output for another file")
    values = _app_settings(app, group, slot)
    _write(output, values)
    print_line(console(), f"{output} has the {len(values)} settings of {app}: secrets among them, so delete it later.")
    references = sorted(name for name, value in values.items() if value.startswith(_REFERENCE))
    print_warnings(
        console(), (f"{name} refers to the vault: replace it with the secret's value" for name in references)
    )


def _app_settings(app: str, group: str, slot: str) -> Mapping[str, str]:
    words = ["functionapp", "config", "appsettings", "list", "--name", app, "--resource-group", group]
    listed = _az(*words, *(["--slot", slot] if slot else []), "--output", "json")
    try:
        return {str(each["name"]): str(each["value"] or "") for each in json.loads(listed)}
    except (ValueError, TypeError, KeyError) as exc:
        raise Unavailable("az did not answer with a list of settings: update Azure's CLI") from exc


def _az(*words: str) -> str:
    # On Windows it is az.cmd.
    az = shutil.which("az")
    if az is None:
        raise Misconfigured("az is not on the PATH: install Azure's CLI, and sign in with az login")
    try:
        done = subprocess.run(  # noqa: S603  fixed words, and names that az checks
            [az, *words], capture_output=True, check=False, encoding="utf-8", timeout=_PATIENCE_SECONDS
        )
    except (OSError, ValueError, subprocess.TimeoutExpired) as exc:
        raise Unavailable(f"az does not answer: {type(exc).__name__}") from exc
    if done.returncode != 0:
        raise Misconfigured(f"az refuses: {_sentence(done.stderr)}")
    return done.stdout


def _sentence(errors: str) -> str:
    """Return az's own first words about what is wrong, such as that nobody is signed in."""
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    about = next((line for line in lines if line.startswith("ERROR:")), lines[0] if lines else "it does not say why")
    return about.removeprefix("ERROR:").strip()


def _write(file: Path, values: Mapping[str, str]) -> None:
    document = {"IsEncrypted": False, "Values": dict(sorted(values.items()))}
    try:
        # Beside it first: a file that was there before may be readable by others.
        new = file.with_name(f"{file.name}.new")
        new.unlink(missing_ok=True)
        new.touch(mode=_OWNER_ONLY, exist_ok=False)
        new.write_text(json.dumps(document, indent=2), encoding="utf-8")
        new.replace(file)
    except OSError as exc:
        raise Misconfigured(f"{file} cannot be written: {exc.strerror}") from exc
