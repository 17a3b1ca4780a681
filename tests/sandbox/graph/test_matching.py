"""Which subscription hears of what: one scene is played, and each resource has its own list of what arrives."""

import re
from dataclasses import dataclass

import pytest

from sandbox.entra import Application
from sandbox.teams import Path, User
from tests.sandbox.graph_world import APP, GUID, SECRET, GraphWorld

pytestmark = pytest.mark.slow


@dataclass(frozen=True, kw_only=True)
class Before:
    """What there is before anybody subscribes."""

    chat: Path
    team: Path
    channel: Path
    cem: User


def prepare(world: GraphWorld) -> Before:
    cem = world.teams.add_user(world.ann.tenant_id, "Cem Cey")
    team = world.teams.teams.create(world.ann, "Rockets")
    return Before(
        chat=world.teams.chats.create([world.ann, world.bob], topic="Lunch"),
        team=team,
        channel=world.teams.channels.create(team, "Secret", membership_type="private"),
        cem=cem,
    )


def play(world: GraphWorld, before: Before) -> None:
    chats(world, before)
    channels(world, before)
    stranger = world.teams.add_user(world.teams.add_tenant(), "Dee Doe")
    world.teams.messages.send(world.teams.chats.create([stranger, stranger], topic="x"), stranger, "elsewhere")


def chats(world: GraphWorld, before: Before) -> None:
    teams = world.teams
    teams.chats.rename(before.chat, "Dinner")
    message = teams.messages.send(before.chat, world.bob, "Hungry?", mentions=[world.ann])
    teams.messages.edit(message, "Thirsty?")
    teams.messages.delete(message)
    teams.chats.remove_member(teams.chats.add_member(before.chat, before.cem))
    other = teams.chats.create([world.bob, before.cem])
    teams.messages.send(other, before.cem, "Between us: PIZZA")


def channels(world: GraphWorld, before: Before) -> None:
    teams = world.teams
    teams.teams.rename(before.team, "Rovers")
    root = teams.messages.send(before.channel, world.ann, "Ready?")
    teams.messages.react(teams.messages.reply(root, world.bob, "Pizza first."), world.ann, "like")
    member = teams.channels.add_member(before.channel, world.bob)
    teams.channels.set_roles(member, ("owner",))
    teams.channels.remove_member(member)
    member = teams.teams.add_member(before.team, before.cem)
    teams.teams.set_roles(member, ("owner",))
    teams.teams.remove_member(member)
    teams.channels.rename(before.channel, "Open")
    teams.channels.delete(before.channel)
    teams.teams.delete(teams.teams.create(world.bob, "Second"))


ROOT, REPLY = "teams/channels/messages", "teams/channels/messages/replies"
MEMBERS_OF_CHANNELS = ["created", "updated", "deleted"]
ROWS: dict[str, list[str]] = {
    "/chats": ["updated chats", "updated chats", "updated chats", "created chats"],
    "/chats/{chat}": ["updated chats"] * 3,
    # Ann is in the first chat only; adding Cem and removing him updates it.
    "/users/{ann}/chats": ["updated chats"] * 3,
    "/chats/getAllMessages": [f"{each} chats/messages" for each in ("created", "updated", "deleted", "created")],
    "/chats/{chat}/messages": [f"{each} chats/messages" for each in ("created", "updated", "deleted")],
    "/chats/{chat}/messages?$search=thirsty": ["updated chats/messages"],
    "/chats/{chat}/messages?$filter=mentions/any(u: u/mentioned/user/id eq '{ann}')": [
        "created chats/messages",
        "updated chats/messages",
    ],
    "/chats/{chat}/messages?$filter=mentions/any(u: u/mentioned/user/id eq '{cem}')": [],
    "/users/{cem}/chats/getAllMessages": ["created chats/messages"],
    "/users/{cem}/chats/getAllMessages?$search=pizza": ["created chats/messages"],
    "/chats/getAllMembers": [f"{each} chats/members" for each in ("created", "deleted", "created", "created")],
    "/chats/{chat}/members": ["created chats/members", "deleted chats/members"],
    "/teams/getAllMessages": [f"created {ROOT}", f"created {REPLY}", f"updated {REPLY}"],
    "/teams/{team}/channels/{channel}/messages": [f"created {ROOT}", f"created {REPLY}", f"updated {REPLY}"],
    "/teams/{team}/channels/{channel}/messages?$search=pizza": [f"created {REPLY}", f"updated {REPLY}"],
    "/teams": ["updated teams", "created teams", "deleted teams"],
    "/teams/{team}": ["updated teams"],
    "/teams/getAllChannels": [f"{each} teams/channels" for each in ("updated", "deleted", "created")],
    "/teams/{team}/channels": [f"{each} teams/channels" for each in ("updated", "deleted")],
    "/teams/{team}/members": [f"{each} teams/members" for each in ("created", "updated", "deleted")],
    "/teams/getAllMembers": [f"{each} teams/members" for each in ("created", "updated", "deleted", "created")],
    "/teams/{team}/channels/getAllMembers": [f"{each} teams/channels/members" for each in MEMBERS_OF_CHANNELS],
    "teams/getAllChannels/getAllMembers": [f"{each} teams/channels/members" for each in MEMBERS_OF_CHANNELS],
}
# What a resource does not report cannot be subscribed to either.
CHANGE_TYPES = {
    "/chats": "created,updated",
    "/chats/{chat}": "updated",
    "/users/{ann}/chats": "created,updated",
    "/chats/getAllMembers": "created,deleted",
    "/chats/{chat}/members": "created,deleted",
    "/teams/{team}": "updated,deleted",
}


