"""``python -m sandbox``: the whole of it on this machine, without an Azure account."""

import asyncio
import sys
import tempfile
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from sandbox.run.ending import Ending, Interrupted
from sandbox.run.event_samples import all_events, write
from sandbox.run.only_one import only_one
from sandbox.run.report import Report
from sandbox.run.session import STATE_FILE, Host, Options, Session
from sandbox.run.sign_in import SignIn
from sandbox.run.sink import Sink
from sandbox.run.world import World
from sandbox.verbs.commands import State, commands, exit_on_failure

app = typer.Typer(add_completion=False, no_args_is_help=False, pretty_exceptions_enable=False)
app.add_typer(commands)


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
    no_scene: Annotated[bool, typer.Option("--no-scene", help="Play nothing: serve at once.")] = False,
    state: State = STATE_FILE,
) -> None:
    """Run the app with a simulated Microsoft Teams, Graph, Entra ID, Key Vault and storage account around it.

    Exit status: 0 if every change that Graph sent arrived exactly as typed, 1 if not, 2 if something is missing.
    """
    if context.invoked_subcommand is not None:
        return
    app_host = None if no_host else host
    options = Options(
        host=app_host, sign_in=sign_in, sink=sink, once=once, scene=not no_scene, verbose=verbose, state_file=state
    )
    with exit_on_failure():
        status = _play(options)
    raise typer.Exit(status)


def _play(options: Options) -> int:
    """Return the exit status of a session."""
    ending = Ending()
    # What plays once is nobody's to find, and leaves nothing behind: several may.
    alone = nullcontext() if options.once else only_one(options.state_file)
    with alone, tempfile.TemporaryDirectory(prefix="sandbox-") as folder:
        session = Session(Path(folder), Report(ending.console), options, ending)
        try:
            return 0 if asyncio.run(session.play()) else 1
        except Interrupted as exc:
            ending.console.print(str(exc))
            return exc.status


@app.command()
def samples(folder: Path) -> None:
    """Write one event of each type into FOLDER, made by the app in a sandbox of their own."""
    with tempfile.TemporaryDirectory(prefix="sandbox-") as world, exit_on_failure():
        write(asyncio.run(all_events(World(Path(world)))), folder)


if __name__ == "__main__":
    sys.exit(app())
