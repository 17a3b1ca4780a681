"""Random changes in the chats and teams that are subscribed to: messages, names, members, channels."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count, cycle, islice
from random import Random
from typing import Any

from sandbox.teams import Path, Teams, User
from tests.flows.deployment import LoopbackDeployment

_ALL = "created,updated,deleted"
_RICH = {"includeResourceData": True}
_EVERYWHERE: Sequence[Mapping[str, Any]] = (
    {"resource": "/chats", "changeType": "created,updated"} | _RICH,
    {"resource": "/chats/getAllMessages", "changeType": _ALL} | _RICH,
    {"resource": "/chats/getAllMembers", "changeType": "created,deleted"},
    {"resource": "/teams", "changeType": _ALL},
    {"resource": "/teams/getAllMessages", "changeType": _ALL} | _RICH,
    {"resource": "/teams/getAllChannels", "changeType": _ALL},
)
# Of a chat or a team of its own each, because an app may have one subscription to most of them.
_OF_ONE: Sequence[Mapping[str, Any]] = (
    {"resource": "/chats/{id}/messages", "changeType": _ALL} | _RICH,
    {"resource": "/teams/{id}/channels", "changeType": _ALL} | _RICH,
    {"resource": "/chats/{id}/messages", "changeType": _ALL},
    {"resource": "/teams/{id}/members", "changeType": _ALL} | _RICH,
    {"resource": "/chats/{id}", "changeType": "updated"} | _RICH,
    {"resource": "/chats/{id}/members", "changeType": "created,deleted"} | _RICH,
)


@dataclass(frozen=True, kw_only=True)
class Place:
    """A chat or a team, its owner, and a guest who joins and leaves."""

    path: Path
    host: User
    guest: User


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """The changes in all places; ``entries`` subscribe to them."""

    teams: Teams
    places: Sequence[Place]
    entries: Sequence[Mapping[str, Any]]
    dice: Random

    @classmethod
    def starting(cls, deployment: LoopbackDeployment, *, subscriptions: int, dice: Random) -> "Traffic":
        """Return traffic in the places of so many subscriptions, spread evenly over the tenants."""
        places: list[Place] = []
        entries: list[Mapping[str, Any]] = []
        for number, tenant_id in enumerate(deployment.tenant_ids):
            share = subscriptions // len(deployment.tenant_ids) + (number < subscriptions % len(deployment.tenant_ids))
            for entry, place in islice(_entries(deployment, tenant_id), share):
                entries.append({**entry, "tenantId": tenant_id})
                places += [place] if place else []
        return cls(teams=deployment.teams, places=places, entries=entries, dice=dice)

    def act(self, times: int) -> None:
        """Make so many random changes; belongs in the loop of the services."""
        for _ in range(times):
            place = self.dice.choice(self.places)
            changes = _IN_CHATS if place.path[0] == "chats" else _IN_TEAMS
            self.dice.choice(changes)(self.teams, place)


def _entries(deployment: LoopbackDeployment, tenant_id: str) -> Iterator[tuple[Mapping[str, Any], Place | None]]:
    """Yield entries for one tenant without end, each with the place that was created for it."""
    host, guest = deployment.people[tenant_id]
    yield from ((entry, None) for entry in _EVERYWHERE)
    for entry, number in zip(cycle(_OF_ONE), count(), strict=False):
        is_chat = entry["resource"].startswith("/chats")
        path = deployment.new_chat(tenant_id) if is_chat else _new_team(deployment, host, number)
        resource = entry["resource"].replace("{id}", path[1])
        yield {**entry, "resource": resource}, Place(path=path, host=host, guest=guest)


def _new_team(deployment: LoopbackDeployment, host: User, number: int) -> Path:
    return deployment.do(lambda: deployment.teams.teams.create(host, f"Team {number}"))


def _write(teams: Teams, place: Place) -> None:
    teams.messages.send(place.path, place.host, "Grüße aus Köln 👋")


def _write_and_edit(teams: Teams, place: Place) -> None:
    message = teams.messages.send(place.path, place.guest, "Lunch at noon?")
    teams.messages.edit(message, "Lunch at one?")


def _rename_chat(teams: Teams, place: Place) -> None:
    teams.chats.rename(place.path, "Lunch, but later")


def _join_and_leave(teams: Teams, place: Place) -> None:
    joined = teams.teams.add_member(place.path, place.guest)
    teams.teams.remove_member(joined)


def _open_channel(teams: Teams, place: Place) -> None:
    channel = teams.channels.create(place.path, "Launch")
    teams.messages.send(channel, place.host, "The launch is on Friday")
    teams.channels.delete(channel)


type Change = Callable[[Teams, Place], None]
_IN_CHATS: Sequence[Change] = (_write, _write, _write_and_edit, _rename_chat)
_IN_TEAMS: Sequence[Change] = (_join_and_leave, _open_channel)
