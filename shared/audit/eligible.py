"""What an audit can check: the subscriptions of a path whose messages are recorded with their versions.

What has a gap that is not filled would be found missing, and what was filled within a day would hide what is.

Source: https://learn.microsoft.com/graph/teams-changenotifications-chatmessage
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.audit.audit import Audit
from shared.gaps.gap import DONE_STATES, MARGIN, Gap, GapCause
from shared.gaps.graph_queries import why_unrecoverable
from shared.resources.validation import find_resource_type
from shared.subscriptions.tracked import TrackedSubscription

_MESSAGE = "chatMessage"
_AFTER_BACKFILL = timedelta(days=1)
# Of two gaps of one path, counted from their ends; the timer may be a little late.
_BETWEEN_GAPS = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Eligible:
    """The subscriptions of a path that an audit can check, by their keys: what each may have missed in the window.

    ``reason``: why there are none.
    """

    gaps: Mapping[str, Gap]
    reason: str | None


def rows_by_path(tracked: Iterable[TrackedSubscription]) -> Mapping[str, Sequence[TrackedSubscription]]:
    """Return the subscriptions to messages with their content, by their paths in the catalogue."""
    rows = defaultdict[str, list[TrackedSubscription]](list)
    for row in tracked:
        resource_type = find_resource_type(row.desired.resource)
        has_content = row.desired.include_resource_data or row.desired.fetch
        if resource_type is not None and resource_type.type_name == _MESSAGE and row.is_wanted and has_content:
            rows[resource_type.path].append(row)
    return rows


def eligible(audit: Audit, rows: Iterable[TrackedSubscription], recorded: Iterable[Gap], now: datetime) -> Eligible:
    """Return the subscriptions of the audit's path that it can check; ``recorded``: all gaps of the tenant."""
    by_subscription = defaultdict[str, list[Gap]](list)
    for gap in recorded:
        by_subscription[gap.subscription_key].append(gap)
    found, reason = dict[str, Gap](), "no subscription to it exists at Graph"
    for row in rows:
        candidate = _gap_in_window(audit, row)
        if candidate is None:
            continue
        why_not = _why_not(candidate, row, by_subscription[row.key], now)
        if why_not is None:
            found[row.key] = candidate
        else:
            reason = why_not
    return Eligible(gaps=found, reason=None if found else reason)


def _gap_in_window(audit: Audit, row: TrackedSubscription) -> Gap | None:
    if row.applied is None:
        return None
    since = max(audit.since, row.applied.created_at)
    # A gap covers its margins, too; what is in these has no record before the window.
    return Gap.of_subscription(row, GapCause.AUDIT, since + MARGIN, audit.until - MARGIN)


def _why_not(gap: Gap, row: TrackedSubscription, gaps_of_row: Iterable[Gap], now: datetime) -> str | None:
    if gap.since >= gap.until:
        return "its subscription, or the records of what was published, are younger than the messages to check"
    if row.missed_interval is not None or any(each.state not in DONE_STATES for each in gaps_of_row):
        return "it has a gap that is not filled yet"
    if any(_was_filled_within_a_day(each, now) for each in gaps_of_row):
        return "a gap of it was filled within the last day"
    return why_unrecoverable(gap)


def _was_filled_within_a_day(gap: Gap, now: datetime) -> bool:
    # The gap that yesterday's audit opened hides nothing of today's window.
    is_bounding = gap.cause is not GapCause.AUDIT
    return is_bounding and gap.ended_at is not None and gap.ended_at > now - _AFTER_BACKFILL


def gaps_to_open(gaps: Iterable[Gap], recorded: Iterable[Gap]) -> Sequence[Gap]:
    """Return the gaps of an audit that found too much missing, without those of subscriptions with one of that day."""
    audited = [gap for gap in recorded if gap.cause is GapCause.AUDIT]
    return [gap for gap in gaps if not any(_is_of_same_day(gap, each) for each in audited)]


def _is_of_same_day(gap: Gap, other: Gap) -> bool:
    is_same = gap.subscription_key == other.subscription_key
    return is_same and abs(gap.until - other.until) < _BETWEEN_GAPS
