"""Entities of tables: what a column holds as a value, and the columns of a failure.

Source: https://learn.microsoft.com/rest/api/storageservices/understanding-the-table-service-data-model
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from shared.errors import Misconfigured
from shared.timing import Backoff

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

type Entity = Mapping[str, Any]


def read[T](table: str, reader: Callable[..., T], entity: Entity, *others: Any) -> T:
    """Return what ``reader`` makes of a row.

    Raises:
        Misconfigured: the row cannot be read; the text names it, and its ``table``.
    """
    try:
        return reader(entity, *others)
    except (KeyError, TypeError, ValueError, OverflowError) as exc:
        where = f"{entity.get('PartitionKey')}/{entity.get('RowKey')}"
        raise Misconfigured(f"row {where} of the table of {table} cannot be read: delete it") from exc


def text(entity: Entity, name: str) -> str:
    """Return a text.

    Raises:
        KeyError, TypeError: there is none.
    """
    value = entity[name]
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value


def optional_text(entity: Entity, name: str) -> str | None:
    """Return a text, or None where there is no such column.

    Raises:
        TypeError: something else stands there.
    """
    return text(entity, name) if name in entity else None


def flag(entity: Entity, name: str) -> bool:
    """Return true or false.

    Raises:
        KeyError, TypeError: it is neither.
    """
    value = entity[name]
    if not isinstance(value, bool):
        raise TypeError("neither true nor false")
    return value


def number(entity: Entity, name: str, *, least: int) -> int:
    """Return a whole number.

    Raises:
        KeyError, TypeError: there is none of at least ``least``.
    """
    value = entity[name]
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise TypeError("not such a number")
    return value


def moment(value: Any) -> datetime:
    """Return a time in UTC.

    Raises:
        TypeError: it is no moment, or has no time zone.
    """
    # The client's own class of datetime, with the service's text in it, would make equal values differ. From what is no
    # moment, or has no time zone, the epoch cannot be subtracted (TypeError).
    found: datetime = _EPOCH + (value - _EPOCH)
    return found


def optional_moment(entity: Entity, name: str) -> datetime | None:
    """Return a time in UTC, or None where there is no such column.

    Raises:
        TypeError: something else stands there.
    """
    return moment(entity[name]) if name in entity else None


def failure_columns(failure: Backoff | None) -> dict[str, Any]:
    """Return the columns of a failure; none if there is none."""
    if failure is None:
        return {}
    return {
        "error": failure.text,
        "errorDateTime": failure.at,
        "consecutiveFailures": failure.count,
        "retryDateTime": failure.retry_at,
    }


def failure_of(entity: Entity) -> Backoff | None:
    """Return the failure in a row, if there is one.

    Raises:
        KeyError, TypeError: a column of it is missing or wrong.
    """
    if "error" not in entity:
        return None
    return Backoff(
        text=text(entity, "error"),
        at=moment(entity["errorDateTime"]),
        count=number(entity, "consecutiveFailures", least=1),
        retry_at=moment(entity["retryDateTime"]),
    )
