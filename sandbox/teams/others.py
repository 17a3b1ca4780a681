"""Everything around Teams that is no chat, team or channel: it comes, changes and goes as ``sandbox.teams.kinds`` says.

Source: https://learn.microsoft.com/en-us/graph/change-notifications-overview
"""

import base64
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

from sandbox.teams.kind import Kind
from sandbox.teams.kinds import KINDS
from sandbox.teams.store import Store, timestamp
from sandbox.teams.values import Change, ChangeType, Context, Entity, Path

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NOTHING: Mapping[str, Any] = MappingProxyType({})
# Source: https://learn.microsoft.com/en-us/graph/api/resources/teamsappinstallationscopeinfo
_SCOPES = {"chats": ("groupChat", "chatId"), "teams": ("team", "teamId"), "users": ("personal", "userId")}


class Others:
    """The other things of every tenant. ``names`` are what the kind's texts have in braces."""

    def __init__(self, store: Store) -> None:
        self._store = store
        # What each thing is made of: its kind, its names, and what is around it.
        self._made: dict[Path, tuple[Kind, Mapping[str, str], Context]] = {}
        self._turns: dict[str, int] = {}
        self._latest = 0

    def create(self, kind: str, tenant_id: str, names: Mapping[str, str], *, context: Context = _NOTHING) -> Path:
        """Return the path of a new thing.

        Raises:
            KeyError: there is no such kind, or a name is missing.
        """
        path, entity = self._make(KINDS[kind], tenant_id, names, context)
        self._store.record(self._change("created", path, entity))
        return path

    def update(self, path: Path, **properties: object) -> None:
        """Change properties of a thing, and whatever tells its version.

        Raises:
            LookupError: there is no such thing.
        """
        entity = self._store.require(path)
        self._store.record(self._change("updated", path, entity | properties | self._version_after(entity)))

    def delete(self, path: Path) -> None:
        """Take a thing away.

        Raises:
            LookupError: there is no such thing.
        """
        entity = self._store.require(path)
        self._store.forget(path)
        self._store.tell(self._change("deleted", path, entity))

    def occur(self, kind: str, tenant_id: str, names: Mapping[str, str], **properties: object) -> None:
        """Tell of something that happens and leaves nothing behind; Graph calls it an update.

        Raises:
            KeyError: there is no such kind, or a name is missing.
        """
        path, entity = self._make(KINDS[kind], tenant_id, names, _NOTHING)
        self._store.tell(self._change("updated", path, entity | properties))

    def install(self, app_id: str, tenant_id: str, place: Path) -> Path:
        """Return the path of an app's installation in a chat, a team, or the personal scope of ``("users", id)``.

        Raises:
            KeyError: apps cannot be installed there.
        """
        scope, place_id = _SCOPES[place[0]]
        self._store.install(app_id, place)
        names = {"app": app_id, "place": place[1], "placeId": place_id, "scope": scope}
        return self.create("teamsAppInstallation", tenant_id, names, context={"scope": (scope,)})

    def uninstall(self, installation: Path) -> None:
        """End an installation.

        Raises:
            LookupError: there is no such installation.
        """
        scope_info = self._store.require(installation)["scopeInfo"]
        for collection, (scope, place_id) in _SCOPES.items():
            if scope_info["scope"] == scope:
                self._store.uninstall(installation[2], (collection, scope_info[place_id]))
        self.delete(installation)

    def _make(self, kind: Kind, tenant_id: str, names: Mapping[str, str], context: Context) -> tuple[Path, Entity]:
        known = {**names, "tenant": tenant_id, "guid": self._store.ids.guid(), **self._moment()}
        known["quotedJoinWebUrl"] = quote(names.get("joinWebUrl", ""), safe="")
        known["id"] = _id(kind.id.format_map(known))
        path = tuple(part.format_map(known) for part in kind.path.split("/"))
        self._store.admit(path, tenant_id)
        self._made[path] = (kind, known, context)
        entity: Entity = _filled(kind.body, known)
        return path, entity

    def _change(self, change_type: ChangeType, path: Path, entity: Entity) -> Change:
        kind, names, context = self._made[path]
        collection = kind.created_as if change_type == "created" else None
        return Change(
            tenant_id=names["tenant"],
            change_type=change_type,
            path=path,
            odata_type=kind.odata_type,
            entity=entity,
            when=self._store.now(),
            context=context,
            resource=(collection or self._spelling(kind)).format_map(names),
            odata_id=kind.odata_id and kind.odata_id.format_map(names),
            resource_id=kind.resource_id and kind.resource_id.format_map(names),
            extras=_filled(dict(kind.extras), names),
        )

    def _spelling(self, kind: Kind) -> str:
        turn = self._turns[kind.path] = self._turns.get(kind.path, -1) + 1
        return kind.resources[turn % len(kind.resources)]

    def _moment(self) -> dict[str, str]:
        now = self._store.now()
        # Ids and etags are made of it: two of one millisecond must not be the same.
        self._latest = max((now - _EPOCH) // timedelta(milliseconds=1), self._latest + 1)
        return {"now": timestamp(now), "number": str(self._latest)}

    def _version_after(self, entity: Entity) -> Entity:
        moment = self._moment()
        after = {
            "lastModifiedDateTime": moment["now"],
            "etag": moment["number"],
            "version": entity.get("version", 0) + 1,
        }
        return {name: value for name, value in after.items() if name in entity}


def _id(text: str) -> str:
    return base64.b64encode(text.encode()).decode() if "##" in text else text


def _filled(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return value.format_map(names)
    if isinstance(value, dict):
        return {name.format_map(names): _filled(each, names) for name, each in value.items()}
    return [_filled(each, names) for each in value] if isinstance(value, list) else value
