"""``python -m sandbox``: the whole of it on this machine, without an Azure account."""

import asyncio
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from sandbox.run.event_samples import all_events, write
from sandbox.run.operator_files import setting
from sandbox.run.report import Report
from sandbox.run.send_endpoint import Address
from sandbox.run.session import STATE_FILE, Host, Options, Session
from sandbox.run.sign_in import SignIn
from sandbox.run.sink import Sink
from sandbox.run.world import World

app = typer.Typer(add_completion=False, no_args_is_help=False, pretty_exceptions_enable=False)

_STATE = typer.Option(help="The file by which `send` finds the sandbox that runs.", show_default=False)


@contextmanager
def _exit_2_on_failure() -> Iterator[None]:
    """Print the sentence of an error that its user can do something about: a missing program, nothing running."""
    try:
        yield
    except RuntimeError as exc:
        Console(stderr=True).print(str(exc), style="red", markup=False, highlight=False)
        raise typer.Exit(2) from exc


@app.callback(invoke_without_command=True)
def run(  # noqa: PLR0913  one parameter an option
    context: typer.Context,
    *,
    once: Annotated[bool, typer.Option("--once", help="Play the scenario, print the sums, and end.")] = False,
    host: Annotated[Host, typer.Option(help="What runs the app; core-tools is `func` on the PATH.")] = Host.SANDBOX,
    sign_in: Annotated[SignIn, typer.Option(help="How the app signs in to Graph.")] = SignIn.SECRET,
    sink: Annotated[Sink, typer.Option(help="Where events go; event-hub needs: make event-hubs.")] = Sink.QUEUE,
    no_host: Annotated[bool, typer.Option("--no-host", help="Start all but the app: `func start` it.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Show every line of the host's log.")] = False,
    state: Annotated[Path, _STATE] = STATE_FILE,
) -> None:
    """Run the app with a simulated Microsoft Teams, Graph, Entra ID, Key Vault and storage account around it.

    Exit status: 0 if every change that Graph sent arrived exactly as typed, 1 if not, 2 if something is missing.
    """
    if context.invoked_subcommand is not None:
        return
    app_host = None if no_host else host
    options = Options(host=app_host, sign_in=sign_in, sink=sink, once=once, verbose=verbose, state_file=state)
    with tempfile.TemporaryDirectory(prefix="sandbox-") as folder, _exit_2_on_failure():
        agrees = asyncio.run(Session(Path(folder), Report(Console()), options).play())
    raise typer.Exit(0 if agrees else 1)


@app.command()
def send(text: str, *, state: Annotated[Path, _STATE] = STATE_FILE) -> None:
    """Write TEXT in the stand-up chat of the sandbox that runs in another terminal."""
    with _exit_2_on_failure():
        Address.read(state).send(text)


@app.command()
def storage(*, state: Annotated[Path, _STATE] = STATE_FILE) -> None:
    """Print the connection string of the storage account in the sandbox that runs in another terminal."""
    with _exit_2_on_failure():
        sys.stdout.write(f"{setting(state.parent, 'AzureWebJobsStorage')}\n")


@app.command()
def samples(folder: Path) -> None:
    """Write one event of each type into FOLDER, made by the app in a sandbox of their own."""
    with tempfile.TemporaryDirectory(prefix="sandbox-") as world, _exit_2_on_failure():
        write(asyncio.run(all_events(World(Path(world)))), folder)


if __name__ == "__main__":
    sys.exit(app())
