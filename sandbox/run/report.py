"""What a person sees of a run: the start, each change on its way from Teams to the queue, and the sums at the end."""

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from sandbox.ledger import Arrival, Ledger

_KIND_WIDTH = 18
_SEALING_WIDTH = 11
# With this little text, a line fits into a terminal of 80 columns.
_LEAST_TEXT_WIDTH = 13
# All but the text, with room for "(blob)".
_OTHER_COLUMNS_WIDTH = 74
_MARKS: Mapping[str, str] = {"created": "[green]+[/]", "updated": "[yellow]~[/]", "deleted": "[red]-[/]"}
_KIBIBYTE = 1024


class Report:
    """Writes to one console; plain text where that is no terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def say(self, text: str) -> None:
        """Write a line of prose."""
        self._console.print(text)

    def step(self, text: str, *, since: float) -> None:
        """Tick something off; ``since`` is the start of the run on ``time.perf_counter``."""
        self._console.print(f"[green]ok[/] {text} [dim]({time.perf_counter() - since:.1f} s)[/]", highlight=False)

    def act(self, title: str) -> None:
        """Announce a part of the scenario."""
        self._console.print()
        self._console.print(f"[bold]{escape(title)}[/]")

    def heading(self) -> None:
        """Name the columns of the lines that follow."""
        what, sealed = _padded("what", self._text_width), f"{'sealed':<{_SEALING_WIDTH}}"
        line = f"{'time':<8}   {'resource':<{_KIND_WIDTH}} {what} {sealed} {'answer':<9} in the queue"
        self._console.print()
        self._console.print(line, style="dim", highlight=False, no_wrap=True)
        legend = "+ created  ~ updated  - deleted  (both) two notifications of one change, one event"
        self._console.print(legend, style="dim", highlight=False)

    def arrival(self, arrival: Arrival) -> None:
        """Show one change, from what was typed to what stands in the queue."""
        change, answer = arrival.change, arrival.delivery.answer
        kind = (
            arrival.event.attributes["type"].removeprefix("Microsoft.Graph.").removesuffix(change.change_type.title())
        )
        self._console.print(
            f"[dim]{change.when.astimezone():%H:%M:%S}[/] {_MARKS[change.change_type]} {kind:<{_KIND_WIDTH}} "
            f"{escape(_padded(summary(change.entity), self._text_width))} "
            f"[dim]{_sealing(arrival):<{_SEALING_WIDTH}}[/] "
            f"{answer.status} {_milliseconds(answer.took):>3}ms "
            f"[green]as typed[/] {_milliseconds(arrival.after):>3}ms{_remarks(arrival)}",
            highlight=False,
            no_wrap=True,
        )

    @property
    def _text_width(self) -> int:
        return max(_LEAST_TEXT_WIDTH, self._console.width - _OTHER_COLUMNS_WIDTH)

    def problem(self, line: str) -> None:
        """Pass on a warning or an error of the app's host."""
        self._console.print(f"[yellow]{escape(line)}[/]", soft_wrap=True, highlight=False)

    def totals(
        self, ledger: Ledger, *, subscriptions: int, lost: int, unseen: int = 0, disturbed: bool = False
    ) -> None:
        """Show the sums, and whether the books agree.

        ``unseen``: what may have been taken by another consumer; ``disturbed``: whether something was broken.
        """
        table = Table(title="What happened", title_justify="left", show_header=False)
        for name, value in _sums(ledger, subscriptions).items():
            table.add_row(name, value)
        self._console.print()
        self._console.print(table)
        missing = len(ledger.missing) - unseen
        if disturbed:
            self._console.print(
                f"[yellow]{missing} have not arrived as typed, {len(ledger.unexpected)} are recovered or unexpected, "
                f"{lost} wait at Graph or were given up: you have broken something on the way.[/]"
            )
        elif missing or ledger.unexpected or ledger.duplicates or lost or not ledger.arrivals:
            self._console.print(
                f"[bold red]{missing} did not arrive as typed, {len(ledger.unexpected)} events unexpected, "
                f"{len(ledger.duplicates)} came twice, {lost} lost by Graph.[/]"
            )
        else:
            self._console.print("[bold green]Every change that Graph sent arrived exactly as typed.[/]")
        if unseen:
            self._console.print(
                f"[dim]{unseen} more after the scene: another consumer took them before they were seen.[/]"
            )


def summary(entity: Mapping[str, Any]) -> str:
    """Return the few words by which a person knows a resource."""
    body = entity.get("body")
    if isinstance(body, dict):
        sender = ((entity.get("from") or {}).get("user") or {}).get("displayName") or "?"
        return f"{sender.split()[0]}: {body.get('content') or '(deleted)'}"
    if "chatType" in entity:
        return str(entity.get("topic") or f"{entity['chatType']} chat")
    return str(entity.get("displayName") or entity["id"])


def _padded(text: str, width: int) -> str:
    """Return ``text`` on one line that takes ``width`` columns, however wide its characters are."""
    line = " ".join(text.split())
    return set_cell_size(line if cell_len(line) <= width else set_cell_size(line, width - 1) + "…", width)


def _remarks(arrival: Arrival) -> str:
    merged = {1: "", 2: " (both)"}.get(arrival.notifications, f" (all {arrival.notifications})")
    return f"{' (blob)' if arrival.event.from_blob else ''}{merged}"


def _milliseconds(time: timedelta) -> int:
    return round(time.total_seconds() * 1000)


def _sealing(arrival: Arrival) -> str:
    bits = key_size(arrival)
    return f"RSA-{bits} v{(arrival.delivery.token_version or '')[:1]}" if bits else "ids only"


def key_size(arrival: Arrival) -> int | None:
    """Return the bits of the key that the content was encrypted to; None if there was no content."""
    certificate = arrival.item.subscription.certificate
    key = certificate.public_key() if certificate is not None else None
    return key.key_size if isinstance(key, RSAPublicKey) else None


def _sums(ledger: Ledger, subscriptions: int) -> Mapping[str, str]:
    arrivals = ledger.arrivals
    changes = {id(arrival.change) for arrival in arrivals}
    rich = [arrival for arrival in arrivals if arrival.item.is_rich]
    notifications = sum(arrival.notifications for arrival in arrivals)
    latencies = sorted(_milliseconds(arrival.after) for arrival in arrivals) or [0]
    return {
        "Subscriptions": f"{subscriptions}, with {ledger.handshakes} handshakes",
        "Changes in Teams": f"{len(changes)}",
        "Notifications": f"{notifications}, of which {notifications - len(arrivals)} repeated, same id",
        "In the queue": f"{len(arrivals)} events: {len(rich)} with content, {len(arrivals) - len(rich)} with ids only",
        "Events": _listed(name.removeprefix("Microsoft.Graph.") for name in ledger.counts().elements()),
        "Validation tokens": _listed(f"version {arrival.delivery.token_version}" for arrival in rich),
        "Certificates": _listed(f"RSA-{key_size(arrival)}" for arrival in rich),
        "Largest event": f"{max((arrival.event.size for arrival in arrivals), default=0) / _KIBIBYTE:.0f} KiB",
        "Teams to queue": f"median {latencies[len(latencies) // 2]} ms, slowest {latencies[-1]} ms",
    }


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"{count} x {name}" for name, count in sorted(Counter(names).items()))
