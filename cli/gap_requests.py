"""Gaps that an operator asks for: the changes of a subscription, to be read from Graph and published once more.

Source: https://learn.microsoft.com/graph/api/chatmessage-delta ("messages of the last eight months")
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime

import typer

from shared.gaps.gap import GRAPH_HISTORY, Gap, GapCause
from shared.gaps.graph_queries import needs_snapshot, why_unrecoverable
from shared.subscriptions.tracked import TrackedSubscription

type Interval = tuple[datetime, datetime]

_ONLY_STATES = (
    "Graph lists what is there, but not when it changed: only changes of messages and chats can be read again"
)


def requested_interval(since: str, until: str, now: datetime) -> Interval:
    """Return the interval that the options name, until ``now`` if ``until`` is empty.

    Raises:
        typer.BadParameter: one is not a time, lies beyond what Graph has, or they are in the wrong order.
    """
    begin, end = _time(since, "--since"), _time(until, "--until") if until else now
    if end > now:
        raise typer.BadParameter("lies in the future", param_hint="--until")
    if begin >= end:
        raise typer.BadParameter("is not before --until", param_hint="--since")
    if begin < now - GRAPH_HISTORY:
        raise typer.BadParameter("is more than eight months ago, and Graph goes no further back", param_hint="--since")
    return begin, end


def _time(text: str, option: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as exc:
        raise typer.BadParameter("is not a time such as 2026-11-28T08:00:00Z", param_hint=option) from exc


def requested_gap(row: TrackedSubscription, interval: Interval) -> Gap:
    """Return the gap that has the changes of a subscription in ``interval`` published again.

    Raises:
        typer.BadParameter: Graph has no list of its past changes.
    """
    gap = Gap.of_subscription(row, GapCause.REQUESTED, *interval)
    if gap is None:
        reason = "its subscription has not been created yet"
    else:
        reason = _ONLY_STATES if needs_snapshot(gap) else why_unrecoverable(gap) or ""
    if gap is None or reason:
        raise typer.BadParameter(reason, param_hint="RESOURCE")
    return gap


def replacing_earlier(gap: Gap, recorded: Iterable[Gap]) -> Gap:
    """Return the gap to save: it replaces the one that was asked for before and began at the same time."""
    etag = next((earlier.etag for earlier in recorded if earlier.key == gap.key), None)
    return replace(gap, etag=etag)
