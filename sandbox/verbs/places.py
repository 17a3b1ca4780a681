"""Whom and what do the words of a command mean? People, chats, teams and channels by the names that one sees."""

from collections.abc import Iterable, Iterator, Mapping

from sandbox.teams import Path, Teams, Thing, User
from sandbox.verbs.wrong import Wrong


class Places:
    """The people and conversations of one tenant, by name; upper and lower case are the same."""

    def __init__(self, teams: Teams, tenant_id: str) -> None:
        self._teams = teams
        self._tenant_id = tenant_id

    def person(self, name: str) -> User:
        """Return the person whose name begins so.

        Raises:
            Wrong: nobody's does.
        """
        people = self._teams.contents.users(self._tenant_id)
        for user in people:
            if user.display_name.casefold().startswith(name.casefold()):
                return user
        raise Wrong(f"Nobody is called {name!r}: there are {_listed(user.display_name for user in people)}.")

    def place(self, name: str) -> Path:
        """Return a chat by its topic, a team by its name, or a channel as TEAM/CHANNEL.

        The whole name, or its beginning; of several places that begin so, the oldest.

        Raises:
            Wrong: there is no such place.
        """
        named = self.named()
        for known, path in named.items():
            if known.casefold() == name.casefold():
                return path
        for known, path in named.items():
            if known.casefold().startswith(name.casefold()):
                return path
        raise Wrong(f"There is no chat, team or channel {name!r}: there are {_listed(named)}.")

    def conversation(self, name: str) -> Path:
        """Return where one writes: a chat or a channel; of a team, its first channel.

        Raises:
            Wrong: there is no such place.
        """
        path = self.place(name)
        return path if path[0] == "chats" or "channels" in path else next(self._things(*path, "channels")).path

    def last_message(self, conversation: Path, *, of: User | None = None) -> Path:
        """Return the last message that is not deleted.

        Raises:
            Wrong: there is none.
        """
        for thing in reversed(list(self._things(*conversation, "messages"))):
            if not thing.entity["deletedDateTime"] and of in {None, self._author(thing)}:
                return thing.path
        raise Wrong(f"There is no message{f' of {of.display_name}' if of else ''} to be changed there: write one.")

    def member(self, place: Path, user: User) -> Path:
        """Return a person's membership of a chat, a team or a channel with members of its own.

        Raises:
            Wrong: the person is no member.
        """
        found = self._membership(place, user)
        if found is None:
            raise Wrong(f"{user.display_name} is no member there.")
        return found

    def is_member(self, place: Path, user: User) -> bool:
        """Return whether ``member`` finds a membership."""
        return self._membership(place, user) is not None

    def named(self) -> Mapping[str, Path]:
        """Return every place by its name; chats without a topic have none."""
        places = {str(chat.entity["topic"]): chat.path for chat in self._things("chats") if chat.entity["topic"]}
        for team in self._things("teams"):
            name = team.entity["displayName"]
            places[name] = team.path
            channels = self._things(*team.path, "channels")
            places |= {f"{name}/{channel.entity['displayName']}": channel.path for channel in channels}
        return places

    def _membership(self, place: Path, user: User) -> Path | None:
        members = self._things(*place, "members")
        return next((thing.path for thing in members if thing.entity["userId"] == user.id), None)

    def _author(self, message: Thing) -> User | None:
        author = message.entity["from"]["user"]["id"]
        return next((user for user in self._teams.contents.users(self._tenant_id) if user.id == author), None)

    def _things(self, *collection: str) -> Iterator[Thing]:
        return self._teams.contents.of(collection, tenant_id=self._tenant_id)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
