"""``do``: what people do in Teams, in the words of a command."""

from collections.abc import Callable

from sandbox.teams import Path, Teams
from sandbox.teams.channels import Channels
from sandbox.teams.chats import Chats
from sandbox.teams.teams import TeamsOfTenant
from sandbox.teams.values import User
from sandbox.verbs.places import Places
from sandbox.verbs.wrong import Wrong

type _Act = Callable[[str, str, str], str]
"""Takes a text, a person and a place."""


class Acting:
    """Carries out one verb of ``do`` at a time, as a person, at a place; each returns what has happened."""

    def __init__(self, teams: Teams, tenant_id: str) -> None:
        self._teams = teams
        self._tenant_id = tenant_id
        self._places = Places(teams, tenant_id)
        self._verbs: dict[str, _Act] = {
            "write": self._write,
            "edit": self._edit,
            "react": self._react,
            "delete": self._delete,
            "join": self._join,
            "leave": self._leave,
            "rename": self._rename,
            "create-team": self._create_team,
        }

    def act(self, verb: str, text: str, *, person: str, place: str) -> str:
        """Return a sentence that says what ``person`` has done.

        Raises:
            Wrong: there is no such verb, person or place, or nothing there to do it to.
        """
        if verb not in self._verbs:
            raise Wrong(f"Nobody can {verb!r}: do one of {', '.join(self._verbs)}.")
        try:
            return self._verbs[verb](text, person, place)
        except ValueError as exc:
            raise Wrong(f"Teams refuses: {exc}.") from exc

    def _write(self, text: str, person: str, place: str) -> str:
        user, conversation = self._places.person(person), self._places.conversation(place)
        self._teams.messages.send(conversation, user, _given(text, "a text"))
        return f"{user.display_name} has written in {place}."

    def _edit(self, text: str, person: str, place: str) -> str:
        user = self._places.person(person)
        message = self._places.last_message(self._places.conversation(place), of=user)
        self._teams.messages.edit(message, _given(text, "a text"))
        return f"{user.display_name} has edited message {message[-1]} in {place}."

    def _react(self, text: str, person: str, place: str) -> str:
        user = self._places.person(person)
        message = self._places.last_message(self._places.conversation(place))
        self._teams.messages.react(message, user, text or "like")
        return f"{user.display_name} has reacted to message {message[-1]} in {place}."

    def _delete(self, text: str, person: str, place: str) -> str:
        _none(text)
        user = self._places.person(person)
        message = self._places.last_message(self._places.conversation(place), of=user)
        self._teams.messages.delete(message)
        return f"{user.display_name} has deleted message {message[-1]} in {place}."

    def _join(self, text: str, person: str, place: str) -> str:
        _none(text)
        path, user = self._places.place(place), self._person_or_new(person)
        if self._places.is_member(path, user):
            raise Wrong(f"{user.display_name} is a member of {place} already.")
        self._kind(path).add_member(path, user)
        return f"{user.display_name} has joined {place}."

    def _leave(self, text: str, person: str, place: str) -> str:
        _none(text)
        path, user = self._places.place(place), self._places.person(person)
        self._kind(path).remove_member(self._places.member(path, user))
        return f"{user.display_name} has left {place}."

    def _rename(self, text: str, person: str, place: str) -> str:
        path, user, name = self._places.place(place), self._places.person(person), _given(text, "a name")
        self._kind(path).rename(path, name)
        return f"{user.display_name} has renamed {place} to {name}."

    def _create_team(self, text: str, person: str, _place: str) -> str:
        user = self._places.person(person)
        self._teams.teams.create(user, _given(text, "a name"))
        return f"{user.display_name} has created the team {text}."

    def _person_or_new(self, name: str) -> User:
        try:
            return self._places.person(name)
        except Wrong:
            return self._teams.add_user(self._tenant_id, name)

    def _kind(self, place: Path) -> Chats | TeamsOfTenant | Channels:
        """Return who looks after a place."""
        if place[0] == "chats":
            return self._teams.chats
        return self._teams.channels if "channels" in place else self._teams.teams


def _given(text: str, what: str) -> str:
    if not text:
        raise Wrong(f"It takes {what}.")
    return text


def _none(text: str) -> None:
    if text:
        raise Wrong(f"It takes no text, and {text!r} is one: say who with --as, and where with --in.")
