"""Which events ``events tail`` shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import typer

_PREFIX = "microsoft.graph."


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    """Events of these types (short names in small letters), tenants and times; what is empty or None excludes nothing.

    A message that is no event of the app passes if nothing is excluded.
    """

    types: frozenset[str] = frozenset()
    tenant_ids: frozenset[str] = frozenset()
    since: datetime | None = None

    def passes(self, event: Mapping[str, Any]) -> bool:
        """Return whether to show an event."""
        if self.types and _short(str(event.get("type"))) not in self.types:
            return False
        if self.tenant_ids and _tenant_id(event) not in self.tenant_ids:
            return False
        return self.since is None or _is_since(event.get("time"), self.since)


def event_filter(types: Sequence[str], tenant_ids: Sequence[str], since: str) -> EventFilter:
    """Return the filter that the options name.

    Raises:
        typer.BadParameter: ``since`` is not a time.
    """
    short = frozenset(_short(each) for each in types)
    return EventFilter(types=short, tenant_ids=frozenset(tenant_ids), since=_time(since) if since else None)


def _short(type_name: str) -> str:
    return type_name.lower().removeprefix(_PREFIX)


def _tenant_id(event: Mapping[str, Any]) -> str:
    # /tenants/<id>/applications/<id>
    _, _, rest = str(event.get("source")).partition("/tenants/")
    return rest.partition("/")[0]


def _time(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError as exc:
        raise typer.BadParameter(f"{text!r} is not a time such as 2026-11-28T08:00:00Z", param_hint="--since") from exc
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _is_since(text: Any, since: datetime) -> bool:
    try:
        return isinstance(text, str) and datetime.fromisoformat(text) >= since
    except (ValueError, TypeError):
        return False
