"""``python -m cli events``: shows the events in the queue and leaves them there, and handles its poison queue."""

import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated

import typer
from rich.console import Console

from cli.deployments import reading_clients, writing_clients
from cli.event_filter import event_filter
from cli.event_lines import show, visible
from cli.options import Tenant, Yes, selected_tenant_ids
from cli.output import console, print_line
from cli.poison_queue import SUFFIX, move_back
from cli.queue_peek import MAX_PEEKED, Message, Queue
from shared.app.clients import Clients
from shared.errors import Misconfigured

commands = typer.Typer(no_args_is_help=True, help="Look at the events, and handle the poison queue of their consumer.")
poison = typer.Typer(no_args_is_help=True, help="List and retry what the consumer failed to handle.")
commands.add_typer(poison, name="poison")

_POLL_SECONDS = 1.0

_Content = Annotated[bool, typer.Option("--content", help="Also show the content: what people wrote.")]
_AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document per line.")]


@commands.command()
def tail(  # noqa: PLR0913  one parameter an option
    *,
    once: Annotated[bool, typer.Option("--once/--follow", help="Show the events in the queue, and exit.")] = False,
    content: _Content = False,
    types: Annotated[list[str] | None, typer.Option("--type", help="Such as ChatMessageCreated; repeatable.")] = None,
    tenant: Tenant = "",
    since: Annotated[str, typer.Option(help="A time, such as 2026-11-28T08:00:00Z; in UTC without an offset.")] = "",
    as_json: _AsJson = False,
) -> None:
    """Show the events in the queue as they arrive, and leave them there; Ctrl-C stops it.

    Only the 32 messages at the head of the queue are visible: the next ones appear as those are consumed. An event
    that is consumed within a second may not be shown at all.
    """
    clients = reading_clients()
    wanted = event_filter(types or (), selected_tenant_ids(tenant, clients.settings) if tenant else (), since)
    watch, out = _Watch(_queue(clients)), console()
    if not once:
        # A shell makes background commands ignore SIGINT. Accept it, so that a script can stop this command.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    with suppress(KeyboardInterrupt):
        while True:
            events = [visible(watch.queue, message, content=content) for message in watch.arrived()]
            shown = [event for event in events if wanted.passes(event)]
            for event in shown:
                show(out, event, as_json=as_json)
            if once:
                if not shown and not as_json:
                    print_line(out, "No such event is in the queue." if events else "The queue is empty.")
                return
            time.sleep(_POLL_SECONDS)


class _Watch:
    """What is at the head of the queue from one look to the next; says once what cannot be seen."""

    def __init__(self, queue: Queue) -> None:
        self.queue = queue
        self._seen = set[str]()
        self._said = set[str]()

    def arrived(self) -> Sequence[Message]:
        """Return the messages that were not there at the last look."""
        messages = self.queue.peek()
        ids = {message.message_id for message in messages}
        if self._seen - ids:
            self._say("taken", "A consumer takes the messages: those that it takes within a second are not shown.")
        if len(messages) == MAX_PEEKED and (count := self.queue.count()) > MAX_PEEKED:
            self._say("more", f"About {count} messages are waiting: only the first {MAX_PEEKED} can be shown.")
        before, self._seen = self._seen, ids
        return [message for message in messages if message.message_id not in before]

    def _say(self, what: str, sentence: str) -> None:
        if what not in self._said:
            self._said.add(what)
            print_line(Console(stderr=True), sentence)


@poison.command("list")
def list_(*, content: _Content = False, as_json: _AsJson = False) -> None:
    """Show what is in the poison queue, the first 32 messages of it, and leave it there."""
    clients = reading_clients()
    queue, out = _queue(clients, SUFFIX), console()
    messages = queue.peek()
    for message in messages:
        show(out, visible(queue, message, content=content), as_json=as_json)
    if not messages and not as_json:
        print_line(out, "The poison queue is empty.")
    if len(messages) == MAX_PEEKED and (count := queue.count()) > MAX_PEEKED:
        print_line(Console(stderr=True), f"About {count} messages are in it: only the first {MAX_PEEKED} can be shown.")


@poison.command()
def retry(*, yes: Yes = False) -> None:
    """Move everything in the poison queue back into the queue of events, for the consumer to try again."""
    clients, out = writing_clients(), console()
    name, count = _queue_name(clients), _queue(clients, SUFFIX).count()
    if count and not yes:
        typer.confirm(f"Move about {count} messages from {name}{SUFFIX} to {name}?", abort=True)
    moved = move_back(clients.queues(), name, count) if count else 0
    print_line(out, f"{moved} messages were moved to {name}." if moved else "The poison queue is empty.")


def _queue(clients: Clients, suffix: str = "") -> Queue:
    return Queue(clients.queues(), clients.blobs(), f"{_queue_name(clients)}{suffix}")


def _queue_name(clients: Clients) -> str:
    if (name := clients.settings.queue_name) is None:
        raise Misconfigured("EVENT_SINK is an event hub, which shows its events to consumers only: use one of theirs")
    return name
