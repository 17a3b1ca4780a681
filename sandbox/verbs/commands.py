"""The commands of a second terminal: each asks the sandbox that runs, and prints what it says."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from sandbox.run.operator_files import setting
from sandbox.run.send_endpoint import Address, Refused
from sandbox.run.session import STATE_FILE
from sandbox.verbs.forwarding import Forwarder

_POLL_SECONDS = 0.2

State = Annotated[Path, typer.Option(help="The file by which commands find the sandbox.", show_default=False)]

commands = typer.Typer()


@contextmanager
def exit_on_failure() -> Iterator[None]:
    """Print the sentence of an error that its user can do something about.

    Exit status: 1 if a name is wrong, or nothing can be done under it; 2 if something is missing: a program, a sandbox.
    """
    try:
        yield
    except RuntimeError as exc:
        Console(stderr=True).print(str(exc), style="red", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(1 if isinstance(exc, Refused) else 2) from exc


@commands.command()
def send(text: str, *, state: State = STATE_FILE) -> None:
    """Write TEXT in the stand-up chat of the sandbox that runs in another terminal."""
    with exit_on_failure():
        Address.read(state).send(text)


@commands.command()
def do(
    deed: Annotated[str, typer.Argument(help="write, edit, react, delete, join, leave, rename or create-team.")],
    text: Annotated[str, typer.Argument(help="What is written, the reaction, or the name.")] = "",
    *,
    person: Annotated[str, typer.Option("--as", help="Who does it; a new name may join.")] = "Alex",
    place: Annotated[str, typer.Option("--in", help="A chat, a team, or TEAM/CHANNEL.")] = "Stand-up",
    state: State = STATE_FILE,
) -> None:
    """Do something in Teams. Messages: the last one there; edit and delete take the last one of that person."""
    _ask(state, "do", {"verb": deed, "text": text, "as": person, "in": place})


@commands.command("break")
def break_it(what: str, *, state: State = STATE_FILE) -> None:
    """Break WHAT: app, certificate, consent, entra, graph, network, permission, queue, role, storage, vault."""
    _ask(state, "break", {"text": what})


@commands.command()
def mend(what: str, *, state: State = STATE_FILE) -> None:
    """Mend WHAT was broken."""
    _ask(state, "mend", {"text": what})


@commands.command()
def renew(*, state: State = STATE_FILE) -> None:
    """Have the app's timer run, which otherwise does every five minutes: it renews, recovers, and tries again."""
    _ask(state, "renew", {})


@commands.command()
def look(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    state: State = STATE_FILE,
) -> None:
    """Show what Teams, Graph, the vault and the storage account hold."""
    with exit_on_failure():
        view = Address.read(state).ask("look", {})
    typer.echo(json.dumps(view, indent=2, ensure_ascii=False) if as_json else "\n".join(_lines(view)))


@commands.command()
def trigger(
    event_type: Annotated[
        str, typer.Argument(metavar="[TYPE]", help="Such as ChatMessageCreated; none: list all.")
    ] = "",
    *,
    count: Annotated[int, typer.Option(min=1, help="How often.")] = 1,
    rate: Annotated[float, typer.Option(min=0.01, help="How many a second, at most.")] = 10,
    state: State = STATE_FILE,
) -> None:
    """Have happen in Teams or Graph what the app publishes as an event of TYPE, with what has to come before it."""
    if not event_type:
        with exit_on_failure():
            typer.echo("\n".join(Address.read(state).ask("types", {})))
        return
    began = time.monotonic()
    for number in range(count):
        time.sleep(max(0, began + number / rate - time.monotonic()))
        _ask(state, "trigger", {"text": event_type})


@commands.command()
def listen(
    *,
    forward_to: Annotated[str, typer.Option(metavar="URL", help="Where your consumer takes POSTs.")],
    state: State = STATE_FILE,
) -> None:
    """POST each event in the queue to a consumer of your own, as a CloudEvent; what it takes leaves the queue."""
    with exit_on_failure(), suppress(KeyboardInterrupt):
        if not forward_to.startswith(("http://", "https://")):
            raise Refused(f"{forward_to} is no URL: it takes one like http://localhost:8080/.")
        queue = _queue(state)
        typer.echo(f"Listening: each event goes to {forward_to}. Ctrl-C ends it.")
        Forwarder(queue["connection_string"], queue["queue"], forward_to).run(typer.echo)


@commands.command()
def storage(*, state: State = STATE_FILE) -> None:
    """Print the connection string of the storage account in the sandbox that runs in another terminal."""
    with exit_on_failure():
        typer.echo(setting(state.parent, "AzureWebJobsStorage"))


def _ask(state: Path, verb: str, arguments: Mapping[str, Any]) -> None:
    with exit_on_failure():
        typer.echo(Address.read(state).ask(verb, arguments))


def _queue(state: Path) -> Mapping[str, Any]:
    """Return the queue, once the sandbox leaves its events to others."""
    queue: Mapping[str, Any] = Address.read(state).ask("queue", {})
    if queue["playing"]:
        typer.echo("The scene still plays, and the sandbox reads its events itself. Listening begins after it.")
    while queue["playing"]:
        time.sleep(_POLL_SECONDS)
        queue = Address.read(state).ask("queue", {})
    return queue


def _lines(view: Mapping[str, Any]) -> Iterator[str]:
    teams, graph, vault, stored = view["teams"], view["graph"], view["vault"], view["storage"]
    yield f"Broken       {', '.join(view['broken']) or 'nothing'}"
    yield f"App          {view['app']['url'] or 'on a host of your own'}"
    yield f"People       {', '.join(teams['people'])}"
    yield from (f"Place        {name}: {count} messages" for name, count in teams["places"].items())
    yield f"Graph        {len(graph['subscriptions'])} subscriptions; {graph['waiting']} notifications wait to be"
    yield f"             repeated, {graph['lost']} were given up"
    yield from (f"             {resource}" for resource in graph["subscriptions"])
    yield f"Vault        {vault['certificate']}: {len(vault['versions'])} versions"
    yield f"Queue        {stored['queue']} events"
    yield f"Parked       {len(stored['parked'])} blobs"
    yield f"Quarantine   {len(stored['quarantine'])} blobs"
    yield f"Gaps         {', '.join(f'{count} {state}' for state, count in stored['gaps'].items()) or 'none'}"
    yield from (f"Failure      {text}" for text in stored["failures"])
