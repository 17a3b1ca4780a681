"""``python -m cli status``: a deployment at a glance, once or as long as you look."""

import re
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

import typer
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from cli.account import account_of
from cli.deployments import reading_clients
from cli.exit_codes import Status
from cli.glance import Glance, document, light, lines, sentence
from cli.options import AsJson, Tenant, Watch, selected_tenant_ids
from cli.output import console, print_json, printable
from dashboard.snapshot import Light
from shared.errors import Unavailable

_PAUSE_SECONDS = 5.0
_TIMES = re.compile(r"\d+ (?:s|min|h|d)\b")
_NAME_WIDTH = 14
# Terminals have no amber.
_COLOURS: Mapping[Light, str] = {Light.GREEN: "green", Light.AMBER: "yellow", Light.RED: "red"}


def status(
    *,
    tenant: Tenant = "",
    watch: Watch = False,
    as_json: AsJson = False,
) -> None:
    """Show at a glance whether changes arrive: one sentence, and a few lines. Reads the storage account only.

    Exit status 1 if changes stop or are lost, or something is to be watched; `doctor` says what to do.
    """
    clients = reading_clients()
    clients.synchronise_clock()
    tenant_ids = selected_tenant_ids(tenant, clients.settings)
    account = account_of(clients)

    def read() -> Glance:
        return account.glance(tenant_ids)

    if watch:
        _watch(console(), read)
        return
    found = read()
    if as_json:
        print_json(document(found))
    else:
        console().print(_shown(found))
    if light(found) is not Light.GREEN:
        raise typer.Exit(Status.FOUND)


def _shown(glance: Glance) -> Group:
    shown = light(glance)
    head = Text.assemble((f"{shown:<{_NAME_WIDTH}}", f"bold {_COLOURS[shown]}"), (printable(sentence(glance)), "bold"))
    rest = [Text.assemble((f"{name:<{_NAME_WIDTH}}", "dim"), printable(said)) for name, said in lines(glance)]
    return Group(head, *rest)


def _watch(out: Console, read: Callable[[], Glance]) -> None:
    """Show a glance until Ctrl-C: in place on a terminal, else a line whenever it says something else."""
    with until_ctrl_c():
        if out.is_terminal:
            with Live(console=out, auto_refresh=False) as live:
                look(read, lambda found: live.update(_shown_or_problem(found), refresh=True))
        else:
            look(read, _Lines(out).show)


@contextmanager
def until_ctrl_c() -> Iterator[None]:
    """Let Ctrl-C end what is done in this context, and nothing else."""
    # A shell makes background commands ignore SIGINT. Accept it, so that a script can stop this command.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with suppress(KeyboardInterrupt):
        yield


class _Lines:
    """Prints what differs from the line before, its times left out: those change with every look."""

    def __init__(self, out: Console) -> None:
        self._out = out
        self._last = ""

    def show(self, found: Glance | Unavailable) -> None:
        """Print a line, unless nothing has changed."""
        line = _line(found)
        what = _TIMES.sub("", line)
        if what != self._last:
            self._out.print(Text(f"{datetime.now(UTC):%H:%M:%S} {line}"))
            self._last = what


def _line(found: Glance | Unavailable) -> str:
    if isinstance(found, Unavailable):
        return f"red: {found}"
    return f"{light(found)}: {printable(sentence(found))}"


def _shown_or_problem(found: Glance | Unavailable) -> Group:
    return Group(Text(_line(found), style="bold red")) if isinstance(found, Unavailable) else _shown(found)


def look[Seen](
    read: Callable[[], Seen],
    show: Callable[[Seen | Unavailable], None],
    *,
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Show what ``read`` returns, or that storage does not answer, again and again until ``pause`` raises."""
    while True:
        try:
            found: Seen | Unavailable = read()
        except Unavailable as problem:
            found = problem
        show(found)
        pause(_PAUSE_SECONDS)
