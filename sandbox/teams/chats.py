"""Which chats are there, and who is in them? They are created, renamed, joined and left.

Source: https://learn.microsoft.com/en-us/graph/api/resources/chat
"""

from collections.abc import Sequence
from urllib.parse import quote

from sandbox.teams import ids
from sandbox.teams.members import membership
from sandbox.teams.store import Store, timestamp
from sandbox.teams.values import Entity, Path, User

_PAIR = 2


class Chats:
    """The chats of every tenant."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def create(self, members: Sequence[User], *, topic: str | None = None, app_ids: Sequence[str] = ()) -> Path:
        """Return the path of a new chat: one-on-one for two people without a topic, else a group chat.

        The chat belongs to the tenant of its first member, its owner. ``app_ids``: the apps it begins with.

        Raises:
            ValueError: fewer than two people.
        """
        if len(members) < _PAIR:
            raise ValueError("a chat takes two people")
        private = topic is None and len(members) == _PAIR
        chat_id = ids.one_on_one(*(user.id for user in members)) if private else self._store.ids.thread("thread.v2")
        path: Path = ("chats", chat_id)
        self._store.admit(path, members[0].tenant_id)
        for app_id in app_ids:
            self._store.install(app_id, path)
        memberships = [self._membership(path, user, owner=not private and user == members[0]) for user in members]
        self._store.put("created", path, self._chat(path, topic, memberships))
        for member in memberships:
            self._store.put("created", (*path, "members", member["id"]), member)
        return path

    def rename(self, chat: Path, topic: str) -> None:
        """Give a chat another topic.

        Raises:
            LookupError: there is no such chat.
        """
        self._update(chat, topic=topic)

    def add_member(self, chat: Path, user: User) -> Path:
        """Return the path of a new membership; the chat counts as updated, for it lists its members.

        Raises:
            LookupError: there is no such chat.
        """
        entity = self._store.require(chat)
        member = self._membership(chat, user, owner=False)
        path = self._store.put("created", (*chat, "members", member["id"]), member)
        self._update(chat, members=[*entity["members"], member])
        return path

    def set_roles(self, member: Path, roles: Sequence[str]) -> None:
        """Change what a member may do: ``("owner",)`` or nothing; the chat counts as updated, for it lists its members.

        Raises:
            LookupError: there is no such membership.
        """
        changed = self._store.require(member) | {"roles": list(roles)}
        self._store.put("updated", member, changed)
        chat = member[:2]
        members = self._store.require(chat)["members"]
        self._update(chat, members=[changed if other["id"] == member[-1] else other for other in members])

    def remove_member(self, member: Path) -> None:
        """End a membership; the chat counts as updated, for it lists its members.

        Raises:
            LookupError: there is no such membership.
        """
        self._store.remove(member)
        chat = member[:2]
        entity = self._store.require(chat)
        self._update(chat, members=[other for other in entity["members"] if other["id"] != member[-1]])

    def _membership(self, chat: Path, user: User, *, owner: bool) -> Entity:
        # This is the id that Microsoft's published chat has, decoded.
        member_id = ids.member("0", self._store.tenant_of(chat), chat[1], user.id)
        return membership(user, member_id, roles=("owner",) if owner else ())

    def _update(self, chat: Path, **changes: object) -> None:
        entity = self._store.require(chat) | changes | {"lastUpdatedDateTime": timestamp(self._store.now())}
        self._store.put("updated", chat, entity)

    def _chat(self, path: Path, topic: str | None, members: list[Entity]) -> Entity:
        now, tenant_id = timestamp(self._store.now()), self._store.tenant_of(path)
        return {
            "id": path[1],
            "topic": topic,
            "createdDateTime": now,
            "lastUpdatedDateTime": now,
            "chatType": "oneOnOne" if path[1].endswith("@unq.gbl.spaces") else "group",
            "webUrl": f"https://teams.microsoft.com/l/chat/{quote(path[1], safe='')}/0?tenantId={tenant_id}",
            "tenantId": tenant_id,
            "isHiddenForAllMembers": False,
            "onlineMeetingInfo": None,
            "members": members,
            "lastMessagePreview": None,
            "messages": [],
            "installedApps": [],
            "tabs": [],
            "permissionGrants": [],
            "operations": [],
            "pinnedMessages": [],
        }
