"""The events about chats, teams, channels, members and messages: what happens in Teams for each of them."""

from collections.abc import Callable, Mapping
from itertools import count

from sandbox.run.scenario import Cast
from sandbox.teams import Path, Teams, User

type Happening = Callable[[], object]


class TeamsEvents:
    """Has each thing happen; what has to be there before is made first, and is reported too."""

    def __init__(self, teams: Teams, cast: Cast) -> None:
        self._teams = teams
        self._cast = cast
        self._numbers = count(1)
        self.by_type: Mapping[str, Happening] = self._chats() | self._of_teams() | self._channels() | self._members()

    def _chats(self) -> dict[str, Happening]:
        chats, messages, cast = self._teams.chats, self._teams.messages, self._cast
        return {
            "ChatCreated": lambda: chats.create([cast.adele, cast.megan], topic=self._name("Chat")),
            "ChatUpdated": lambda: chats.rename(cast.standup, self._name("Stand-up")),
            "ChatMessageCreated": self._message,
            "ChatMessageUpdated": lambda: messages.edit(self._message(), self._name("Edited")),
            "ChatMessageDeleted": lambda: messages.delete(self._message()),
        }

    def _of_teams(self) -> dict[str, Happening]:
        teams, cast = self._teams.teams, self._cast
        return {
            "TeamCreated": self._team,
            "TeamUpdated": lambda: teams.rename(cast.marketing, self._name("Marketing")),
            "TeamDeleted": lambda: teams.delete(self._team()),
        }

    def _channels(self) -> dict[str, Happening]:
        channels = self._teams.channels
        return {
            "ChannelCreated": self._channel,
            "ChannelUpdated": lambda: channels.rename(self._channel(), self._name("Renamed")),
            "ChannelDeleted": lambda: channels.delete(self._channel()),
        }

    def _members(self) -> dict[str, Happening]:
        chats, teams, cast = self._teams.chats, self._teams.teams, self._cast
        return {
            "ConversationMemberCreated": lambda: chats.add_member(cast.standup, self._person()),
            "ConversationMemberUpdated": lambda: teams.set_roles(self._member(), ("owner",)),
            "ConversationMemberDeleted": lambda: teams.remove_member(self._member()),
        }

    def _message(self) -> Path:
        return self._teams.messages.send(self._cast.standup, self._cast.alex, self._name("Message"))

    def _team(self) -> Path:
        return self._teams.teams.create(self._cast.adele, self._name("Team"))

    def _channel(self) -> Path:
        return self._teams.channels.create(self._cast.marketing, self._name("Channel"))

    def _member(self) -> Path:
        return self._teams.teams.add_member(self._cast.marketing, self._person())

    def _person(self) -> User:
        return self._teams.add_user(self._cast.alex.tenant_id, self._name("Person"))

    def _name(self, kind: str) -> str:
        return f"{kind} {next(self._numbers)}"
