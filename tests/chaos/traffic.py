"""People at work in the simulated Teams: one small thing after the other, by chance that can be repeated."""

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sandbox.teams import Path, Teams, User

_NAMES = ("Adele Vance", "Alex Wilber", "Megan Bowen", "Isaiah Langer", "Lynne Robbins", "Nestor Wilke")
# More than a queue message holds.
_LONG_TEXT = "All that was said in the meeting, word for word. " * 1200
_LONG_SHARE = 0.01
# Old messages are left alone.
_RECENT = 60


class Traffic:
    """A tenant with people, chats and teams; ``step`` is one change, or two where Teams reports it twice."""

    def __init__(self, teams: Teams, tenant_id: str, *, seed: int) -> None:
        self._teams = teams
        self._tenant_id = tenant_id
        self._dice = random.Random(seed)  # noqa: S311  chance that can be repeated, no secret
        self._people = [teams.add_user(tenant_id, name) for name in _NAMES]
        self._chats = [teams.chats.create(self._people[:count], topic=f"Chat of {count}") for count in (3, 4, 5)]
        self._own_teams = [teams.teams.create(self._people[0], name) for name in ("Marketing", "Sales")]
        self._channels = [teams.channels.create(team, "Launch") for team in self._own_teams]
        # What is deleted later has no messages: they would go with it, and could not be read afterwards.
        self._short_lived: list[Path] = []
        self._messages: list[Path] = []
        self._members: dict[tuple[Path, User], Path] = {}
        self._count = 0
        self._acts: Mapping[Callable[[], None], int] = {
            self._send: 40,
            self._reply: 8,
            self._edit: 14,
            self._react: 10,
            self._delete: 5,
            self._rename_chat: 4,
            self._create_chat: 1,
            self._rename_team: 3,
            self._join_or_leave: 6,
            self._create_channel: 2,
            self._rename_channel: 2,
            self._delete_container: 4,
            self._create_team: 2,
        }

    def subscriptions(self) -> Sequence[Mapping[str, Any]]:
        """Return entries for ``subscriptions.json``: every change is watched with its content, and some twice."""
        everything, rich = "created,updated,deleted", {"includeResourceData": True}
        entries: Sequence[dict[str, Any]] = [
            {"resource": "/chats", "changeType": "created,updated"} | rich,
            {"resource": "/chats/getAllMessages", "changeType": everything} | rich,
            {"resource": f"/chats/{self._chats[0][1]}/messages", "changeType": everything},
            {"resource": "/chats/getAllMembers", "changeType": "created,deleted"} | rich,
            {"resource": "/teams", "changeType": everything} | rich,
            {"resource": f"/teams/{self._own_teams[0][1]}", "changeType": "updated,deleted"},
            {"resource": f"/teams/{self._own_teams[0][1]}/members", "changeType": everything} | rich,
            {"resource": "/teams/getAllChannels", "changeType": everything} | rich,
            {"resource": "/teams/getAllMessages", "changeType": everything} | rich,
        ]
        return [entry | {"tenantId": self._tenant_id} for entry in entries]

    def messages(self) -> Sequence[Mapping[str, Any]]:
        """Return the entries that watch all messages, and nothing else."""
        return [entry for entry in self.subscriptions() if str(entry["resource"]).endswith("/getAllMessages")]

    def step(self) -> None:
        """Make one change."""
        self._dice.choices(list(self._acts), list(self._acts.values()))[0]()

    def _send(self) -> None:
        place = self._dice.choice([*self._chats, *self._channels])
        text = _LONG_TEXT if self._dice.random() < _LONG_SHARE else self._text("Grüße")
        self._messages.append(self._teams.messages.send(place, self._anyone(), text))
        del self._messages[:-_RECENT]

    def _reply(self) -> None:
        if posts := [path for path in self._messages if path[-2] == "messages" and path[0] == "teams"]:
            answered = self._dice.choice(posts)
            self._messages.append(self._teams.messages.reply(answered, self._anyone(), self._text("Answer")))

    def _edit(self) -> None:
        if self._messages:
            self._teams.messages.edit(self._dice.choice(self._messages), self._text("Edited"))

    def _react(self) -> None:
        if self._messages:
            self._teams.messages.react(self._dice.choice(self._messages), self._anyone(), "like")

    def _delete(self) -> None:
        if self._messages:
            self._teams.messages.delete(self._messages.pop(self._dice.randrange(len(self._messages))))

    def _rename_chat(self) -> None:
        self._teams.chats.rename(self._dice.choice(self._chats), self._text("Chat"))

    def _create_chat(self) -> None:
        self._chats.append(self._teams.chats.create(self._dice.sample(self._people, 3), topic=self._text("Chat")))

    def _rename_team(self) -> None:
        self._teams.teams.rename(self._dice.choice(self._own_teams), self._text("Team"))

    def _join_or_leave(self) -> None:
        # A member who returns has the same id: Graph's notifications are the same as before.
        place, user = self._dice.choice([self._chats[0], self._own_teams[0]]), self._dice.choice(self._people[3:])
        members = self._teams.chats if place[0] == "chats" else self._teams.teams
        member = self._members.pop((place, user), None)
        if member is None:
            self._members[place, user] = members.add_member(place, user)
        else:
            members.remove_member(member)

    def _create_channel(self) -> None:
        self._short_lived.append(self._teams.channels.create(self._dice.choice(self._own_teams), self._text("Channel")))

    def _rename_channel(self) -> None:
        self._teams.channels.rename(self._dice.choice(self._channels), self._text("Launch"))

    def _create_team(self) -> None:
        self._short_lived.append(self._teams.teams.create(self._anyone(), self._text("Team")))

    def _delete_container(self) -> None:
        if not self._short_lived:
            return
        path = self._short_lived.pop(self._dice.randrange(len(self._short_lived)))
        if path[-2] == "teams":
            self._teams.teams.delete(path)
        else:
            self._teams.channels.delete(path)

    def _anyone(self) -> User:
        return self._dice.choice(self._people)

    def _text(self, what: str) -> str:
        self._count += 1
        return f"{what} {self._count} 🍜"
