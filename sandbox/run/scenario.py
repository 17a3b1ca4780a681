"""A short scenario in Teams: people chat, edit, join and leave, a team is renamed, and a certificate rotates."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.teams import Path, Teams, User

# More than a queue message holds, which is 64 KiB in Base64.
_LONG_TEXT = "All that was said in the meeting, word for word. " * 1600


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """The people, the chat and the team that exist before the scenario begins; some subscriptions watch just these."""

    adele: User
    alex: User
    megan: User
    standup: Path
    marketing: Path

    @classmethod
    def assemble(cls, teams: Teams, tenant_id: str) -> "Cast":
        """Return people, a chat and a team of the tenant."""
        adele, alex, megan = (teams.add_user(tenant_id, name) for name in ("Adele Vance", "Alex Wilber", "Megan Bowen"))
        return cls(
            adele=adele,
            alex=alex,
            megan=megan,
            standup=teams.chats.create([adele, alex], topic="Stand-up"),
            marketing=teams.teams.create(adele, "Marketing"),
        )

    def subscriptions(self) -> Sequence[Mapping[str, Any]]:
        """Return entries for ``subscriptions.json``: tenant-wide and single, with and without resource data."""
        everything, standup, marketing = "created,updated,deleted", self.standup[1], self.marketing[1]
        rich = {"includeResourceData": True}
        return [
            {"resource": "/chats", "changeType": "created,updated"} | rich,
            {"resource": f"/chats/{standup}", "changeType": "updated"},
            {"resource": "/chats/getAllMessages", "changeType": everything} | rich,
            {"resource": f"/chats/{standup}/messages", "changeType": everything},
            {"resource": "/chats/getAllMembers", "changeType": "created,deleted"} | rich,
            {"resource": "/teams", "changeType": everything},
            {"resource": f"/teams/{marketing}", "changeType": "updated,deleted"} | rich,
            {"resource": f"/teams/{marketing}/members", "changeType": everything} | rich,
            {"resource": "/teams/getAllChannels", "changeType": everything} | rich,
            {"resource": "/teams/getAllMessages", "changeType": everything} | rich,
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """The changes, one after the other: ``say`` announces an act, ``pause`` lies between two changes."""

    teams: Teams
    cast: Cast
    say: Callable[[str], None]
    pause: Callable[[], Awaitable[None]]
    rotate: Callable[[], Awaitable[None]]
    """Gives the vault a new certificate and returns once the subscriptions use it."""

    async def play(self) -> None:
        """Make all changes."""
        for title, act in (
            ("A chat", self._chat),
            ("The stand-up", self._standup),
            ("The marketing team", self._team),
            ("A new certificate, in the middle of it all", self._rotation),
            ("A long message", self._long_message),
            ("A team that comes and goes", self._short_lived_team),
        ):
            self.say(title)
            await act()

    async def _chat(self) -> None:
        chats, messages, cast = self.teams.chats, self.teams.messages, self.cast
        chat = await self._pause_after(chats.create([cast.adele, cast.alex]))
        question = await self._pause_after(messages.send(chat, cast.adele, "Lunch at noon? 🍜"))
        messages.react(question, cast.alex, "like")
        await self.pause()
        answer = await self._pause_after(messages.send(chat, cast.alex, "Grüße vom Zug, bin um zwölf da"))
        messages.edit(answer, "Grüße vom Zug, bin um halb eins da")
        await self.pause()
        messages.delete(question)
        await self.pause()

    async def _standup(self) -> None:
        chats, messages, cast = self.teams.chats, self.teams.messages, self.cast
        megan = await self._pause_after(chats.add_member(cast.standup, cast.megan))
        await self._pause_after(messages.send(cast.standup, cast.megan, "Good morning, who has seen the numbers?"))
        chats.rename(cast.standup, "Stand-up, 9:15 sharp")
        await self.pause()
        chats.remove_member(megan)
        await self.pause()

    async def _team(self) -> None:
        teams, channels, messages = self.teams.teams, self.teams.channels, self.teams.messages
        alex = await self._pause_after(teams.add_member(self.cast.marketing, self.cast.alex))
        channel = await self._pause_after(channels.create(self.cast.marketing, "Launch"))
        post = await self._pause_after(messages.send(channel, self.cast.adele, "The launch is on Friday"))
        reply = await self._pause_after(messages.reply(post, self.cast.alex, "Which Friday?"))
        messages.edit(post, "The launch is on Friday the 27th")
        await self.pause()
        messages.delete(reply)
        await self.pause()
        channels.rename(channel, "Launch 2027")
        await self.pause()
        teams.set_roles(alex, ["owner"])
        await self.pause()
        teams.rename(self.cast.marketing, "Marketing & Communications")
        await self.pause()
        teams.remove_member(alex)
        await self.pause()

    async def _rotation(self) -> None:
        messages, cast = self.teams.messages, self.cast
        await self._pause_after(messages.send(cast.standup, cast.adele, "Encrypted to the old certificate"))
        await self.rotate()
        await self._pause_after(messages.send(cast.standup, cast.adele, "Encrypted to the new certificate"))

    async def _long_message(self) -> None:
        await self._pause_after(self.teams.messages.send(self.cast.standup, self.cast.alex, _LONG_TEXT))

    async def _short_lived_team(self) -> None:
        team = await self._pause_after(self.teams.teams.create(self.cast.adele, "Office party"))
        channel = await self._pause_after(self.teams.channels.create(team, "Music"))
        self.teams.channels.delete(channel)
        await self.pause()
        self.teams.teams.delete(team)
        await self.pause()

    async def _pause_after[T](self, change: T) -> T:
        """Return what a change in Teams made, once the pause that follows it is over."""
        await self.pause()
        return change
