"""What ``parked`` and ``quarantine`` share: printing, retrying and deleting stored POSTs.

Source: https://learn.microsoft.com/graph/api/resources/changenotificationcollection
"""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import batched
from typing import Annotated, Any

import typer

from cli.exit_codes import Status
from cli.json_documents import AttemptsDocument, StoredPostDocument, StoredPostItemsDocument, StoredPostListDocument
from cli.output import ago, bar, busy, console, iso, iso_or_none, print_json, print_line, print_rows, span
from shared.errors import NotFound
from shared.notifications.json_text import parse_json
from shared.receiving.post_store import MAX_DELETIONS, StoredPost
from shared.receiving.redrive import Outcome, Redriver, StoredPosts

COLUMNS = ("name", "kind", "received", "attempts", "next attempt")

Names = Annotated[list[str] | None, typer.Argument(help="Names from the list; all POSTs if none is given.")]


def _document(post: StoredPost) -> StoredPostDocument:
    """Return a stored POST for scripts."""
    return {
        "name": post.name,
        "kind": post.reason,
        "tenantId": post.tenant_id or None,
        "receivedDateTime": iso(post.received_at),
        "fetch": post.fetch,
        "attempts": post.attempts,
        "retryDateTime": iso_or_none(post.retry_at),
    }


def post_document(post: StoredPost, body: bytes) -> StoredPostItemsDocument:
    """Return a stored POST without its secrets, which are client states and validation tokens.

    Raises:
        Malformed: the body is not JSON, so the app did not store it.
    """
    fields = parse_json(body)
    if not isinstance(fields, dict):
        fields = {}
    items, tokens = _ignoring_case(fields, "value"), _ignoring_case(fields, "validationTokens")
    shown = [_without_client_state(item) for item in (items if isinstance(items, list) else [fields])]
    return {**_document(post), "items": shown, "validationTokens": len(tokens) if isinstance(tokens, list) else 0}


def _ignoring_case(value: dict[str, Any], name: str) -> Any:
    return next((item for key, item in value.items() if key.lower() == name.lower()), None)


def _without_client_state(item: Any) -> Any:
    # If the body is a single item, the validation tokens are among its properties.
    secret = {"clientstate", "validationtokens"}
    return {key: part for key, part in item.items() if key.lower() not in secret} if isinstance(item, dict) else item


def show_list(store: StoredPosts, *, none: str, as_json: bool) -> None:
    """Print the stored POSTs, oldest first; ``none`` is the sentence if there are none."""
    with busy("Reading the container"):
        posts = sorted(store.list(), key=lambda post: post.received_at)
    if as_json:
        listed: StoredPostListDocument = {"posts": [_document(post) for post in posts]}
        print_json(listed)
    elif posts:
        print_rows(console(), COLUMNS, [_cells(post, datetime.now(UTC)) for post in posts])
    else:
        print_line(console(), none)


def _cells(post: StoredPost, now: datetime) -> Sequence[str]:
    next_attempt = span(post.retry_at - now) if post.retry_at else ""
    return post.name, post.reason, ago(post.received_at, now), str(post.attempts), next_attempt


def selected_posts(store: StoredPosts, names: Sequence[str]) -> Sequence[StoredPost]:
    """Return the stored POSTs with these names; all if ``names`` is empty.

    Raises:
        NotFound: no stored POST has one of the names.
    """
    found = {post.name: post for post in store.list()}
    missing = [name for name in names if name not in found]
    if missing:
        raise NotFound(f"no stored POST is named {', '.join(missing)}: the names are in the list")
    return [found[name] for name in dict.fromkeys(names)] if names else list(found.values())


def delete_all(store: StoredPosts, posts: Sequence[StoredPost]) -> None:
    """Delete stored POSTs, but none that a run of the timer has claimed meanwhile.

    Raises:
        Problem: why one of them stays.
    """
    with bar("Deleting") as progress:
        progress(0, len(posts))
        for some in batched(posts, MAX_DELETIONS, strict=False):
            for problem in store.delete(some).values():
                raise problem
            progress(len(some), 0)


def retry_all(redriver: Redriver, names: Sequence[str], *, as_json: bool) -> None:
    """Retry stored POSTs at once and print the outcomes; exit status 1 unless all are published."""
    posts = selected_posts(redriver.store, names)
    outcomes: dict[str, str] = {}
    with bar("Retrying") as progress:
        progress(0, len(posts))
        for post in posts:
            outcomes[post.name] = redriver.attempt(post)
            progress(1, 0)
    if as_json:
        attempts: AttemptsDocument = {"attempts": outcomes}
        print_json(attempts)
    else:
        counts = Counter(outcomes.values())
        print_line(console(), ", ".join(f"{count} {what}" for what, count in counts.items()) or "nothing is stored")
    if set(outcomes.values()) - {Outcome.PUBLISHED}:
        raise typer.Exit(Status.FOUND)
