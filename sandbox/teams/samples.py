"""How is a change to a sample item reported? Filled in from its row, to the listeners, leaving nothing behind.

Source: https://learn.microsoft.com/en-us/graph/change-notifications-overview
"""

import base64
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from sandbox.teams.sample_items import NAMES, SAMPLE_ITEMS
from sandbox.teams.store import Store, timestamp
from sandbox.teams.values import Change, ChangeType, User

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Samples:
    """The other types of the catalogue in every tenant, one sample item each."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._latest = 0

    def report(self, name: str, user: User, change_type: ChangeType | None = None, /, **names: str) -> Change:
        """Report a change to a person's sample item, and return it; arguments and errors are those of ``change``."""
        change = self.change(name, user, change_type, **names)
        self._store.report(change)
        return change

    def change(self, name: str, user: User, change_type: ChangeType | None = None, /, **names: str) -> Change:
        """Return a change to a person's sample item; the first change type of its row if none is named.

        ``names``: what to fill in instead of ``NAMES``.

        Raises:
            KeyError: there is no such row.
        """
        row, known = SAMPLE_ITEMS[name], self._names(user, names)
        known["id"] = _id(row.id.format_map(known))
        change_type = change_type or row.change_types[0]
        resource = (row.created_in if change_type == "created" else None) or row.resource or row.path
        return Change(
            tenant_id=user.tenant_id,
            change_type=change_type,
            # Part by part: what is filled in may have slashes in it.
            path=tuple(part.format_map(known) for part in row.path.split("/")),
            odata_type=row.odata_type,
            entity=_filled(row.content, known),
            when=self._store.now(),
            context={"user": (user.id,), "organizer": (user.id,), "app": (known["app"],), "scope": (known["scope"],)},
            resource=resource.format_map(known),
            odata_id=row.odata_id and row.odata_id.format_map(known),
            resource_id=row.resource_id and row.resource_id.format_map(known),
            extras=_filled(dict(row.extras), known),
        )

    def _names(self, user: User, names: Mapping[str, str]) -> dict[str, str]:
        now = self._store.now()
        # Ids and etags are made of it: two of one millisecond must not be the same.
        self._latest = max((now - _EPOCH) // timedelta(milliseconds=1), self._latest + 1)
        known = {**NAMES, "tenant": user.tenant_id, "user": user.id, "guid": self._store.ids.guid(), **names}
        known["quotedJoinWebUrl"] = quote(known["joinWebUrl"], safe="")
        return known | {"now": timestamp(now), "number": str(self._latest)}


def _id(text: str) -> str:
    return base64.b64encode(text.encode()).decode() if "##" in text else text


def _filled(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return value.format_map(names)
    if isinstance(value, dict):
        return {name: _filled(each, names) for name, each in value.items()}
    return value