@pytest.mark.parametrize("resource", ROWS)
def test_a_subscription_hears_of_its_own_changes_in_order(world: GraphWorld, resource: str) -> None:
    before = world.do(lambda: prepare(world))
    filled = resource.format(
        chat=before.chat[1], team=before.team[1], channel=before.channel[3], ann=world.ann.id, cem=before.cem.id
    )
    change_type = CHANGE_TYPES.get(resource, "created,updated,deleted")
    world.subscribe(version="beta", resource=filled, changeType=change_type)
    world.do(lambda: play(world, before))
    world.settle()
    told = [f"{item['changeType']} {re.sub(r"\('[^']*'\)", '', item['resource'])}" for item in world.receiver.items]
    assert told == ROWS[resource]


def test_a_subscription_hears_only_of_the_changes_it_named(world: GraphWorld) -> None:
    before = world.do(lambda: prepare(world))
    world.subscribe(changeType="deleted")
    world.do(lambda: play(world, before))
    world.settle()
    assert [item["changeType"] for item in world.receiver.items] == ["deleted"]


def test_an_app_is_notified_of_the_chats_that_it_is_installed_in(world: GraphWorld) -> None:
    people = [world.ann, world.bob]
    with_app = world.do(lambda: world.teams.chats.create(people, topic="Lunch", app_ids=(GUID,)))
    permission = ("Chat.Read.WhereInstalled",)
    world.entra.register(Application(client_id=APP, tenant_ids=(world.ann.tenant_id,), secret=SECRET, roles=permission))
    world.subscribe(resource=f"appCatalogs/teamsApps/{GUID}/installedToChats/getAllMessages")
    (message,) = world.send("with the app", chat=with_app)
    world.send("without it")
    assert [item["resourceData"]["id"] for item in world.receiver.items] == [message[-1]]


_INDIRECT, _SUPPRESSED = "notifyOnIndirectMembershipUpdate", "suppressNotificationWhenSharedUnsharedWithTeam"


@pytest.mark.parametrize(
    ("query", "changes"),
    [
        ("", ["created"]),
        (f"?{_INDIRECT}=false", ["created"]),
        # Direct; the guest team as it is shared; Bob joins it, is made an owner, leaves; it is unshared.
        (f"?{_INDIRECT}=true", ["created", "created", "created", "updated", "deleted", "deleted"]),
        (f"?{_INDIRECT}=true&{_SUPPRESSED}=true", ["created", "created", "updated", "deleted"]),
    ],
)
def test_indirect_members_are_reported_only_if_asked_for(world: GraphWorld, query: str, changes: list[str]) -> None:
    teams, channels = world.teams.teams, world.teams.channels
    host = world.do(lambda: teams.create(world.ann, "Host"))
    guest = world.do(lambda: teams.create(world.ann, "Guest"))
    channel = world.do(lambda: channels.create(host, "Suppliers", membership_type="shared"))
    world.subscribe(resource=f"/teams/{host[1]}/channels/getAllMembers{query}")
    world.subscribe(version="beta", resource="/teams/getAllChannels/getAllMembers")

    def live() -> None:
        channels.add_member(channel, world.bob)
        share = channels.sharing.share(channel, guest)
        member = teams.add_member(guest, world.bob)
        teams.set_roles(member, ("owner",))
        teams.remove_member(member)
        channels.sharing.unshare(share)

    world.do(live)
    world.settle()
    # The tenant-wide path reports private channels only, and so adds nothing.
    assert [item["changeType"] for item in world.receiver.items] == changes
    indirect = [item for item in world.receiver.items if "/allMembers('" in item["resource"]]
    assert len(indirect) == len(changes) - 1
