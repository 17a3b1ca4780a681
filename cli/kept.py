"""What ``parked`` and ``quarantine`` have in common: kept POSTs as lines, as JSON, and received again.

Source: https://learn.microsoft.com/graph/api/resources/changenotificationcollection
"""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypedDict

import typer

from cli.progress import bar, busy
from cli.statuses import Status
from cli.terminal import console, print_json, print_line, print_rows
from cli.texts import ago, iso, iso_or_none, span
from shared.errors import NotFound
from shared.kept import Kept
from shared.notifications import load_json
from shared.redrive import KeptBodies, Redriver, attempt

COLUMNS = ("name", "kind", "received", "attempts", "next attempt")


class KeptDocument(TypedDict):
    """What is noted of one kept POST."""

    name: str
    kind: str
    receivedDateTime: str
    fetch: str | None
    attempts: int
    retryDateTime: str | None


class KeptListDocument(TypedDict):
    """``parked list --json`` and ``quarantine list --json``, the oldest first."""

    posts: list[KeptDocument]


class KeptPostDocument(KeptDocument):
    """``quarantine show --json``: the items as they were received, without their client states."""

    items: list[Any]
    validationTokens: int


class AttemptsDocument(TypedDict):
    """``parked retry --json`` and ``quarantine retry --json``: what became of each, by name."""

    attempts: dict[str, str]


def document(kept: Kept) -> KeptDocument:
    """Return what scripts get of a kept POST."""
    return {
        "name": kept.name,
        "kind": kept.kind,
        "receivedDateTime": iso(kept.received_at),
        "fetch": kept.fetch,
        "attempts": kept.attempts,
        "retryDateTime": iso_or_none(kept.retry_at),
    }


def post_document(kept: Kept, body: bytes) -> KeptPostDocument:
    """Return a kept POST without its secrets: client states authenticate, and so do validation tokens.

    Raises:
        Malformed: it is no JSON, and so was not kept by the app.
    """
    post = load_json(body)
    if not isinstance(post, dict):
        post = {}
    items, tokens = _folded(post, "value"), _folded(post, "validationTokens")
    shown = [_without_client_state(item) for item in (items if isinstance(items, list) else [post])]
    return {**document(kept), "items": shown, "validationTokens": len(tokens) if isinstance(tokens, list) else 0}


def _folded(value: dict[str, Any], name: str) -> Any:
    return next((item for key, item in value.items() if key.lower() == name.lower()), None)


def _without_client_state(item: Any) -> Any:
    # A bare item has the tokens of its POST beside its own properties.
    secret = {"clientstate", "validationtokens"}
    return {key: part for key, part in item.items() if key.lower() not in secret} if isinstance(item, dict) else item


def show_list(bodies: KeptBodies, now: datetime, *, as_json: bool) -> None:
    """Print what is kept, the oldest first."""
    with busy("Reading the container"):
        found = list(bodies.all())
    if as_json:
        listed: KeptListDocument = {"posts": [document(kept) for kept in found]}
        print_json(listed)
    elif found:
        print_rows(console(), COLUMNS, [_cells(kept, now) for kept in found])


def _cells(kept: Kept, now: datetime) -> Sequence[str]:
    again = span(kept.retry_at - now) if kept.retry_at else ""
    return kept.name, kept.kind, ago(kept.received_at, now), str(kept.attempts), again


def chosen(bodies: KeptBodies, names: Sequence[str]) -> Sequence[Kept]:
    """Return the kept POSTs of these names; all of them without a name.

    Raises:
        NotFound: a name that none of them has.
    """
    found = {kept.name: kept for kept in bodies.all()}
    missing = [name for name in names if name not in found]
    if missing:
        raise NotFound(f"nothing is kept as {', '.join(missing)}: see the list")
    return [found[name] for name in dict.fromkeys(names)] if names else list(found.values())


def retry_all(redriver: Redriver, names: Sequence[str], *, as_json: bool) -> None:
    """Receive kept POSTs again, at once, and print what became of them; exit status 1 unless all are published."""
    done = _attempted(redriver, chosen(redriver.bodies, names))
    if as_json:
        attempts: AttemptsDocument = {"attempts": done}
        print_json(attempts)
    else:
        counts = Counter(done.values())
        print_line(console(), ", ".join(f"{count} {what}" for what, count in counts.items()) or "nothing is kept")
    if set(done.values()) - {"published"}:
        raise typer.Exit(Status.FOUND)


def _attempted(redriver: Redriver, found: Sequence[Kept]) -> dict[str, str]:
    done = {}
    with bar("Receiving again") as progress:
        progress(0, len(found))
        for kept in found:
            done[kept.name] = attempt(redriver, kept)
            progress(1, 0)
    return done


def discard_all(bodies: KeptBodies, is_old: Callable[[Kept], bool]) -> int:
    """Return how many kept POSTs were deleted: those that ``is_old`` tells."""
    with bar("Deleting") as progress:
        old = [kept for kept in bodies.all() if is_old(kept)]
        progress(0, len(old))
        for kept in old:
            bodies.discard(kept)
            progress(1, 0)
    return len(old)
