"""A short scene in Teams: people chat, edit, delete, join and leave, a team is renamed, and a certificate rotates."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.teams import Path, Teams, User

# More than a queue message holds, which is 64 KiB in Base64.
_LONG_TEXT = "All that was said in the meeting, word for word. " * 1600


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """Who and what is there before the curtain rises; the single subscriptions watch these."""

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
class Stage:
    """Where the scene is played: ``say`` announces an act, ``pause`` is what lies between two changes."""

    teams: Teams
    cast: Cast
    say: Callable[[str], None]
    pause: Callable[[], Awaitable[None]]
    rotate: Callable[[], Awaitable[None]]
    """Gives the vault a new certificate and returns once the subscriptions use it."""

    async def play(self) -> None:
        """Play the scene from beginning to end."""
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
        chat = chats.create([cast.adele, cast.alex])
        await self.pause()
        question = messages.send(chat, cast.adele, "Lunch at noon? 🍜")
        await self.pause()
        messages.react(question, cast.alex, "like")
        await self.pause()
        answer = messages.send(chat, cast.alex, "Grüße vom Zug, bin um zwölf da")
        await self.pause()
        messages.edit(answer, "Grüße vom Zug, bin um halb eins da")
        await self.pause()
        messages.delete(question)
        await self.pause()

    async def _standup(self) -> None:
        chats, messages, cast = self.teams.chats, self.teams.messages, self.cast
        megan = chats.add_member(cast.standup, cast.megan)
        await self.pause()
        messages.send(cast.standup, cast.megan, "Good morning, who has seen the numbers?")
        await self.pause()
        chats.rename(cast.standup, "Stand-up, 9:15 sharp")
        await self.pause()
        chats.remove_member(megan)
        await self.pause()

    async def _team(self) -> None:
        teams, channels, messages = self.teams.teams, self.teams.channels, self.teams.messages
        alex = teams.add_member(self.cast.marketing, self.cast.alex)
        await self.pause()
        channel = channels.create(self.cast.marketing, "Launch")
        await self.pause()
        post = messages.send(channel, self.cast.adele, "The launch is on Friday")
        await self.pause()
        reply = messages.reply(post, self.cast.alex, "Which Friday?")
        await self.pause()
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
        messages.send(cast.standup, cast.adele, "Encrypted to the old certificate")
        await self.pause()
        await self.rotate()
        messages.send(cast.standup, cast.adele, "Encrypted to the new certificate")
        await self.pause()

    async def _long_message(self) -> None:
        self.teams.messages.send(self.cast.standup, self.cast.alex, _LONG_TEXT)
        await self.pause()

    async def _short_lived_team(self) -> None:
        team = self.teams.teams.create(self.cast.adele, "Office party")
        await self.pause()
        channel = self.teams.channels.create(team, "Music")
        await self.pause()
        self.teams.channels.delete(channel)
        await self.pause()
        self.teams.teams.delete(team)
        await self.pause()
