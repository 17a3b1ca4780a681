"""``python -m sandbox``: the whole of it on this machine, without an Azure account."""

import asyncio
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from sandbox.chaos.run import Chaos, Without
from sandbox.chaos.run import Options as ChaosOptions
from sandbox.run.report import Report
from sandbox.run.send_endpoint import Address
from sandbox.run.session import STATE_FILE, Host, Options, Session

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
    no_host: Annotated[bool, typer.Option("--no-host", help="Start all but the app: `func start` it.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Show every line of the host's log.")] = False,
    state: Annotated[Path, _STATE] = STATE_FILE,
) -> None:
    """Run the app with a simulated Microsoft Teams, Graph, Entra ID, Key Vault and storage account around it.

    Exit status: 0 if every change that Graph sent arrived exactly as typed, 1 if not, 2 if something is missing.
    """
    if context.invoked_subcommand is not None:
        return
    options = Options(host=None if no_host else host, once=once, verbose=verbose, state_file=state)
    with tempfile.TemporaryDirectory(prefix="sandbox-") as folder, _exit_2_on_failure():
        agrees = asyncio.run(Session(Path(folder), Report(Console()), options).play())
    raise typer.Exit(0 if agrees else 1)


@app.command()
def send(text: str, *, state: Annotated[Path, _STATE] = STATE_FILE) -> None:
    """Write TEXT in the stand-up chat of the sandbox that runs in another terminal."""
    with _exit_2_on_failure():
        Address.read(state).send(text)


@app.command()
def chaos(
    *,
    minutes: Annotated[float, typer.Option(min=0.1, help="How long things go wrong; mending takes a while more.")] = 5,
    seed: Annotated[int, typer.Option(help="What goes wrong when: the same seed, the same plan.")] = 1,
    rate: Annotated[float, typer.Option(min=0.1, help="Changes a second in Teams, and so about as many POSTs.")] = 10,
    without: Annotated[
        Without | None, typer.Option(help="Put a part of the app out of action: this must fail.")
    ] = None,
) -> None:
    """Have everything fail in turn while people work in Teams, then see that nothing was lost, altered or doubled.

    Exit status: 0 if every law held, 1 if not, 2 if something is missing.
    """
    console = Console()
    length = timedelta(minutes=minutes)
    options = ChaosOptions(length=length, seed=seed, rate=rate, without=without)
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder, _exit_2_on_failure():
        summary = asyncio.run(Chaos(Path(folder), options, console.print).play())
    summary.show(console)
    raise typer.Exit(1 if summary.broken else 0)


if __name__ == "__main__":
    sys.exit(app())
